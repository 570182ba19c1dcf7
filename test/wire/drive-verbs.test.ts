/** down, destroy, status, ssh, logs and open, beside a fake Vagrant and a real SSH server in the VM's place. */
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type SshServer, startSshServer } from "./fakes/ssh-server.ts";
import { createLab, executable, type Lab } from "./fakes/vagrant.ts";

const TOKEN = "q7Zk2WvT9xBn4LmC6pRs";
let lab: Lab;
let guest: SshServer | undefined;
beforeEach(async () => {
  lab = await createLab();
});
afterEach(async () => {
  await guest?.close();
  guest = undefined;
  lab.remove();
});

function haveVm(state: string): void {
  const folder = path.join(lab.folder, ".vagrant/machines/default/virtualbox");
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "id"), "11111111-2222\n");
  fs.writeFileSync(path.join(lab.folder, "Vagrantfile"), "");
  fs.writeFileSync(path.join(lab.state, "state"), `${state}\n`);
}

/** A VM that runs, as the Vagrantfile's trigger notes it, and answers over SSH. */
async function runningVm(reply: SshServer["reply"], port?: number): Promise<void> {
  haveVm("running");
  guest = await startSshServer(lab.state, reply);
  const folder = path.join(lab.folder, ".notebox");
  fs.mkdirSync(folder, { recursive: true });
  const service = (kind: string, at: number) => ({ kind, url: `http://127.0.0.1:${at}/` });
  const services = { jupyter: service("jupyter", 8888), hello: service("kernel-gateway", 8889) };
  const ssh = { host: "127.0.0.1", port: port ?? guest.port, user: "vagrant", key: guest.key };
  fs.writeFileSync(
    path.join(folder, "endpoints.json"),
    JSON.stringify({ version: 1, provider: "virtualbox", services, ssh }),
  );
  fs.writeFileSync(
    path.join(folder, "open.html"),
    `<meta http-equiv="refresh" content="0;url=http://127.0.0.1:8888/lab?token=${TOKEN}">`,
  );
}

describe("down", () => {
  test("without a VM there is nothing to stop, and no Vagrant is needed", async () => {
    fs.rmSync(path.join(lab.bin, "vagrant"));
    const { code, stdout } = await lab.run("down");
    expect([code, stdout]).toEqual([0, "There is no VM here yet; nothing had to be stopped.\n"]);
  });

  test("another Vagrant that works on the VM is waited for", async () => {
    await runningVm(() => ({}));
    lab.verb(
      "halt",
      '[[ -e $S/second ]] || { touch "$S/second"; fail Vagrant::Errors::MachineActionLockedError "another process"; }; set_state poweroff',
    );
    const { code, stderr } = await lab.run("down");
    expect([code, stderr]).toEqual([0, expect.stringMatching(/Another Vagrant is at work on this VM\. Waiting until/)]);
    expect(lab.calls().filter((line) => line.startsWith("halt"))).toHaveLength(2);
  });

  test("stops a VM that runs, and the page with the token is gone whatever Vagrant's trigger did", async () => {
    await runningVm(() => ({}));
    const { code, stdout } = await lab.run("down", "--json");
    expect([code, JSON.parse(stdout).result]).toEqual([0, { before: "running" }]);
    expect(lab.calls()).toContain("halt --machine-readable");
    expect(fs.existsSync(path.join(lab.folder, ".notebox/open.html"))).toBe(false);
    expect(fs.existsSync(path.join(lab.folder, ".notebox/endpoints.json"))).toBe(false);
  });

  test("leaves one that is off alone", async () => {
    haveVm("poweroff");
    expect((await lab.run("down")).stdout).toBe("The VM was off already.\n");
    expect(lab.calls()).not.toContain("halt --machine-readable");
  });

  test("works although workbench.yaml is broken", async () => {
    haveVm("running");
    fs.writeFileSync(path.join(lab.folder, "workbench.yaml"), "version: [");
    expect((await lab.run("down")).code).toBe(0);
  });

  test("outside of any workbench: exit 3, and no file is made", async () => {
    const place = path.join(lab.state, "empty");
    fs.mkdirSync(place);
    for (const verb of ["down", "destroy", "status", "logs", "open", "ssh"]) {
      const { code, stderr } = await lab.run("-C", place, verb);
      expect([verb, code]).toEqual([verb, 3]);
      expect(stderr).toContain(`There is no workbench.yaml in ${place}`);
    }
    expect(fs.readdirSync(place)).toEqual([]);
  });
});

describe("destroy", () => {
  test("nobody to ask: exit 10, and the VM is there still", async () => {
    haveVm("running");
    const { code, stderr } = await lab.run("destroy");
    expect(code).toBe(10);
    expect(stderr).toContain("notebox destroy --yes");
    expect(lab.calls()).toEqual([]);
  });

  test.each(["--yes", "--force"])("with %s the VM goes and the notebooks stay", async (flag) => {
    haveVm("running");
    fs.mkdirSync(path.join(lab.folder, ".notebox"), { recursive: true });
    fs.writeFileSync(path.join(lab.folder, ".notebox/vm.json"), "{}");
    const before = fs.readdirSync(path.join(lab.folder, "notebooks"));
    expect((await lab.run("destroy", flag)).code).toBe(0);
    expect(lab.calls()).toContain("destroy --force --machine-readable");
    expect(fs.existsSync(path.join(lab.folder, ".notebox/vm.json"))).toBe(false);
    expect(fs.readdirSync(path.join(lab.folder, "notebooks"))).toEqual(before);
  });
});

test.each(["down", "destroy"])(
  "%s without a Vagrantfile touches no VM: Vagrant would take one from a folder above",
  async (verb) => {
    haveVm("running");
    fs.rmSync(path.join(lab.folder, "Vagrantfile"));
    const { code, stderr } = await lab.run(verb, "--yes");
    expect(code).toBe(10);
    expect(stderr).toContain("There is no Vagrantfile in");
    expect(lab.calls().filter((call) => !call.includes("--version"))).toEqual([]);
  },
);

describe("status", () => {
  test("without a VM says so, without Vagrant", async () => {
    fs.rmSync(path.join(lab.bin, "vagrant"));
    const { code, stdout } = await lab.run("status", "--json");
    expect(code).toBe(0);
    const nothing = { vm: "not_created", provider: null, answers: null, busy: null, services: [] };
    expect(JSON.parse(stdout).result).toEqual(nothing);
  });

  test("of a VM that runs: one question over SSH and no Vagrant", async () => {
    await runningVm(() => ({ stdout: "active\nfailed\n" }));
    const { stdout } = await lab.run("status", "--json");
    const { result } = JSON.parse(stdout);
    expect(result).toMatchObject({ vm: "running", provider: "virtualbox", answers: true });
    expect(result.services.map(({ name, state }: { name: string; state: string }) => [name, state])).toEqual([
      ["jupyter", "active"],
      ["hello", "failed"],
    ]);
    expect(lab.calls()).toEqual([]);
    expect(guest?.commands[0]?.input).toContain("jupyter@jupyter.service kernel-gateway@hello.service");
    expect((await lab.run("status")).stdout).toContain("notebox logs");
  });

  test("of a VM that was turned off behind notebox's back: Vagrant is asked", async () => {
    await runningVm(() => ({}), 1);
    haveVm("poweroff");
    const { code, stdout } = await lab.run("status");
    expect([code, stdout]).toEqual([0, "VM: off; `notebox up` starts it\n"]);
  });

  test("of a VM that runs but does not answer", async () => {
    await runningVm(() => ({}), 1);
    expect((await lab.run("status")).stdout).toMatch(/^VM: running, but it does not answer[\s\S]*jupyter {2}unknown/);
  });

  test("a name that would be a command is no question", async () => {
    await runningVm(() => ({ stdout: "active\nactive\n" }));
    const file = path.join(lab.folder, ".notebox/endpoints.json");
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace('"hello"', '"$(reboot)"'));
    await lab.run("status");
    expect(guest?.commands[0]?.input).not.toContain("reboot");
  });
});

describe("logs", () => {
  const journal = (input: string): string => {
    const parts = input.split("--notebox-logs--").length - 1;
    const one = (n: number): string =>
      `--notebox-logs--\n2026-11-23T21:00:0${n} jupyter[1]: http://127.0.0.1:8888/lab?token=${TOKEN} and ${TOKEN} ${n}\n`;
    return `${TOKEN}\n${Array.from({ length: parts }, (_, n) => one(n)).join("")}`;
  };

  test("of all services, without any token", async () => {
    await runningVm(({ input }) => ({ stdout: journal(input) }));
    const { code, stdout } = await lab.run("logs", "--json");
    expect(code).toBe(0);
    const { services } = JSON.parse(stdout).result;
    expect(services.map(({ name }: { name: string }) => name)).toEqual(["jupyter", "hello"]);
    expect(services[1].lines[0]).toContain("jupyter[1]: http://127.0.0.1:8888/lab?token=[redacted] and [redacted] 1");
    expect(stdout).not.toContain(TOKEN);
  });

  test("of the last start: what it failed with is known by its code, and the launchers' logs are among the files", async () => {
    const place = path.join(lab.folder, ".notebox", "logs");
    fs.mkdirSync(place, { recursive: true });
    fs.writeFileSync(path.join(place, "2026-11-27T100000Z-up.jsonl"), '{"text":"VERR_DISK_FULL"}\n');
    fs.writeFileSync(path.join(place, "2026-11-28T100000Z-start.log"), "VBoxManage: error: (VERR_VMX_NO_VMX)\n");
    const { code, stdout } = await lab.run("logs");
    expect(code).toBe(0);
    expect(stdout).toContain("2026-11-28T100000Z-start.log\n");
    expect(stdout).toMatch(
      /Known faults in the log of the last start:\n {2}NB-D05: .+\n {4}Ask IT to turn virtualisation/,
    );
    expect(stdout).not.toContain("NB-V03");
  });

  test("of one, as many lines as asked", async () => {
    await runningVm(({ input }) => ({ stdout: journal(input) }));
    const { stdout } = await lab.run("logs", "hello", "--lines", "7");
    expect(stdout).toContain("== hello");
    expect(stdout).not.toContain("== jupyter");
    expect(guest?.commands[0]?.input).toContain("-n 7 -u 'kernel-gateway@hello.service'");
  });

  test.each([
    [["logs", "marks"], "no service “marks”"],
    [["logs", "--lines", "0; reboot"], "--lines takes a whole number"],
  ])("%j: exit 2", async (args, words) => {
    await runningVm(() => ({}));
    const { code, stderr } = await lab.run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
    expect(guest?.commands).toEqual([]);
  });

  test("without a VM it says where notebox's own logs are", async () => {
    await lab.run("down");
    const { code, stdout } = await lab.run("logs");
    expect(code).toBe(0);
    expect(stdout).toContain("The VM is not running");
    expect(stdout).toMatch(/-down\.jsonl/);
  });
});

describe("ssh", () => {
  // OpenSSH would want a terminal's worth of set-up; what notebox tells it is what counts here.
  const fakeSsh = (body: string): void =>
    executable(path.join(lab.bin, "ssh"), `#!/bin/bash\nprintf '%s\\n' "$@" >"$NOTEBOX_FAKE/ssh"\n${body}\n`);
  const told = (): string[] => fs.readFileSync(path.join(lab.state, "ssh"), "utf8").trim().split("\n");

  test("a command's output goes to standard output, and its exit code is notebox's", async () => {
    await runningVm(() => ({}));
    fakeSsh("echo out; echo err >&2; exit 3");
    const { code, stdout, stderr } = await lab.run("ssh", "--", "ls", "-la");
    expect([code, stdout, stderr]).toEqual([3, "out\n", "err\n"]);
    expect(told().slice(-4)).toEqual(["vagrant@127.0.0.1", "--", "ls", "-la"]);
    expect(told()).toContain(guest?.key);
  });

  test("with --json: one document with all of it", async () => {
    await runningVm(() => ({}));
    fakeSsh("echo out; exit 3");
    const { code, stdout } = await lab.run("ssh", "--json", "--", "true");
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, result: { exitCode: 3, stdout: "out\n" } });
  });

  test("no connection: exit 7 and what to do", async () => {
    await runningVm(() => ({}));
    fakeSsh("exit 255");
    const { code, stderr } = await lab.run("ssh", "--", "true");
    expect(code).toBe(7);
    expect(stderr).toContain("cannot be reached over SSH");
  });

  test("where there is no ssh, Vagrant's own is taken", async () => {
    await runningVm(() => ({}));
    lab.verb("ssh", "echo by-vagrant; exit 4");
    const { code, stdout } = await lab.run("ssh", "--", "uptime", "-p");
    expect([code, stdout]).toEqual([4, "by-vagrant\n"]);
    expect(lab.calls()).toContain("ssh -c uptime -p");
  });

  test("no VM: exit 7", async () => {
    const { code, stderr } = await lab.run("ssh");
    expect([code, stderr]).toEqual([7, expect.stringContaining("The VM is not running.")]);
  });
});

describe("open", () => {
  test("hands the page's path to the desktop, and the token to nobody", async () => {
    await runningVm(() => ({}));
    executable(path.join(lab.bin, "xdg-open"), `#!/bin/bash\nprintf '%s\\n' "$@" >"$NOTEBOX_FAKE/opened"\n`);
    lab.env["DISPLAY"] = ":9";
    const { code, stdout, stderr } = await lab.run("open");
    expect(code).toBe(0);
    expect(fs.readFileSync(path.join(lab.state, "opened"), "utf8")).toBe(
      `${path.join(lab.folder, ".notebox/open.html")}\n`,
    );
    expect(stdout + stderr).not.toContain(TOKEN);
  });

  test("without a desktop: exit 4 with the page to open by hand", async () => {
    await runningVm(() => ({}));
    const { code, stderr } = await lab.run("open");
    expect(code).toBe(4);
    expect(stderr).toContain(path.join(lab.folder, ".notebox/open.html"));
  });
});
