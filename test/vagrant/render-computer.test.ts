/** What the Vagrantfile asks of this computer before the VM starts. */
import fs from "node:fs";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { evaluate } from "./render-ruby.ts";

let folder = "";
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-computer-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** What the check says, or "" when it has nothing against a start. */
function check(
  machine: { provider?: string; state?: string; env?: NodeJS.ProcessEnv },
  folders: string[] = [],
  port = 0,
): string {
  const { provider = "virtualbox", state = "not_created", env = {} } = machine;
  return evaluate(
    "computer.rb",
    `
    require "ostruct"
    require "pathname"
    machine = OpenStruct.new(provider_name: :${provider}, state: OpenStruct.new(id: :${state}),
                             env: OpenStruct.new(root_path: Pathname.new(${JSON.stringify(folder)})))
    warnings = []
    machine.ui = Object.new
    machine.ui.define_singleton_method(:warn) { |text| warnings << text }
    begin
      Notebox::Computer.check(machine, { folders: ${JSON.stringify(folders)}, services: { "jupyter" => { port: ${port} } } })
      warnings.join
    rescue Vagrant::Errors::VagrantError => error
      error.message
    end`,
    env,
  ) as string;
}

describe("the provider", () => {
  test("has two-way folders, or is refused", () => {
    expect(check({ provider: "virtualbox" })).toBe("");
    expect(check({ provider: "libvirt" })).toBe("");
    for (const provider of ["hyperv", "docker", "vmware_desktop"])
      expect(check({ provider })).toMatch(
        /runs with VirtualBox or libvirt, and Vagrant would take \w+\.\nInstall VirtualBox/,
      );
  });
});

describe("shared folders", () => {
  test("are folders or not there yet", () => {
    fs.mkdirSync(path.join(folder, "notebooks"));
    expect(check({}, ["notebooks", "api"])).toBe("");
  });

  test("are no links, wherever those lead, and no files", () => {
    fs.mkdirSync(path.join(folder, "real"));
    fs.symlinkSync("real", path.join(folder, "notebooks"));
    fs.symlinkSync("missing", path.join(folder, "api"));
    fs.writeFileSync(path.join(folder, "data"), "");
    expect(check({}, ["notebooks"])).toMatch(/notebooks is a link\. The VM gets real folders only/);
    expect(check({}, ["api"])).toMatch(/api is a link/);
    expect(check({}, ["data"])).toMatch(/data is a file/);
  });
});

describe("ports", () => {
  let server: net.Server;
  let port = 0;
  beforeAll(async () => {
    server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => void server.close());

  test("that another program has are refused with libvirt, which would not notice", () => {
    expect(check({ provider: "libvirt" }, [], port)).toMatch(
      new RegExp(`Another program on this computer has port ${port}`),
    );
  });

  test("are left to Vagrant with VirtualBox, and are the VM's own while it runs", () => {
    expect(check({ provider: "virtualbox" }, [], port)).toBe("");
    expect(check({ provider: "libvirt", state: "running" }, [], port)).toBe("");
  });
});

test("a proxy on loopback is warned of with libvirt alone", () => {
  const env = { http_proxy: "http://127.0.0.1:3128" };
  expect(check({ provider: "libvirt", env })).toMatch(/The VM asks for it at 192\.168\.121\.1/);
  expect(check({ provider: "virtualbox", env })).toBe("");
  expect(check({ provider: "libvirt", env: { http_proxy: "http://proxy.example.edu:3128" } })).toBe("");
});

test("KVM counts only when the processor has it too", () => {
  const flags = /^flags\s*:.*\b(?:vmx|svm)\b/m.test(fs.readFileSync("/proc/cpuinfo", "utf8"));
  let opens = true;
  try {
    fs.closeSync(fs.openSync("/dev/kvm", "r+"));
  } catch {
    opens = false;
  }
  expect(evaluate("computer.rb", "Notebox::Computer.kvm?")).toBe(flags && opens);
});
