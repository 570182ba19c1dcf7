/**
 * `box build --from-vm` against a VM that is servers on loopback and a `vagrant` that says what the real one says: what
 * is asked and sent in which order, what is refused. The script that makes a system forget runs for real, on a folder.
 */
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeWorld, type World } from "./fakes/world.ts";

const root = path.resolve(import.meta.dirname, "../..");
const program = path.join(root, "dist/notebox.cjs");

let world: World;
let lab = "";
let endpoints = "";
let sealed: string | undefined;
let sealing = { code: 0, stdout: "notebox: ready to be packed\n" };
beforeAll(async () => {
  world = await makeWorld();
  endpoints = fs.readFileSync(path.join(world.folder, ".notebox/endpoints.json"), "utf8");
  lab = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-from-vm-"));
  const script = `#!/bin/sh
echo "$*" >>'${lab}/calls'
case $1 in
--version) echo "Vagrant 2.4.1" ;;
status)
  echo "1,default,provider-name,$(cat '${lab}/provider')"
  echo "1,default,state,$(cat '${lab}/state')" ;;
package)
  # As vagrant-libvirt does, which does not look whether they are there.
  if [ "$(cat '${lab}/provider')" = libvirt ]; then
    virt-sysprep --no-logfile -a disk && virt-sparsify --in-place disk || exit 1
    command -v virt-sysprep >'${lab}/sysprep'
  fi
  echo box >"$3"
  ;;
esac
`;
  fs.mkdirSync(path.join(lab, "bin"));
  fs.writeFileSync(path.join(lab, "bin/vagrant"), script, { mode: 0o755 });
});
afterAll(async () => {
  await world.close();
  fs.rmSync(lab, { recursive: true, force: true });
});

const machine = (provider = "virtualbox"): string => path.join(world.folder, ".vagrant/machines/default", provider);
beforeEach(async () => {
  await world.heal();
  for (const name of ["calls", "out"]) fs.rmSync(path.join(lab, name), { recursive: true, force: true });
  fs.writeFileSync(path.join(lab, "state"), "running");
  fs.writeFileSync(path.join(lab, "provider"), "virtualbox");
  fs.rmSync(machine("libvirt"), { recursive: true, force: true });
  fs.writeFileSync(path.join(world.folder, ".notebox/endpoints.json"), endpoints);
  fs.mkdirSync(machine(), { recursive: true });
  for (const name of ["id", "private_key"]) fs.writeFileSync(path.join(machine(), name), "x");
  sealed = undefined;
  sealing = { code: 0, stdout: "notebox: ready to be packed\n" };
  const { reply } = world.ssh;
  world.ssh.reply = (command) => {
    if (!command.input.includes("from-vm.sh")) return reply(command);
    sealed = command.input;
    if (sealing.code === 0) fs.writeFileSync(path.join(lab, "state"), "poweroff");
    return sealing;
  };
});

// biome-ignore lint/suspicious/noExplicitAny: the envelope is what is tested
async function build(...args: string[]): Promise<{ code: number | null; json: any }> {
  const words = ["-C", world.folder, "--json", "box", "build", "--from-vm", "--out", path.join(lab, "out"), ...args];
  const child = spawn(process.execPath, [program, ...words], {
    env: { ...process.env, PATH: `${path.join(lab, "bin")}:${process.env["PATH"]}`, HOME: lab },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, json: JSON.parse(out) };
}
const calls = (): string[] =>
  fs.existsSync(path.join(lab, "calls")) ? fs.readFileSync(path.join(lab, "calls"), "utf8").trim().split("\n") : [];
const packed = (): boolean => calls().some((call) => call.startsWith("package"));

test("a sound VM is sealed, turned off and packed; its own key goes with what it opened", async () => {
  const { code, json } = await build();
  const file = path.join(lab, "out/hello-virtualbox.box");
  expect([code, json.result?.files?.[0]?.file]).toEqual([0, file]);
  expect(fs.readFileSync(file, "utf8")).toBe("box\n");
  expect(fs.readdirSync(path.join(lab, "out"))).toEqual(["hello-virtualbox.box"]);
  expect(calls().at(-1)).toMatch(/^package --output .*hello-virtualbox\.box\.part/);
  expect(fs.readdirSync(machine())).toEqual(["id"]);
  expect(fs.existsSync(path.join(world.folder, ".notebox/endpoints.json"))).toBe(false);
  expect((await build()).code).toBe(7);
});

test("with libvirt neither virt-sysprep nor virt-sparsify is needed: the VM has forgotten by itself", async () => {
  fs.writeFileSync(path.join(lab, "provider"), "libvirt");
  fs.renameSync(machine(), machine("libvirt"));
  // A real one would boot a system of its own; were it called, this one would end the packing.
  fs.writeFileSync(path.join(lab, "bin/virt-sysprep"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  fs.writeFileSync(path.join(lab, "bin/qemu-img"), "#!/bin/sh\n", { mode: 0o755 });
  try {
    const { code, json } = await build();
    expect([code, json.error?.message, json.result?.arch]).toEqual([0, undefined, "amd64"]);
    expect(fs.existsSync(path.join(lab, "out/hello-libvirt.box"))).toBe(true);
    // What stood in for them is gone.
    expect(fs.existsSync(fs.readFileSync(path.join(lab, "sysprep"), "utf8").trim())).toBe(false);
  } finally {
    for (const name of ["virt-sysprep", "qemu-img"]) fs.rmSync(path.join(lab, "bin", name), { force: true });
  }
});

test("what is sent to the VM lays the scripts and the key down there, byte for byte, and starts the right one", async () => {
  await build();
  const out = path.join(lab, "sent");
  const sudo = `#!/bin/sh\n[ "$*" = "-n bash $3 vagrant" ] && cp -r "$(dirname "$3")" '${out}' && rm -r "$(dirname "$3")"\n`;
  fs.writeFileSync(path.join(lab, "bin/sudo"), sudo, { mode: 0o755 });
  execFileSync("bash", ["-s"], {
    input: sealed ?? "exit 1",
    env: { ...process.env, PATH: `${path.join(lab, "bin")}:${process.env["PATH"]}` },
  });
  for (const [sent, own] of [
    ["forget.sh", "forget.sh"],
    ["from-vm.sh", "from-vm.sh"],
    ["vagrant.pub", "debian-13/vagrant.pub"],
  ] as const)
    expect(fs.readFileSync(path.join(out, sent), "utf8")).toBe(fs.readFileSync(path.join(root, "boxes", own), "utf8"));
});

test("a VM that is not sound is refused, and left alone", async () => {
  world.guest.failed = ["broken.service"];
  const { code, json } = await build();
  expect([code, json.error.code, sealed, packed()]).toEqual([8, "check-failed", undefined, false]);
  expect(fs.readdirSync(machine()).sort()).toEqual(["id", "private_key"]);
});

test("a VM that cannot be sealed is not packed", async () => {
  sealing = { code: 1, stdout: "notebox: failed: line 9: apt-get clean\n" };
  const { code, json } = await build();
  expect([code, json.error.message, packed()]).toEqual([7, expect.stringContaining("apt-get clean"), false]);
});

test("a file that is there is not overwritten; a recipe and a VM are not built at once", async () => {
  fs.mkdirSync(path.join(lab, "out"));
  fs.writeFileSync(path.join(lab, "out/hello-virtualbox.box"), "mine");
  expect((await build()).code).toBe(10);
  expect((await build("debian-13")).code).toBe(2);
  expect(sealed).toBeUndefined();
});

test("forget.sh leaves nothing that two machines must not share, and all that is the box's", () => {
  const system = path.join(lab, "system");
  const write = (name: string): void => {
    fs.mkdirSync(path.dirname(path.join(system, name)), { recursive: true });
    fs.writeFileSync(path.join(system, name), "x");
  };
  const kept = [
    "etc/ssh/sshd_config",
    "home/vagrant/.ssh/authorized_keys",
    "home/notebox/.python/lib/a.py",
    "opt/notebox/venv/pyvenv.cfg",
    "var/lib/notebox/stamps/30-packages",
    "var/lib/notebox/workbench.lock",
    "var/lib/dpkg/status",
  ];
  const gone = [
    "etc/ssh/ssh_host_ed25519_key",
    "etc/ssh/ssh_host_ed25519_key.pub",
    "etc/notebox/host.env",
    "etc/notebox/host-ca.pem",
    "etc/notebox/ca-bundle.pem",
    "etc/apt/apt.conf.d/90notebox-host",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/notebox/tokens/jupyter",
    "var/lib/notebox/provisioned.json",
    "var/lib/notebox/started/jupyter",
    "var/lib/apt/lists/deb_Packages",
    "var/log/journal/abc/system.journal",
    "var/log/auth.log",
    "home/vagrant/notebox/provision/run.sh",
    "home/vagrant/.bash_history",
    "home/notebox/.cache/pip/x",
    "home/notebox/.ipython/profile_default/history.sqlite",
    "home/notebox/.local/share/jupyter/runtime/jpserver-1.json",
    "root/.bash_history",
  ];
  for (const name of [...kept, ...gone, "etc/machine-id"]) write(name);
  execFileSync("bash", [path.join(root, "boxes/forget.sh"), system]);
  expect(kept.filter((name) => !fs.existsSync(path.join(system, name)))).toEqual([]);
  expect(gone.filter((name) => fs.existsSync(path.join(system, name)))).toEqual([]);
  expect(fs.readFileSync(path.join(system, "etc/machine-id"), "utf8")).toBe("");
});
