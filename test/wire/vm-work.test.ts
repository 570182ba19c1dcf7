/**
 * What Start takes along when it changes over to a new VM: the real Ruby beside the Vagrantfile saves a guest that is a
 * folder and fills another one; the file that it keeps is one that `notebox restore` takes.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkBackup } from "../../src/keep/check.ts";
import { evaluate } from "../vagrant/render-ruby.ts";
import { isRoot, type KeptGuest, makeKeptGuest } from "./fakes/kept-guest.ts";

// Mounting needs root.
const asRoot = test.skipIf(!isRoot);
const TEMPLATES = path.resolve(import.meta.dirname, "../../templates/vagrant");
const KEEP = path.resolve(import.meta.dirname, "../../provision/keep.sh");

let folder: string;
let first: KeptGuest;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-vm-work-"));
  if (!isRoot) return;
  first = makeKeptGuest(path.join(folder, "first"));
  fs.mkdirSync(path.join(folder, ".notebox"));
  fs.mkdirSync(path.join(folder, "pieces"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A machine whose SSH is a shell in that guest; `@work` works on it. */
function ruby(guest: KeptGuest, code: string): unknown {
  const machine = `
require "open3"
%w[NetSSHException SSHDisconnected].each { |name| Vagrant::Errors.const_set(name, Class.new(StandardError)) }
class Guest
  Env = Struct.new(:root_path)
  def env = Env.new(${JSON.stringify(folder)})
  def communicate = self
  def ready? = true
  def ui = self
  def detail(text) = $broken = text
  def sudo(command, error_check: true)
    out, told, status = Open3.capture3(${JSON.stringify(guest.shell)}, command, binmode: true)
    [[:stdout, out], [:stderr, told]].each { |type, data| yield type, data if block_given? }
    status.exitstatus
  end
  # The first upload breaks off half-way.
  def upload(from, to)
    (@uploads = @uploads.to_i + 1) == 1 and (send_file("/dev/null", to); raise Vagrant::Errors::NetSSHException, "cut")
    send_file(from, to)
  end
  def send_file(from, to) = system(${JSON.stringify(guest.shell)}, "cat >#{to}", in: from) || raise(to)
  def download(from, to) = system(${JSON.stringify(guest.shell)}, "cat #{from}", out: to) || raise(from)
end
load ${JSON.stringify(path.join(TEMPLATES, "backup_file.rb"))}
Notebox::VmWork.send(:remove_const, :PAUSE)
Notebox::VmWork::PAUSE = 0
work = Notebox::VmWork.new(Guest.new, File.binread(${JSON.stringify(KEEP)}))
`;
  return evaluate("vm_work.rb", `${machine}\n${code}`);
}

const SAVE = (folder: string): string => `pieces = work.fetch(${JSON.stringify(path.join(folder, "pieces"))})
about = { workbench: { name: "hello", title: "Grüße" }, services: [{ name: "jupyter", kind: "jupyter" }],
          guest: { python: work.python[0], machine: work.python[1] }, without: work.unread }
file = Notebox::BackupFile.write(${JSON.stringify(folder)}, pieces, about)
[file, work.python, pieces.map(&:to_a)]`;
type Saved = [string, string[], unknown[][]];

const put = (guest: KeptGuest, [, python, pieces]: Saved): unknown =>
  ruby(
    guest,
    `pieces = JSON.parse(${JSON.stringify(JSON.stringify(pieces))}).map { |piece| Notebox::VmWork::Piece.new(*piece) }
work.put(pieces, JSON.parse(${JSON.stringify(JSON.stringify(python))}))`,
  );

const MAKE = `cd /home/notebox
install -d -o notebox -g notebox notes .python/lib
runuser -u notebox -- bash -c 'printf work >notes/a.txt; printf lib >.python/lib/m.py; ln -s a.txt notes/link'`;
const SHOW = `cd /home/notebox; cat notes/a.txt .python/lib/m.py; readlink notes/link; stat -c %U notes/a.txt
cat /var/lib/notebox/tokens/jupyter /var/lib/ledger`;

asRoot("all that was in one VM is in the other, and in a file that restore takes", async () => {
  first.run(MAKE);
  const saved = ruby(first, SAVE(folder)) as Saved;
  const [file] = saved;
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  const { manifest, tokens, tops } = await checkBackup(file, new AbortController().signal);
  expect(manifest.workbench).toEqual({ name: "hello", title: "Grüße" });
  expect([...tokens.keys()]).toEqual(["jupyter", "hello"]);
  expect([...tops]).toContain("notes");
  expect(manifest.members.map(({ name }) => name)).toEqual([
    "READ-ME.txt",
    "tokens.txt",
    "home.tar.gz",
    "python.tar.gz",
    "services/ledger.tar.gz",
  ]);

  const second = makeKeptGuest(path.join(folder, "second"), { jupyter: "9".repeat(48) });
  second.run("rm /var/lib/ledger");
  expect(put(second, saved)).toEqual([]);
  expect(second.run(SHOW)).toBe(first.run(SHOW));
  expect(second.systemctl()[0]).toMatch(/^stop /);
  expect(second.systemctl().some((line) => line.startsWith("start "))).toBe(true);
  // Nothing of it is left lying about.
  for (const guest of [first, second]) expect(guest.run("ls -A /home/vagrant")).toBe("");
});

asRoot("services that a killed save left resting are started again, once", () => {
  const rouse = `$LOADED_FEATURES << ${JSON.stringify(path.join(TEMPLATES, "vm_work.rb"))} # by now
load ${JSON.stringify(path.join(TEMPLATES, "awake.rb"))}
machine = work && Guest.new
def machine.state = Struct.new(:id).new(:running)
def machine.info(text) = $said = text
def machine.wait_for_ready(_) = true
def machine.config = Struct.new(:vm).new(Struct.new(:boot_timeout).new(1))
Notebox::Awake.wait(machine)
$said`;
  fs.mkdirSync(path.join(folder, "provision"));
  fs.copyFileSync(KEEP, path.join(folder, "provision/keep.sh"));
  first.run("touch /run/notebox-resting");
  expect(ruby(first, rouse)).toMatch(/broken off/);
  expect(first.systemctl().filter((line) => line.startsWith("start "))).toHaveLength(1);
  expect(ruby(first, rouse)).not.toMatch(/broken off/);
  expect(first.systemctl()).toHaveLength(1);
});

asRoot("what another VM cannot take is named, and the rest comes", () => {
  first.run(MAKE);
  const saved = ruby(first, SAVE(folder)) as Saved;
  const second = makeKeptGuest(path.join(folder, "second"));
  second.run(`echo 3.14 >/var/lib/notebox/python-version; rm -r /opt/notebox/lib/keep/book`);
  expect(put(second, saved)).toEqual([
    "what pip installed (it is for another Python)",
    "what ledger held (there is no such service any more; it is in the backup)",
  ]);
  expect(second.run("cat /home/notebox/notes/a.txt; ls -A /home/notebox")).toBe("worknotes\n");
});

asRoot(
  "what a former service left is kept; one that was renamed gets its data; what cannot be read is told",
  async () => {
    first.run(`${MAKE}
install -d /var/lib/notebox-old/data; touch /var/lib/notebox-old/data/PG_VERSION
install -d -m 700 rootly; install -m 600 /etc/passwd notes/locked`);
    const saved = ruby(first, SAVE(folder)) as Saved;
    const { manifest } = await checkBackup(saved[0], new AbortController().signal);
    expect(manifest.members.map(({ name }) => name)).toContain("left/old.tar.gz");
    expect(manifest.without).toEqual(
      expect.arrayContaining([
        "rootly: Cannot open: Permission denied",
        "notes/locked: Cannot open: Permission denied",
      ]),
    );
    const second = makeKeptGuest(path.join(folder, "second"));
    second.run("sed -i 's/book ledger/book accounts/' /etc/notebox/workbench/services.txt");
    expect(put(second, saved)).toEqual(["what old had left, which was no service any more (it is in the backup)"]);
    expect(second.run("cat /var/lib/accounts")).toBe("row 1\n");
  },
);

asRoot("services rest while all is saved, and run again when it fails", () => {
  const rest = (code: string): unknown => ruby(first, `work.at_rest { ${code} }`);
  expect(rest('File.exist?("/nowhere") ? 1 : 2')).toBe(2);
  expect(first.systemctl().at(-1)).toMatch(/^stop /);
  expect(rest("nil.inspect && nil")).toBe(null);
  expect(first.systemctl().at(-1)).toMatch(/^start /);
  expect(() => rest('raise Errno::ENOSPC, "backups"')).toThrow(/No space left/);
  expect(
    first
      .systemctl()
      .slice(-2)
      .map((line) => line.split(" ")[0]),
  ).toEqual(["stop", "start"]);
});

asRoot("a service that cannot be saved stops it, in the VM's own words", () => {
  first.run("printf '#!/bin/bash\\necho the ledger is locked >&2; exit 3\\n' >/opt/notebox/lib/keep/book/save");
  expect(() => ruby(first, SAVE(folder))).toThrow(/In the virtual machine: the ledger is locked/);
});

asRoot("services that do not run are named; a VM that was never set up has nothing", () => {
  fs.writeFileSync(path.join(folder, "first/bin/systemctl"), '#!/bin/bash\n[[ "$*" != *hello* ]]\n');
  expect(ruby(first, "work.resting")).toEqual(["hello"]);
  first.run("userdel notebox 2>/dev/null || sed -i /^notebox/d /etc/passwd");
  expect(ruby(first, `work.fetch(${JSON.stringify(path.join(folder, "pieces"))}).inspect`)).toBe("nil");
});
