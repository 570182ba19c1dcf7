/** `up` and its kin with the real Vagrant and as much VirtualBox as fits into a few lines of shell: no VM is made. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const program = path.join(root, "dist", "notebox.cjs");
const VAGRANTS = ["vagrant", ...(process.env["NOTEBOX_TEST_VAGRANTS"] ?? "").split(":").filter((name) => name !== "")];

let base: string;
let folder: string;
/** That nobody listens on. */
let port: number;
beforeEach(async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
  base = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-drive-"));
  folder = path.join(base, "work");
  fs.mkdirSync(path.join(base, "bin"));
  const vboxmanage =
    '#!/bin/sh\ncase "$*" in --version|-v) echo 7.0.20r163906 ;; list*) ;; showvminfo*) echo "VBoxManage: error: Details: code VBOX_E_OBJECT_NOT_FOUND (0x80bb0001)" >&2; exit 1 ;; *) echo "VBoxManage: error: no such thing" >&2; exit 1 ;; esac\n';
  fs.writeFileSync(path.join(base, "bin", "VBoxManage"), vboxmanage, { mode: 0o755 });
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

describe.each(VAGRANTS)("%s", (vagrant) => {
  const environment = (): NodeJS.ProcessEnv => ({
    HOME: base,
    VAGRANT_HOME: path.join(base, "vagrant.d"),
    PATH: `${path.join(base, "bin")}:${process.env["PATH"]}`,
    LC_ALL: "C.UTF-8",
  });
  const notebox = (...args: string[]) => {
    if (vagrant !== "vagrant") fs.symlinkSync(vagrant, path.join(base, "bin", "vagrant"));
    const ran = spawnSync(process.execPath, [program, "-C", folder, ...args, "--json"], {
      encoding: "utf8",
      env: environment(),
    });
    if (vagrant !== "vagrant") fs.rmSync(path.join(base, "bin", "vagrant"));
    return { code: ran.status, stderr: ran.stderr, ...JSON.parse(ran.stdout) };
  };
  const workbench = (...shares: string[]): void => {
    fs.mkdirSync(path.join(folder, "notebooks"), { recursive: true });
    fs.writeFileSync(
      path.join(folder, "workbench.yaml"),
      `version: 1\nname: lab\nbox: { name: lab/tiny, shares: ${JSON.stringify(shares)} }\nmachine: { memory: 1 GiB }\nservices: { jupyter: { port: ${port} } }\n`,
    );
  };
  /** A share with one box, and in its catalog that checksum and provider. */
  const share = (sum: (box: string) => string, provider = "virtualbox"): void => {
    const door = path.join(base, "share");
    workbench(door);
    expect(notebox("render").ok).toBe(true);
    const catalog =
      /"([^"]*lab\/tiny\.json)"/.exec(fs.readFileSync(path.join(folder, "Vagrantfile"), "utf8"))?.[1] ?? "";
    const parts = path.join(base, "box");
    fs.mkdirSync(parts);
    fs.writeFileSync(path.join(parts, "metadata.json"), JSON.stringify({ provider }));
    fs.writeFileSync(path.join(parts, "box.ovf"), "<Envelope/>");
    const box = path.join(base, "tiny.box");
    execFileSync("tar", ["-cf", box, "-C", parts, "metadata.json", "box.ovf"]);
    const providers = [{ name: provider, url: `file://${box}`, checksum_type: "sha256", checksum: sum(box) }];
    fs.mkdirSync(path.dirname(catalog), { recursive: true });
    fs.writeFileSync(catalog, JSON.stringify({ name: "lab/tiny", versions: [{ version: "1.0.0", providers }] }));
  };
  const sha256 = (file: string): string => createHash("sha256").update(fs.readFileSync(file)).digest("hex");

  test("shares that are offline: exit 5, and every door is named with its reason", () => {
    workbench(`http://127.0.0.1:${port}/boxes`, path.join(base, "not-mounted"));
    const { code, error, stderr } = notebox("up", "--provider", "virtualbox");
    expect([code, error.code, stderr]).toEqual([5, "unreachable", ""]);
    expect(error.message).toContain("lab/tiny is not on this computer yet");
    expect(error.problems.map(({ message }: { message: string }) => message)).toEqual([
      expect.stringContaining(`http://127.0.0.1:${port}/boxes/catalogs/`),
      expect.stringMatching(/not-mounted.*: there is no such file$/),
    ]);
    expect(error.hint).toContain("box: shares:");
  });

  test("a wrong checksum: exit 6, and the box is not installed", () => {
    share(() => "0".repeat(64));
    const { code, error } = notebox("up", "--provider", "virtualbox");
    expect([code, error.code]).toEqual([6, "integrity"]);
    expect(error.message).toContain("its checksum is wrong");
    expect(fs.readdirSync(path.join(base, "vagrant.d", "boxes"))).toEqual([]);
  });

  test("a box that is on the share for another provider only: exit 5", () => {
    share(sha256, "libvirt");
    const { code, error } = notebox("up", "--provider", "virtualbox");
    expect([code, error.code]).toEqual([5, "unreachable"]);
    expect(error.message).toContain("not for this provider");
  });

  test("a box that VirtualBox cannot import: exit 7, and the log has what Vagrant said", () => {
    share(sha256);
    const { code, error } = notebox("up", "--provider", "virtualbox");
    expect([code, error.code]).toEqual([7, "vagrant"]);
    expect(error.message).toContain("VBoxManage: error: no such thing");
    expect(fs.readFileSync(error.log, "utf8")).toContain("Importing base box");
    expect(notebox("status").result.vm).toBe("not_created");
  });

  test("a VM that is gone, but that .vagrant still names, is none", () => {
    workbench(base);
    expect(notebox("render").ok).toBe(true);
    const machine = path.join(folder, ".vagrant/machines/default/virtualbox");
    fs.mkdirSync(machine, { recursive: true });
    fs.writeFileSync(path.join(machine, "id"), "0c7a6d7e-0b52-4b0b-9d0c-5d2b5c3b7d7e");
    expect(notebox("status")).toMatchObject({ code: 0, result: { vm: "not_created" } });
    fs.writeFileSync(path.join(machine, "id"), "0c7a6d7e-0b52-4b0b-9d0c-5d2b5c3b7d7e");
    expect(notebox("down")).toMatchObject({ code: 0, result: { before: "not-created" } });
    fs.writeFileSync(path.join(machine, "id"), "0c7a6d7e-0b52-4b0b-9d0c-5d2b5c3b7d7e");
    expect(notebox("destroy", "--yes").code).toBe(0);
  });

  test("too little disk space: exit 8 with the figures, before anything is fetched", () => {
    workbench(base);
    const home = path.join(base, "small");
    fs.mkdirSync(home);
    // A file system of one mebibyte, in a mount namespace of its own so that it goes with the process.
    const script = `mount -t tmpfs -o size=1m none '${home}' && exec "$0" "$@"`;
    const args = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"]), "bash", "-c", script];
    const ran = spawnSync(
      "unshare",
      [...args, process.execPath, program, "-C", folder, "up", "--json", "--provider", "virtualbox"],
      {
        encoding: "utf8",
        env: { ...environment(), VAGRANT_HOME: path.join(home, "vagrant.d") },
      },
    );
    expect(ran.status).toBe(8);
    const { error } = JSON.parse(ran.stdout);
    expect(error.problems[0]).toMatchObject({ id: "vagrant-home" });
    expect(error.problems[0].message).toMatch(/has (0|1) MiB free and needs 6\.0 GiB/);
    expect(fs.existsSync(path.join(folder, ".vagrant"))).toBe(false);
  });
});
