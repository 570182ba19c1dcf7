/** Two at once, Ctrl-C, and a notebox that is killed: with real processes and real signals. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLab, type Lab, until } from "./fakes/vagrant.ts";

let lab: Lab;
beforeEach(async () => {
  lab = await createLab();
});
afterEach(() => lab.remove());

const UP = "up --provider virtualbox --no-destroy-on-error --machine-readable";
const lockFile = (): string => path.join(lab.folder, ".notebox", "up.lock");
const state = (name: string): string => path.join(lab.state, name);
const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !/^\S+ \(.*\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};
/** A `vagrant up` that works until it is interrupted, then tidies up as Vagrant does. */
const SLOW = `
echo $BASHPID >"$S/pid"
trap 'echo interrupted >>"$S/signals"; sleep 0.5; echo tidied >>"$S/signals"; exit 1' INT
have_vm; set_state running
say info '==> default: Booting VM...'
touch "$S/working"
while :; do sleep 0.05; done`;

async function working(): Promise<number> {
  await until(() => fs.existsSync(state("working")), "the fake Vagrant");
  return Number(fs.readFileSync(state("pid"), "utf8"));
}

describe("a second one", () => {
  test("is told who is at work: exit 9", async () => {
    lab.verb("up", SLOW);
    const first = lab.start("up");
    await working();
    for (const verb of ["up", "down"]) {
      const { code, stderr } = await lab.run(verb);
      expect(code).toBe(9);
      expect(stderr).toMatch(
        new RegExp(`\`notebox up\` is at work on this workbench already: process ${first.pid} on this computer`),
      );
    }
    expect((await lab.run("status")).stdout).toContain("`notebox up` is at work on it.");
    first.kill("SIGINT");
    expect((await first.ended).code).toBe(130);
    expect(fs.existsSync(lockFile())).toBe(false);
    expect((await lab.run("status")).stdout).not.toContain("at work");
  });

  test("of eight that start together, one goes to work", async () => {
    lab.verb("up", `echo x >>"$S/ups"; sleep 3; fail Vagrant::Errors::SSHNotReady later`);
    const codes = (await Promise.all(Array.from({ length: 8 }, () => lab.run("up")))).map(({ code }) => code);
    expect(codes.sort()).toEqual([7, 9, 9, 9, 9, 9, 9, 9]);
    expect(fs.readFileSync(state("ups"), "utf8")).toBe("x\n");
  });

  test("of eight that find a dead one's lock, one takes it over", async () => {
    lab.verb("up", `echo x >>"$S/ups"; sleep 3; fail Vagrant::Errors::SSHNotReady later`);
    writeLock({ pid: 2 ** 22 - 7, started: "1" });
    const codes = (await Promise.all(Array.from({ length: 8 }, () => lab.run("up")))).map(({ code }) => code);
    expect(codes.sort()).toEqual([7, 9, 9, 9, 9, 9, 9, 9]);
    expect(fs.readFileSync(state("ups"), "utf8")).toBe("x\n");
  });

  test("a lock of another computer is respected, and the message says how to end that", async () => {
    writeLock({ pid: 1, started: "" }, "lab-pc-7");
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(9);
    expect(stderr).toContain("the computer lab-pc-7");
    expect(stderr).toContain(`delete ${lockFile()}`);
  });

  test("a process number that was given away again is no owner", async () => {
    lab.verb("up", "fail Vagrant::Errors::SSHNotReady x");
    writeLock({ pid: process.pid, started: "1" });
    expect((await lab.run("up")).code).toBe(7);
  });

  test("a lock that was cut off while it was written is taken over after a moment", async () => {
    fs.mkdirSync(path.dirname(lockFile()), { recursive: true });
    fs.writeFileSync(lockFile(), '{"host":');
    fs.utimesSync(lockFile(), 1, 1);
    lab.verb("up", "fail Vagrant::Errors::SSHNotReady x");
    expect((await lab.run("up")).code).toBe(7);
  });
});

function writeLock(process_: { pid: number; started: string }, host = os.hostname()): void {
  fs.mkdirSync(path.dirname(lockFile()), { recursive: true });
  fs.writeFileSync(
    lockFile(),
    JSON.stringify({ host, process: process_, time: "2026-01-01T00:00:00.000Z", command: "up" }),
  );
}

describe("Ctrl-C", () => {
  test("reaches Vagrant once, waits until it has tidied up, and says how to go on: exit 130", async () => {
    lab.verb("up", SLOW);
    const run = lab.start("up");
    const pid = await working();
    run.kill("SIGINT");
    const { code, stdout, stderr } = await run.ended;
    expect(code).toBe(130);
    expect(fs.readFileSync(state("signals"), "utf8")).toBe("interrupted\ntidied\n");
    expect(alive(pid)).toBe(false);
    expect(stdout).toBe("");
    expect(stderr).toContain("`notebox up` goes on where it stopped");
    expect(fs.existsSync(lockFile())).toBe(false);
  });

  test("of the whole terminal reaches Vagrant once too", async () => {
    lab.verb("up", SLOW);
    // A terminal's Ctrl-C goes to every process of the foreground group.
    const { spawn } = await import("node:child_process");
    const { program } = await import("./fakes/vagrant.ts");
    const run = spawn(process.execPath, [program, "-C", lab.folder, "up"], {
      env: lab.env,
      stdio: "ignore",
      detached: true,
    });
    const ended = new Promise((resolve) => run.on("close", resolve));
    await working();
    process.kill(-(run.pid ?? 0), "SIGINT");
    expect(await ended).toBe(130);
    expect(fs.readFileSync(state("signals"), "utf8")).toBe("interrupted\ntidied\n");
  });

  test("a terminal that is closed is an interruption too, and Vagrant still has the time to tidy up", async () => {
    lab.verb("up", SLOW);
    // `script` gives notebox a terminal; when it is killed, that terminal hangs up.
    const { spawn } = await import("node:child_process");
    const { program } = await import("./fakes/vagrant.ts");
    const line = `stty cols 100 rows 40; exec '${process.execPath}' '${program}' -C '${lab.folder}' up`;
    const terminal = spawn("script", ["-qec", line, "/dev/null"], {
      env: { ...lab.env, PATH: `${lab.bin}:${process.env["PATH"]}`, SHELL: "/bin/sh" },
      stdio: "ignore",
    });
    await working();
    terminal.kill("SIGKILL");
    await until(
      () => fs.existsSync(state("signals")) && /tidied/.test(fs.readFileSync(state("signals"), "utf8")),
      "the tidying up",
    );
    await until(() => !fs.existsSync(lockFile()), "the release of the lock");
  });

  test("twice hurries a Vagrant that does not stop", async () => {
    lab.verb(
      "up",
      `echo $BASHPID >"$S/pid"; trap 'echo no >>"$S/signals"' INT; touch "$S/working"; while :; do sleep 0.05; done`,
    );
    const run = lab.start("up");
    const pid = await working();
    for (let count = 0; count < 3; count++) {
      run.kill("SIGINT");
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect((await run.ended).code).toBe(130);
    await until(() => !alive(pid), "the end of the fake Vagrant");
  });

  test("with --json: one document", async () => {
    lab.verb("up", SLOW);
    const run = lab.start("up", "--json");
    await working();
    run.kill("SIGTERM");
    const { code, stdout, stderr } = await run.ended;
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, command: "up", error: { code: "interrupted" } });
    expect(stderr).toBe("");
  });
});

describe("killed", () => {
  test("notebox alone: the next one ends the Vagrant that was left, then starts the VM again", async () => {
    lab.verb("up", SLOW);
    const run = lab.start("up");
    const pid = await working();
    run.kill("SIGKILL");
    await run.ended;
    expect(alive(pid)).toBe(true);
    lab.verb("up", "set_state running; fail Vagrant::Errors::SSHNotReady later");
    const { code, stderr } = await lab.run("up");
    expect(alive(pid)).toBe(false);
    expect(fs.readFileSync(state("signals"), "utf8")).toBe("interrupted\ntidied\n");
    expect(stderr).toContain("Ending what an interrupted run left at work");
    expect(code).toBe(7);
  });

  const machine = (id: string, begun: boolean): void => {
    const folder = path.join(lab.folder, ".vagrant/machines/default/virtualbox");
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, "id"), `${id}\n`);
    if (begun) fs.writeFileSync(path.join(folder, "action_provision"), `1.5:${id}`);
  };

  test.each(["poweroff", "running"])("a VM (%s) that was never set up is made anew", async (word) => {
    machine("half-made", false);
    fs.writeFileSync(state("state"), `${word}\n`);
    lab.verb("ssh-config", "exit 1");
    lab.verb("up", "fail Vagrant::Errors::BoxNotFound 'far enough'");
    const { stderr } = await lab.run("up");
    expect(stderr).toContain("it is made anew. Notebooks are not touched.");
    const work = lab.calls().filter((call) => /^(?:up|destroy|halt|reload)/.test(call));
    expect(work).toEqual(["destroy --force --machine-readable", UP]);
    expect(fs.existsSync(path.join(lab.folder, "notebooks"))).toBe(true);
  });

  test("one that was set up, if only in part, is never deleted: something may be in it", async () => {
    machine("ours", true);
    fs.writeFileSync(state("state"), "poweroff\n");
    lab.verb("up", "fail Vagrant::Errors::SSHNotReady x");
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(7);
    expect(stderr).toContain("`notebox destroy` makes it anew (your notebooks stay)");
    expect(lab.calls().filter((call) => /^(?:up|destroy)/.test(call))).toEqual([UP]);
  });

  test("a running VM that does not answer is turned off by force first", async () => {
    machine("ours", true);
    fs.writeFileSync(state("state"), "running\n");
    lab.verb("ssh-config", "exit 1");
    lab.verb("up", "fail Vagrant::Errors::BoxNotFound x");
    await lab.run("up");
    const calls = lab.calls();
    expect(calls.indexOf("halt --force --machine-readable")).toBeGreaterThan(-1);
    expect(calls.indexOf(UP)).toBeGreaterThan(calls.indexOf("halt --force --machine-readable"));
  });
});
