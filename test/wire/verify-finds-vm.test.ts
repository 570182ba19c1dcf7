/** How `verify` finds the VM when .notebox/endpoints.json is not there or out of date: it asks Vagrant. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { readSshConfig } from "../../src/vagrant/ssh-target.ts";
import { makeWorld, type World } from "./fakes/world.ts";

let world: World;
let programs: string;
let endpoints: string;
let before: string;

beforeAll(async () => {
  world = await makeWorld();
  endpoints = path.join(world.folder, ".notebox/endpoints.json");
  before = fs.readFileSync(endpoints, "utf8");
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.heal();
  programs = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-programs-"));
});
afterEach(() => {
  fs.writeFileSync(endpoints, before);
  fs.rmSync(programs, { recursive: true });
});

/** A Vagrant that answers as the real one does (2.3.4), for a VM in this state whose ports are those of the servers. */
function vagrant(state: string): void {
  const config = [
    "Host default",
    "  HostName 127.0.0.1",
    "  User vagrant",
    `  Port ${world.ssh.port}`,
    "  UserKnownHostsFile /dev/null",
    "  StrictHostKeyChecking no",
    "  PasswordAuthentication no",
    `  IdentityFile "${world.ssh.key}"`,
    "  IdentitiesOnly yes",
    "  LogLevel FATAL",
    "",
  ].join("\n");
  const script = `#!/bin/sh
echo "$*" >>'${programs}/calls'
case $1 in
status)
  echo "1700000000,default,metadata,provider,virtualbox"
  echo "1700000000,default,provider-name,virtualbox"
  echo "1700000000,default,state,${state}"
  echo "1700000000,default,state-human-short,${state}" ;;
ssh-config) /bin/cat <<'X'
${config}X
;;
port)
  echo "1700000000,default,forwarded_port,22,${world.ssh.port}"
  echo "1700000000,default,forwarded_port,8888,${world.jupyter.port}"
  echo "1700000000,default,forwarded_port,8889,${world.gateway.port}" ;;
esac
`;
  fs.writeFileSync(path.join(programs, "vagrant"), script, { mode: 0o755 });
}

const sshCheck = (report: Awaited<ReturnType<World["ask"]>>) => report.checks.find(({ id }) => id === "ssh");
const calls = () => fs.readFileSync(path.join(programs, "calls"), "utf8").split("\n").filter(Boolean);

test("no endpoints.json, and the VM runs: everything comes from Vagrant", async () => {
  fs.rmSync(endpoints);
  vagrant("running");
  const report = await world.ask({ programs });
  expect(report.checks.filter(({ status }) => status !== "passed")).toEqual([]);
});

test("no endpoints.json, and the VM does not run: that is said, with what to do, and nothing else is tried", async () => {
  fs.rmSync(endpoints);
  vagrant("poweroff");
  const report = await world.ask({ programs, wait: 60_000 });
  expect(report.causes.map(({ id }) => id)).toEqual(["ssh"]);
  expect(sshCheck(report)).toMatchObject({ seen: "The VM is not running (poweroff)." });
  expect(sshCheck(report)?.hint).toContain("notebox up");
  expect(report.rounds).toBe(1);
  // The notebook lies on this computer, so it can be asked all the same.
  expect(report.checks.filter(({ status }) => status === "passed").map(({ id }) => id)).toEqual(["notebook.hello"]);
  expect(report.counts.blocked).toBe(report.checks.length - 2);
});

test("endpoints.json of a VM that has another port by now", async () => {
  const data = JSON.parse(before);
  fs.writeFileSync(endpoints, JSON.stringify({ ...data, ssh: { ...data.ssh, port: 1 } }));
  vagrant("running");
  const report = await world.ask({ programs });
  expect(report.passed).toBe(true);
});

test("endpoints.json of a VM that was stopped behind notebox's back: --wait does not wait for it", async () => {
  const data = JSON.parse(before);
  fs.writeFileSync(endpoints, JSON.stringify({ ...data, ssh: { ...data.ssh, port: 1 } }));
  vagrant("saved");
  const start = Date.now();
  const report = await world.ask({ programs, wait: 60_000 });
  expect(sshCheck(report)?.seen).toBe("The VM is not running (saved).");
  expect(Date.now() - start).toBeLessThan(20_000);
  expect(calls().filter((call) => call.startsWith("status")).length).toBe(1);
});

test("a VM that answers costs no call of Vagrant", async () => {
  vagrant("running");
  await world.ask({ programs, only: ["guest"] });
  expect(fs.existsSync(path.join(programs, "calls"))).toBe(false);
});

test("what ssh-config prints on Windows", async () => {
  const text = [
    "Host default",
    "  HostName 127.0.0.1",
    "  User vagrant",
    "  Port 2200",
    '  IdentityFile "C:/Users/Zoë Müller/work/.vagrant/machines/default/virtualbox/private_key"',
  ].join("\r\n");
  expect(await readSshConfig(text)).toEqual({
    host: "127.0.0.1",
    port: 2200,
    username: "vagrant",
    privateKeyPath: "C:/Users/Zoë Müller/work/.vagrant/machines/default/virtualbox/private_key",
  });
  expect(await readSshConfig("")).toBeUndefined();
});
