/** What `up` decides: which command, whether this computer is ready, which versions go together. */
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { sshArguments } from "../../src/commands/ssh.ts";
import { lockRounds } from "../../src/vagrant/host-wheels.ts";
import { compareVersions, requirePair } from "../../src/vagrant/installed.ts";
import { type Found, planUp } from "../../src/vagrant/plan.ts";

describe("what has to be done", () => {
  const ready: Found = {
    state: "running",
    begun: true,
    finished: true,
    sameMachine: true,
    hasEndpoints: true,
    provisioned: "aa",
    sameNetwork: true,
    answers: true,
  };
  test.each<[string, Partial<Found>, string]>([
    ["all is as it should be", {}, "none"],
    ["the workbench has changed inside the VM", { provisioned: "bb" }, "provision"],
    ["the guest was never set up", { provisioned: undefined }, "provision"],
    ["this computer has moved to another network", { sameNetwork: false }, "provision"],
    ["ports, folders or memory have changed", { sameMachine: false }, "reload"],
    ["the start was broken off after boot", { hasEndpoints: false }, "reload"],
    ["its making was broken off before anything was in it", { begun: false, finished: false }, "remake"],
    ["the same, and power was cut", { begun: false, finished: false, state: "shutoff" }, "remake"],
    ["its set-up was broken off, and power was cut", { finished: false, state: "shutoff" }, "up"],
    ["the first start was broken off", { finished: false, provisioned: undefined }, "reload"],
    ["it hangs", { answers: false }, "restart"],
    ["it is off", { state: "poweroff" }, "up"],
    ["libvirt's word for off", { state: "shutoff" }, "up"],
    ["power was cut", { state: "aborted" }, "up"],
    ["it is suspended", { state: "saved" }, "up"],
    ["there is none", { state: "not_created", begun: false }, "up"],
    ["it crashed", { state: "gurumeditation" }, "restart"],
    ["it has no address", { state: "inaccessible" }, "restart"],
  ])("%s", (_name, difference, action) => {
    expect(planUp({ ...ready, ...difference }, "aa")).toBe(action);
  });
});

describe("versions", () => {
  test.each([
    ["2.3.4", "2.3.4", 0],
    ["2.3.10", "2.3.9", 1],
    ["2.4.0.dev", "2.4.0", 0],
    ["2.2.19", "2.3.4", -1],
    ["2.4", "2.4.1", -1],
  ])("%s and %s", (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });

  test("a VirtualBox that this Vagrant does not know is refused with the version that does", () => {
    expect(() => requirePair("2.4.1", "7.1.4r165100")).toThrow(
      "VirtualBox 7.1.4r165100 needs Vagrant 2.4.2 or newer, but Vagrant 2.4.1",
    );
    expect(() => requirePair("2.4.3", "7.2.0")).toThrow("2.4.9");
    requirePair("2.4.9", "7.2.0");
    requirePair("2.3.4", "7.0.20");
    requirePair("2.3.4", "6.1.50");
  });
});

describe("ssh's arguments", () => {
  const target = { host: "127.0.0.1", port: 2222, username: "vagrant", privateKeyPath: "/home/a%b/key" };
  test("a % in the key's path is no placeholder", () => {
    expect(sshArguments(target, [], "linux")).toContain("/home/a%%b/key");
  });
  test("a command cannot be taken for an option, and Windows has its own null file", () => {
    const line = sshArguments(target, ["-V", "x"], "win32");
    expect(line.slice(-4)).toEqual(["vagrant@127.0.0.1", "--", "-V", "x"]);
    expect(line).toContain("UserKnownHostsFile=NUL");
  });
});

describe("a lock for another Python than this computer's", () => {
  const lock =
    "# made by\nanyio==4.16.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nsoupsieve==2.10 ; python_full_version < '3.11.5' \\\n    --hash=sha256:cc\nsoupsieve==4.1.2 ; python_full_version >= '3.11.5' \\\n    --hash=sha256:dd\n";
  test("has no markers, and no package twice in one part", () => {
    expect(lockRounds(lock)).toEqual([
      "anyio==4.16.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nsoupsieve==2.10 \\\n    --hash=sha256:cc\n",
      "soupsieve==4.1.2 \\\n    --hash=sha256:dd\n",
    ]);
  });
  test("the real one keeps every hash", () => {
    const text = fs.readFileSync(path.resolve(import.meta.dirname, "../../provision/locks/base.txt"), "utf8");
    const rounds = lockRounds(text).join("");
    expect(rounds.match(/--hash=/g)).toHaveLength(text.match(/--hash=/g)?.length ?? -1);
    expect(rounds).not.toContain(";");
  });
});
