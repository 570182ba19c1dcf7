/**
 * `backup` and `restore` with the built program: real SSH, real tar, in a guest that is a folder. What is saved comes
 * back in another guest; nothing that was not checked is put there.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isRoot, type KeptGuest, makeKeptGuest } from "./fakes/kept-guest.ts";
import { type SshServer, startSshServer } from "./fakes/ssh-server.ts";
import { createLab, type Lab, until } from "./fakes/vagrant.ts";

// Mounting needs root.
const asRoot = test.skipIf(!isRoot);

let lab: Lab;
let ssh: SshServer;
let first: KeptGuest;
let file: string;
beforeEach(async () => {
  lab = await createLab();
  if (!isRoot) return;
  first = makeKeptGuest(path.join(lab.state, "first"));
  ssh = await startSshServer(lab.state, () => ({ code: 1 }));
  await lab.run("render");
  const machine = path.join(lab.folder, ".vagrant/machines/default/virtualbox");
  fs.mkdirSync(machine, { recursive: true });
  fs.writeFileSync(path.join(machine, "id"), "11111111-2222\n");
  fs.writeFileSync(path.join(machine, "action_provision"), "1.5:11111111-2222");
  fs.writeFileSync(path.join(lab.state, "state"), "running\n");
  runsIn(first);
  file = path.join(lab.state, "saved.tar");
});
afterEach(async () => {
  await ssh?.close();
  lab.remove();
});

/** From now on that guest is the VM. */
function runsIn(guest: KeptGuest, jupyter = 8888): void {
  ssh.program = (command) => guest.program(command);
  fs.writeFileSync(
    path.join(lab.folder, ".notebox/endpoints.json"),
    JSON.stringify({
      version: 1,
      provider: "virtualbox",
      services: { jupyter: { kind: "jupyter", url: `http://127.0.0.1:${jupyter}/` } },
      ssh: { host: "127.0.0.1", port: ssh.port, user: "vagrant", key: ssh.key },
    }),
  );
}

const fresh = (): KeptGuest => makeKeptGuest(path.join(lab.state, "second"), { jupyter: "9".repeat(48) });

const WORK = `cd /home/notebox
install -d -o notebox -g notebox notes .python/lib .cache .local "odd *name"
as() { runuser -u notebox -- bash -c "$1"; }
as 'printf work >notes/a.txt; chmod 640 notes/a.txt; printf x >"notes/b\\\\c:d"; ln -s a.txt notes/link; ln -s /etc/hostname notes/out'
as 'printf big >.cache/thing; printf lib >.python/lib/m.py; mkfifo notes/pipe; head -c 3000000 /dev/zero >notes/zeros'
as 'printf twice >notes/one; ln notes/one notes/two; printf secret >notes/locked; chmod 000 notes/locked'
mkdir -p notebooks; printf host >notebooks/host.ipynb
`;

asRoot("what is in one VM comes back in another, as it was, and nothing else", async () => {
  first.run(WORK);
  const saved = await lab.run("backup", "--json", "--to", file);
  expect([saved.code, saved.stderr]).toEqual([0, ""]);
  const { result } = JSON.parse(saved.stdout);
  expect(result).toMatchObject({ file, services: ["ledger"], tokens: 2, wasOff: false });
  expect(result.without).toEqual(["notes/locked: Cannot open: Permission denied"]);
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  expect(fs.readdirSync(lab.state).filter((name) => name.startsWith("saved"))).toEqual(["saved.tar"]);
  // Any tar program reads it.
  expect(spawnSync("tar", ["-tf", file], { encoding: "utf8" }).stdout.trim().split("\n")).toEqual([
    ...["READ-ME.txt", "tokens.txt", "home.tar.gz", "python.tar.gz", "services/ledger.tar.gz", "manifest.json"],
  ]);

  const second = fresh();
  second.run(
    "cd /home/notebox; printf later >/var/lib/ledger; runuser -u notebox -- bash -c 'mkdir notes; printf old >notes/a.txt; printf mine >notes/own'",
  );
  runsIn(second, 8890);
  const { code, stdout, stderr } = await lab.run("restore", "--json", "--yes", file);
  expect([code, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout).result).toMatchObject({
    left: [],
    moved: [{ name: "jupyter", before: "http://127.0.0.1:8888/", now: "http://127.0.0.1:8890/" }],
  });
  const look = `cd /home/notebox; stat -c '%n %A %U' notes/* .python/lib/m.py; cat notes/a.txt notes/own notes/b*; readlink notes/out
ls -A; cat /var/lib/ledger /var/lib/notebox/tokens/*; stat -c %a /var/lib/notebox/tokens/jupyter; ls /var/lib/notebox; cmp notes/one notes/two`;
  const seen = second.run(look).split("\n");
  expect(seen).toEqual(expect.arrayContaining(["notes/a.txt -rw-r----- notebox", "notes/link lrwxrwxrwx notebox"]));
  expect(seen).toEqual(
    expect.arrayContaining(["notes/zeros -rw-r--r-- notebox", ".python/lib/m.py -rw-r--r-- notebox"]),
  );
  expect(seen).toContain("workminex/etc/hostname");
  expect(seen).toContain("odd *name");
  for (const absent of [".cache", "notebooks", "notes/pipe", "keep"]) expect(seen).not.toContain(absent);
  expect(seen).toContain("row 1");
  expect(seen.join("\n")).toContain(`${"2".repeat(48)}${"1".repeat(48)}600`);
  expect(second.systemctl()).toEqual([
    "stop -- jupyter@jupyter.service kernel-gateway@hello.service book@ledger.service",
    "start -- jupyter@jupyter.service kernel-gateway@hello.service book@ledger.service",
  ]);
  // The page with the token is written by Vagrant's trigger.
  expect(lab.calls().at(-1)).toBe("provision --machine-readable");
  for (const name of fs.readdirSync(path.join(lab.folder, ".notebox/logs")))
    expect(fs.readFileSync(path.join(lab.folder, ".notebox/logs", name), "utf8")).not.toContain("1".repeat(48));
});

/** What lies in a guest that a restore may have touched. */
const state = (guest: KeptGuest): string =>
  guest.run("find /home /var/lib -type f ! -name systemctl | sort | xargs -d '\\n' sha256sum");

asRoot("a VM that is off is started as it is, and stopped again", async () => {
  const endpoints = path.join(lab.folder, ".notebox/endpoints.json");
  fs.renameSync(endpoints, path.join(lab.state, "endpoints"));
  fs.writeFileSync(path.join(lab.state, "state"), "poweroff\n");
  lab.verb("up", 'set_state running; cat "$S/endpoints" >.notebox/endpoints.json');
  const { code, stdout, stderr } = await lab.run("backup", "--to", file);
  expect([code, stdout]).toEqual([0, expect.stringContaining("started for this and is off again")]);
  expect(stdout).toContain("It holds tokens and your work: keep it to yourself.");
  expect(stderr).toContain("The VM is off. It is started for this");
  const calls = lab.calls().filter((call) => /^(up|halt|provision|reload)/.test(call));
  expect(calls).toEqual(["up --provider virtualbox --no-provision --machine-readable", "halt --machine-readable"]);
  expect(fs.existsSync(endpoints)).toBe(false);
});

/** An `up` that gives the VM its addresses, after the given lines of bash. */
function wakes(bash = ""): void {
  fs.renameSync(path.join(lab.folder, ".notebox/endpoints.json"), path.join(lab.state, "endpoints"));
  fs.writeFileSync(path.join(lab.state, "state"), "poweroff\n");
  lab.verb("up", `${bash}\nset_state running; cat "$S/endpoints" >.notebox/endpoints.json`);
}
const vmIs = (): string => fs.readFileSync(path.join(lab.state, "state"), "utf8").trim();

asRoot("Ctrl-C while a VM is saved that was off: it is off again, and nothing is left of the backup", async () => {
  wakes();
  fs.writeFileSync(
    path.join(first.folder, "opt/notebox/lib/keep/book/save"),
    "#!/bin/bash\ntouch /var/lib/saving; sleep 30\n",
  );
  const running = lab.start("backup");
  await until(() => fs.existsSync(path.join(first.folder, "lib/saving")), "the save");
  running.kill("SIGINT");
  const { code, stderr } = await running.ended;
  expect([code, stderr]).toEqual([130, expect.stringContaining("The VM was off before, so it is stopped again.")]);
  expect([vmIs(), lab.calls().at(-1)]).toEqual(["poweroff", "halt --machine-readable"]);
  expect(fs.existsSync(path.join(lab.folder, ".notebox/endpoints.json"))).toBe(false);
  expect(fs.readdirSync(path.join(lab.folder, "backups"))).toEqual([]);
});

asRoot("Ctrl-C while it is started for that; and again while it is stopped", async () => {
  wakes('trap "exit 1" INT; set_state running; touch "$S/waking"; while :; do sleep 0.05; done');
  lab.verb("halt", 'trap "exit 1" INT; touch "$S/halting"; while :; do sleep 0.05; done');
  const running = lab.start("backup");
  await until(() => fs.existsSync(path.join(lab.state, "waking")), "the start");
  running.kill("SIGINT");
  await until(() => fs.existsSync(path.join(lab.state, "halting")), "the stop");
  running.kill("SIGINT");
  const { code, stderr } = await running.ended;
  expect([code, stderr]).toEqual([130, expect.stringContaining("The VM may still be on: `notebox down` stops it.")]);
});

asRoot("destroy saves first; what cannot be saved is not deleted, unless that is said", async () => {
  const save = path.join(first.folder, "opt/notebox/lib/keep/book/save");
  const sound = fs.readFileSync(save);
  fs.writeFileSync(save, "#!/bin/bash\necho 'pg_dump: no such database' >&2; exit 3\n");
  const refused = await lab.run("destroy", "--yes");
  expect(refused.code).toBe(10);
  expect(refused.stderr).toContain(
    "The VM was not deleted, because what is in it could not be saved: Saving the service ledger failed in the VM: pg_dump: no such database.",
  );
  expect(refused.stderr).toContain("--no-backup");
  expect(lab.calls().some((call) => call.startsWith("destroy"))).toBe(false);
  expect(fs.readdirSync(path.join(lab.folder, "backups"))).toEqual([]);
  expect(first.run("ls /var/lib/notebox").split("\n")).not.toContain("keep");

  fs.writeFileSync(save, sound);
  fs.writeFileSync(path.join(lab.folder, "backups/hello-old.tar.part"), "half");
  const { code, stdout } = await lab.run("destroy", "--yes", "--json");
  expect(code).toBe(0);
  const { destroyed, backup } = JSON.parse(stdout).result;
  expect([destroyed, path.dirname(backup.file)]).toEqual([true, path.join(lab.folder, "backups")]);
  expect(fs.readdirSync(path.join(lab.folder, "backups"))).toEqual([path.basename(backup.file)]);
  expect(lab.calls().some((call) => call.startsWith("destroy"))).toBe(true);
});

/** Whether the fake services rest, noted by whoever saves the ledger. */
const restingWhile = (script: string): string =>
  `#!/bin/bash\nset -e\ncp /var/lib/systemctl /var/lib/then; [[ -e /run/notebox-resting ]]\n${script}\n`;

asRoot("destroy saves while services rest, so that nobody works on meanwhile; if it fails they run again", async () => {
  const save = path.join(first.folder, "opt/notebox/lib/keep/book/save");
  const then = path.join(first.folder, "lib/then");
  fs.writeFileSync(save, restingWhile("exit 3"));
  expect((await lab.run("destroy", "--yes")).code).toBe(10);
  expect(fs.readFileSync(then, "utf8")).toMatch(/^stop -- .*\n$/);
  expect(first.systemctl().at(-1)).toMatch(/^start -- /);
  expect(fs.existsSync(path.join(first.folder, "run/notebox-resting"))).toBe(false);

  // Cut off, too.
  fs.writeFileSync(save, restingWhile("touch /var/lib/saving; sleep 30"));
  const running = lab.start("destroy", "--yes");
  await until(() => fs.existsSync(path.join(first.folder, "lib/saving")), "the save");
  running.kill("SIGINT");
  expect((await running.ended).code).toBe(130);
  expect(first.systemctl().at(-1)).toMatch(/^start -- /);

  fs.writeFileSync(save, restingWhile('cp "/var/lib/$2" "$1/dump"'));
  expect((await lab.run("destroy", "--yes")).code).toBe(0);
  expect(first.systemctl().at(-1)).toMatch(/^stop -- /);
});

asRoot("what a former service left is in the backup, too; one that was renamed gets its data", async () => {
  first.run(`install -d /var/lib/notebox-old/data /var/lib/notebox-hello /var/lib/private/notebox-sheets "/var/lib/notebox-odd name/data"
touch /var/lib/notebox-old/data/PG_VERSION "/var/lib/notebox-odd name/data/PG_VERSION" /var/lib/notebox-hello/problem.json
echo '{}' >/var/lib/private/notebox-sheets/workspace.json; echo rows >/var/lib/notebox-old/data/1`);
  const endpoints = path.join(lab.folder, ".notebox/endpoints.json");
  const known = JSON.parse(fs.readFileSync(endpoints, "utf8"));
  fs.writeFileSync(endpoints, JSON.stringify({ ...known, services: { ...known.services, ledger: { kind: "book" } } }));
  const saved = await lab.run("backup", "--to", file);
  expect(saved.stdout).toContain("what old, which is no service any more, left");
  const listed = spawnSync("bash", ["-c", `tar -xOf ${file} left/old.tar.gz | tar -tz; tar -tf ${file}`], {
    encoding: "utf8",
  });
  expect(listed.stdout.split("\n")).toEqual(
    expect.arrayContaining(["./data/PG_VERSION", "./data/1", "left/old.tar.gz", "left/sheets.tar.gz"]),
  );
  expect(listed.stdout).not.toContain("left/hello");

  const second = fresh();
  const services = path.join(second.folder, "etc/notebox/workbench/services.txt");
  fs.writeFileSync(services, fs.readFileSync(services, "utf8").replace("book ledger", "book accounts"));
  runsIn(second);
  const { code, stdout } = await lab.run("restore", "--yes", file);
  expect(code).toBe(0);
  expect(stdout).toContain("what ledger held (in accounts now)");
  expect(stdout).toContain("What old had left, which was no service any more, was left out.");
  expect(second.run("cat /var/lib/accounts")).toBe("row 1\n");
});

asRoot("a service that is of another kind now gets nothing of the former one", async () => {
  const endpoints = path.join(lab.folder, ".notebox/endpoints.json");
  const known = JSON.parse(fs.readFileSync(endpoints, "utf8"));
  fs.writeFileSync(endpoints, JSON.stringify({ ...known, services: { ledger: { kind: "book" } } }));
  expect((await lab.run("backup", "--to", file)).code).toBe(0);
  const second = fresh();
  const services = path.join(second.folder, "etc/notebox/workbench/services.txt");
  fs.writeFileSync(services, fs.readFileSync(services, "utf8").replace("book ledger", "scroll ledger"));
  const load = path.join(second.folder, "opt/notebox/lib/keep/scroll/load");
  fs.mkdirSync(path.dirname(load));
  fs.writeFileSync(load, "#!/bin/bash\necho that is no scroll >&2; exit 1\n", { mode: 0o755 });
  runsIn(second);
  const { code, stdout } = await lab.run("restore", "--yes", file);
  expect([code, stdout]).toEqual([0, expect.stringContaining("What ledger held was left out")]);
});

asRoot("folders that cannot be read, and paths that are too long, are told; the rest is saved", async () => {
  first.run(`cd /home/notebox; install -d -o notebox -g notebox shut; install -d -m 700 rootly; echo x >rootly/a
runuser -u notebox -- python3 -c "
import os
os.chdir('/home/notebox/shut')
for _ in range(30):
    os.mkdir('d' * 200)
    os.chdir('d' * 200)
open('f', 'w').close()
"`);
  const { code, stdout, stderr } = await lab.run("backup", "--json", "--to", file);
  // Node could not remove it.
  first.run("rm -r /home/notebox/shut");
  expect([code, stderr]).toEqual([0, ""]);
  const { without } = JSON.parse(stdout).result;
  expect(without).toContain("rootly: Cannot open: Permission denied");
  expect(without.join("\n")).toMatch(/shut\/d.*…: .*File name too long/);
});

asRoot("destroy --no-backup asks nothing of the VM", async () => {
  ssh.program = () => {
    throw new Error("it was asked");
  };
  const { code, stdout } = await lab.run("destroy", "--yes", "--no-backup", "--json");
  expect([code, JSON.parse(stdout).result]).toEqual([0, { destroyed: true, backup: null }]);
  expect(ssh.connections).toBe(0);
});

asRoot("a restore that may not be leaves the VM alone", async () => {
  expect(await lab.run("backup", "--to", file)).toMatchObject({ code: 0 });
  const before = state(first);
  const damaged = path.join(lab.state, "damaged.tar");
  const bytes = fs.readFileSync(file);
  bytes[2048] = 255 - (bytes[2048] ?? 0);
  fs.writeFileSync(damaged, bytes);
  const asked = ssh.connections;
  expect((await lab.run("restore", "--yes", damaged)).code).toBe(6);
  expect((await lab.run("restore", file)).code).toBe(10);
  fs.writeFileSync(
    path.join(lab.folder, "workbench.yaml"),
    fs.readFileSync(path.join(lab.folder, "workbench.yaml"), "utf8").replace("name: hello", "name: other"),
  );
  const other = await lab.run("restore", "--yes", file);
  expect([other.code, other.stderr]).toEqual([10, expect.stringContaining("a backup of the workbench hello")]);
  expect(ssh.connections).toBe(asked);
  // The VM's disk is too full for it.
  fs.writeFileSync(path.join(first.folder, "bin/df"), "#!/bin/bash\necho Avail; echo 4096\n", { mode: 0o755 });
  const full = await lab.run("restore", "--force", file);
  expect([full.code, full.stderr]).toEqual([11, expect.stringContaining("Nothing was changed")]);
  expect(state(first)).toBe(before);
  expect(fs.existsSync(path.join(first.folder, "lib/systemctl"))).toBe(false);
});

asRoot("a file of holes costs what it holds", async () => {
  first.run("cd /home/notebox; runuser -u notebox -- bash -c 'truncate -s 300G map; echo end >>map'");
  expect((await lab.run("backup", "--to", file)).code).toBe(0);
  expect(fs.statSync(file).size).toBeLessThan(1024 ** 2);
  const second = fresh();
  runsIn(second);
  expect((await lab.run("restore", "--yes", file)).code).toBe(0);
  expect(second.run("cd /home/notebox; tail -c 4 map; stat -c %s map; (($(stat -c %b map) < 1000))")).toBe(
    `end\n${300 * 1024 ** 3 + 4}\n`,
  );
});

asRoot("what stands in the way of a file of the backup is named", async () => {
  first.run(WORK);
  expect((await lab.run("backup", "--to", file)).code).toBe(0);
  const second = fresh();
  second.run("install -d -o notebox -g notebox /home/notebox/notes/a.txt/own; chown notebox: /home/notebox/notes");
  runsIn(second);
  const { code, stderr } = await lab.run("restore", "--yes", file);
  expect([code, stderr]).toEqual([
    7,
    expect.stringMatching(/home folder failed in the VM: tar: \.\/notes\/a\.txt: Cannot open/),
  ]);
  expect(second.run("ls /home/notebox/notes/a.txt")).toBe("own\n");
});

asRoot("a backup where none can be written is told, in words", async () => {
  const { code, stderr } = await lab.run("backup", "--to", path.join(lab.folder, "workbench.yaml/saved.tar"));
  expect([code, stderr]).toEqual([2, expect.stringContaining("there is a file in the place of one of its folders")]);
});

asRoot(
  "a VM that was stopped in VirtualBox's window is started for a restore, whatever the addresses say",
  async () => {
    expect((await lab.run("backup", "--to", file)).code).toBe(0);
    fs.writeFileSync(path.join(lab.state, "state"), "poweroff\n");
    lab.verb("up", "exit 1");
    const asked = ssh.connections;
    expect((await lab.run("restore", "--yes", file)).code).toBe(7);
    expect(ssh.connections).toBe(asked);
    expect(lab.calls().some((call) => call.startsWith("up "))).toBe(true);
  },
);

asRoot("no room on this computer: nothing is written", async () => {
  fs.writeFileSync(path.join(lab.bin, "df"), "#!/bin/bash\necho x; echo '/dev/x 100 50 20 50% /'\n", { mode: 0o755 });
  const { code, stderr } = await lab.run("backup", "--to", file);
  expect([code, stderr]).toEqual([11, expect.stringContaining("are free there")]);
  expect(fs.existsSync(`${file}.part`)).toBe(false);
});

asRoot("another Python: what pip installed is left out, and said", async () => {
  first.run(WORK);
  expect((await lab.run("backup", "--to", file)).code).toBe(0);
  const second = fresh();
  fs.writeFileSync(path.join(second.folder, "lib/notebox/python-version"), "3.14\n");
  fs.rmSync(path.join(second.folder, "opt/notebox"), { recursive: true });
  fs.appendFileSync(path.join(second.folder, "etc/notebox/workbench/folders.txt"), "notes\n");
  runsIn(second);
  const { code, stdout } = await lab.run("restore", "--yes", file);
  expect(code).toBe(0);
  expect(stdout).toContain("it is for Python 3.13 on x86_64, and the VM has Python 3.14 on x86_64");
  expect(stdout).toContain("What ledger held was left out");
  expect(stdout).toContain("notes/ of the home folder was left out: it is a shared folder now.");
  expect(second.run("ls -A /home/notebox").split("\n")).toEqual([".local", "odd *name", ""]);
});

asRoot(
  "a connection that is cut, or a restore that fails half-way: the services run again, and the next one is whole",
  async () => {
    first.run(WORK);
    expect((await lab.run("backup", "--to", file)).code).toBe(0);
    const second = fresh();
    const load = path.join(second.folder, "opt/notebox/lib/keep/book/load");
    const sound = fs.readFileSync(load);
    fs.writeFileSync(load, "#!/bin/bash\necho broken >&2; exit 1\n");
    runsIn(second);
    const failed = await lab.run("restore", "--yes", file);
    expect([failed.code, failed.stderr]).toEqual([
      7,
      expect.stringContaining("Bringing back the service ledger failed in the VM: broken."),
    ]);
    expect(second.systemctl().at(-1)).toMatch(/^start/);
    fs.writeFileSync(load, sound);
    ssh.program = (command) => {
      const child = second.program(command);
      if (command.endsWith("put-home")) setTimeout(() => void ssh.cut(), 50);
      return child;
    };
    expect((await lab.run("restore", "--yes", file)).code).toBe(5);
    runsIn(second);
    expect((await lab.run("restore", "--yes", file)).code).toBe(0);
    expect(second.run("cat /home/notebox/notes/a.txt /var/lib/ledger")).toBe("workrow 1\n");
  },
);

asRoot("what a killed backup left at work in the VM takes nothing away from the next one", async () => {
  fs.writeFileSync(
    path.join(first.folder, "opt/notebox/lib/keep/book/save"),
    `#!/bin/bash
set -e
echo >>/var/lib/begun
echo rows >"$1/dump"
sleep 2
mv "$1/dump" "$1/rows"
`,
  );
  const keep = path.resolve(import.meta.dirname, "../../provision/keep.sh");
  const start = () => {
    const child = first.program(`bash ${keep} save book ledger | tail -c +16 | tar -t`);
    let text = "";
    child.stdout.on("data", (bytes) => (text += bytes));
    return new Promise((resolve) => child.once("close", () => resolve(text)));
  };
  const left = start();
  await until(() => fs.existsSync(path.join(first.folder, "lib/begun")), "the save");
  const next = start();
  const seen = [await left, await next].map((text) => String(text).trim().split("\n").at(-1));
  expect(seen).toEqual(["./rows", "./rows"]);
});

asRoot("killed while it is written: no backup, and the next one goes through", async () => {
  const save = path.join(first.folder, "opt/notebox/lib/keep/book/save");
  const sound = fs.readFileSync(save);
  fs.writeFileSync(save, "#!/bin/bash\ntouch /var/lib/saving; sleep 30\n");
  const running = lab.start("backup");
  await until(() => fs.existsSync(path.join(first.folder, "lib/saving")), "the save");
  running.kill("SIGKILL");
  await running.ended;
  const names = fs.readdirSync(path.join(lab.folder, "backups"));
  expect(names).toEqual([expect.stringMatching(/\.tar\.part$/)]);
  fs.writeFileSync(save, sound);
  expect((await lab.run("backup")).code).toBe(0);
  expect(fs.readdirSync(path.join(lab.folder, "backups"))).toEqual([expect.stringMatching(/\.tar$/)]);
});
