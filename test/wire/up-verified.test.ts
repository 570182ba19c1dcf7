/** `up` to its good end: a fake Vagrant starts a "VM" of three real servers, which is then verified. */
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLab, type Ended, type Lab, startNotebox } from "./fakes/vagrant.ts";
import { makeWorld, TOKENS, type World } from "./fakes/world.ts";

let lab: Lab;
let world: World;
beforeEach(async () => {
  lab = await createLab();
  world = await makeWorld();
  const { folder } = world;
  // Free ports, so that this computer is ready whatever else runs on it.
  change((text) => text.replace("8888", String(lab.ports.jupyter)).replace("8889", String(lab.ports.hello)));
  change((text) => text.replace("memory: 2 GiB", "memory: 1 GiB"));
  for (const socket of world.guest.sockets ?? [])
    socket.port = socket.port === 8888 ? lab.ports.jupyter : socket.port === 8889 ? lab.ports.hello : socket.port;
  // The VM's addresses appear when it is up, and what it was set up for is what Vagrant last brought there.
  const endpoints = path.join(folder, ".notebox", "endpoints.json");
  fs.renameSync(endpoints, path.join(lab.state, "endpoints.json"));
  const setUp =
    'have_vm; set_state running; cat "$S/endpoints.json" >.notebox/endpoints.json; cat provision/workbench/hash >"$S/hash"';
  for (const verb of ["up", "provision", "reload"]) lab.verb(verb, setUp);
  const answer = world.ssh.reply;
  world.ssh.reply = (command) => {
    const hash = fs.readFileSync(path.join(lab.state, "hash"), "utf8").trim();
    world.guest.provisioned = { workbench: hash, finished: "2026-11-20T09:00:00Z" };
    if (command.input.startsWith("cat ")) return { stdout: JSON.stringify(world.guest.provisioned) };
    return answer(command);
  };
});
afterEach(async () => {
  await world.close();
  lab.remove();
});

function change(edit: (text: string) => string): void {
  const file = path.join(world.folder, "workbench.yaml");
  fs.writeFileSync(file, edit(fs.readFileSync(file, "utf8")));
}
const up = async (...args: string[]): Promise<Ended> =>
  await startNotebox(["-C", world.folder, "up", ...args], lab.env).ended;
const verbs = (): string[] => lab.calls().map((call) => call.split(" ")[0] ?? "");

test("ends with the addresses, without any token, and the next one finds nothing to do", async () => {
  const { code, stdout, stderr } = await up();
  expect([code, stderr.match(/^x .*/m)]).toEqual([0, null]);
  expect(stdout).toContain(`jupyter  ${world.jupyter.url}`);
  expect(stdout).toContain("notebox open");
  expect(stdout).toContain("notebox down");
  const notebox = path.join(world.folder, ".notebox");
  const logs = fs
    .readdirSync(path.join(notebox, "logs"))
    .map((name) => fs.readFileSync(path.join(notebox, "logs", name), "utf8"));
  for (const token of Object.values(TOKENS)) expect([stdout, stderr, ...logs].join("")).not.toContain(token);
  expect(fs.existsSync(path.join(notebox, "up.lock"))).toBe(false);
  expect(verbs()).toEqual(["--version", "up"]);

  const again = await up("--json");
  expect([again.code, again.stderr]).toEqual([0, ""]);
  const { result } = JSON.parse(again.stdout);
  expect(result).toMatchObject({ name: "hello", provider: "virtualbox", action: "none", checks: { passed: true } });
  expect(verbs()).toEqual(["--version", "up", "--version", "status"]);
});

test("what changed in the workbench decides what is done to a VM that runs", async () => {
  await up();
  change((text) => text.replace("title: Hello", "title: Hello again"));
  expect(JSON.parse((await up("--json")).stdout).result).toMatchObject({ action: "provision", title: "Hello again" });
  change((text) => text.replace("memory: 1 GiB", "memory: 1100 MiB"));
  const { stdout } = await up();
  expect(stdout).toContain("was started again with the new settings");
  expect(verbs().filter((verb) => verb !== "--version" && verb !== "status")).toEqual(["up", "provision", "reload"]);
});

function servicesRest(): void {
  const { reply } = world.ssh;
  world.ssh.reply = async (command) => {
    const answer = await reply(command);
    return command.input.startsWith("cat ") ? { stdout: `${answer.stdout ?? ""}\nresting\n` } : answer;
  };
}

test("services that a killed backup or restore left stopped are started", async () => {
  await up();
  servicesRest();
  expect(JSON.parse((await up("--json")).stdout).result).toMatchObject({ action: "provision" });
});

test("a VM that another Vagrant was switching off is started", async () => {
  await up();
  servicesRest();
  const locked = "fail Vagrant::Errors::MachineActionLockedError 'another process'";
  lab.verb("provision", `[[ -e $S/second ]] || { touch "$S/second"; set_state poweroff; ${locked}; }`);
  expect(await up()).toMatchObject({ code: 0 });
  expect(verbs().slice(-4)).toEqual(["provision", "provision", "status", "up"]);
});

test("a VM that a launcher started is taken as it is", async () => {
  expect(await startNotebox(["-C", world.folder, "render"], lab.env).ended).toMatchObject({ code: 0 });
  fs.mkdirSync(path.join(world.folder, ".vagrant/machines/default/virtualbox"), { recursive: true });
  fs.writeFileSync(path.join(world.folder, ".vagrant/machines/default/virtualbox/id"), "by-launcher");
  fs.writeFileSync(path.join(lab.state, "state"), "running\n");
  fs.copyFileSync(path.join(world.folder, "provision/workbench/hash"), path.join(lab.state, "hash"));
  fs.copyFileSync(path.join(lab.state, "endpoints.json"), path.join(world.folder, ".notebox/endpoints.json"));
  expect(JSON.parse((await up("--json")).stdout).result).toMatchObject({ action: "none" });
});
