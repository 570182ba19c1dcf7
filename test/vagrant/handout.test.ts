/**
 * Hand-outs with the real Vagrant, up to the point where a VM would be needed: originals come before anything else, the
 * box beside the bundle is taken, a newer hand-out beside an older one finds it and its VM.
 */
import fs from "node:fs";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { catalogText } from "../../src/boxes/catalog.ts";
import { Lab, VAGRANTS } from "./render-lab.ts";
import { evaluate } from "./render-ruby.ts";

const UP = ["up", "--provider", "virtualbox"];

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.describe(["/nowhere"]);
});
afterEach(() => lab.close());

function write(name: string, content: string, folder = lab.folder): void {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), content);
}

/** A folder in which this workbench has its VM, as Vagrant and an earlier start left it. */
function olderFolder(name: string): string {
  const folder = path.join(lab.around, name);
  fs.cpSync(lab.folder, folder, { recursive: true });
  write("originals/notebooks/a.ipynb", "v1", folder);
  write("notebooks/a.ipynb", "mine", folder);
  write(".vagrant/machines/default/virtualbox/id", "0b6c0d8e-0000-4000-8000-000000000000", folder);
  const entry = {
    local_data_path: path.join(folder, ".vagrant"),
    ...{ name: "default", provider: "virtualbox", state: "poweroff", vagrantfile_name: null, updated_at: null },
    ...{ vagrantfile_path: folder, extra_data: {} },
  };
  const index = path.join(lab.around, "home", "data", "machine-index", "index");
  fs.mkdirSync(path.dirname(index), { recursive: true });
  fs.writeFileSync(index, JSON.stringify({ version: 1, machines: { "5f2a": entry } }));
  return folder;
}

test.each(VAGRANTS)("%s: originals are there before the box is looked for", async (vagrant) => {
  write("originals/notebooks/a.ipynb", "v1");
  const up = await lab.vagrant(vagrant, UP);
  expect(up.text).toMatch(/new: notebooks\/a\.ipynb[\s\S]*no door of the share gives it/);
  expect(fs.readFileSync(path.join(lab.folder, "notebooks/a.ipynb"), "utf8")).toBe("v1");
});

test.each(VAGRANTS)("%s: the box beside the bundle is taken, whatever the folder's name", async (vagrant) => {
  const share = await lab.share();
  const moved = path.join(lab.around, "50% Übung & Co!");
  fs.renameSync(lab.folder, moved);
  fs.symlinkSync(moved, lab.folder);
  const id = { name: "lab/tiny", version: "1.0.0", provider: "virtualbox", arch: "amd64" };
  const box = fs.readFileSync(path.join(share, "tiny.box"));
  const { createHash } = await import("node:crypto");
  const sums = Object.fromEntries(
    ["sha256", "sha1", "md5"].map((type) => [type, createHash(type).update(box).digest("hex")]),
  );
  const record = { ...id, ...(sums as { sha256: string; sha1: string; md5: string }), size: box.length };
  const text = catalogText("lab/tiny", "/x", [{ ...record, source: "x", published: "", by: "" }]);
  write("share/catalogs/here/lab/tiny.json", text.replaceAll("file:///x/", ""));
  write("share/boxes/lab/tiny/1.0.0/virtualbox-amd64.box", "");
  fs.writeFileSync(path.join(moved, "share/boxes/lab/tiny/1.0.0/virtualbox-amd64.box"), box);
  await lab.vagrant(vagrant, UP);
  expect((await lab.vagrant(vagrant, ["box", "list"])).text).toMatch(/lab\/tiny +\(virtualbox, 1\.0\.0/);
});

test.each(VAGRANTS)(
  "%s: version 2 beside version 1 brings that one up to date and sends the person there",
  async (vagrant) => {
    const older = olderFolder("older Übung");
    write("Vagrantfile", `${fs.readFileSync(path.join(older, "Vagrantfile"), "utf8")}# by hand\n`, older);
    await lab.describe(["/elsewhere"]);
    write("originals/notebooks/a.ipynb", "v2");
    write("originals/notebooks/b.ipynb", "v2");
    const up = await lab.vagrant(vagrant, UP);
    expect(up.code).toBe(1);
    expect(up.text).toContain(`lab is on this computer already, with your work: ${older}`);
    expect(up.text).toMatch(/Open that folder and double-click Start/);
    const read = (name: string): string => fs.readFileSync(path.join(older, name), "utf8");
    expect(read("notebooks/a.ipynb")).toBe("mine");
    expect(read("originals/notebooks/a.ipynb")).toBe("v2");
    expect(read("Vagrantfile")).toBe(fs.readFileSync(path.join(lab.folder, "Vagrantfile"), "utf8"));
    expect(read(".notebox/changed/Vagrantfile")).toMatch(/# by hand\n$/);
    expect(fs.statSync(path.join(older, "Start.sh")).mode & 0o777).toBe(0o755);
    expect(fs.existsSync(path.join(lab.folder, "notebooks/a.ipynb"))).toBe(false);
    expect(fs.existsSync(path.join(lab.folder, ".vagrant/machines/default/virtualbox/id"))).toBe(false);
  },
);

/** What a start beside it says, or nil when it goes on with a VM of its own. */
function said(older: string, env = {}): unknown {
  return evaluate(
    "other_folder.rb",
    `Entry = Struct.new(:name, :vagrantfile_path)
     Environment = Struct.new(:root_path, :machine_index)
     machine = Struct.new(:id, :env).new(nil, Environment.new(${JSON.stringify(lab.folder)}, [Entry.new("default", ${JSON.stringify(older)})]))
     begin
       Notebox::OtherFolder.check(machine, { name: "lab", title: "lab", folders: %w[notebooks api] })
     rescue Notebox::Failure => e
       e.error_message
     end`,
    env,
  );
}

test("what somebody changed in the older one's workbench.yaml or bundle is kept, also by the update after the next", async () => {
  const older = olderFolder("older");
  write("originals/notebooks/a.ipynb", "v2");
  const read = (name: string): string => fs.readFileSync(path.join(older, name), "utf8");
  for (const [turn, kept] of ["", ".2"].entries()) {
    write("workbench.yaml", `version: 1 # mine ${turn}\n`, older);
    write("Vagrantfile", `# mine ${turn}\n`, older);
    await lab.describe([`/elsewhere${turn}`]);
    write("workbench.yaml", `version: 1 # theirs ${turn}\n`);
    expect(said(older)).toMatch(/brought up to date there/);
    expect(read("workbench.yaml")).toBe(`version: 1 # theirs ${turn}\n`);
    expect(read(`.notebox/changed/workbench.yaml${kept}`)).toBe(`version: 1 # mine ${turn}\n`);
    expect(read(`.notebox/changed/Vagrantfile${kept}`)).toBe(`# mine ${turn}\n`);
  }
  expect(read(".notebox/changed/workbench.yaml")).toBe("version: 1 # mine 0\n");
  // What was handed out and never touched is no work.
  fs.mkdirSync(path.join(older, ".notebox/started"), { recursive: true });
  write(".notebox/started/workbench.yaml", read("workbench.yaml"), older);
  write("workbench.yaml", "version: 1 # theirs 3\n");
  said(older);
  expect(fs.readdirSync(path.join(older, ".notebox/changed")).sort()).toEqual(
    ["Vagrantfile", "Vagrantfile.2", "workbench.yaml", "workbench.yaml.2"].sort(),
  );
});

test("a start that is at work in the older folder keeps its files until it is done", async () => {
  const older = olderFolder("older");
  write("originals/notebooks/a.ipynb", "v2");
  await lab.describe(["/elsewhere"]);
  const before = fs.readFileSync(path.join(older, "Vagrantfile"), "utf8");
  const owner = { host: os.hostname(), process: { pid: process.pid, started: "" }, time: "x", command: "Start" };
  write(".notebox/up.lock", JSON.stringify(owner), older);
  expect(said(older)).toMatch(/^This workbench runs already/);
  expect(fs.readFileSync(path.join(older, "Vagrantfile"), "utf8")).toBe(before);
  write(".notebox/up.lock", JSON.stringify({ ...owner, process: { pid: 4_194_304, started: "1" } }), older);
  expect(said(older)).toMatch(/brought up to date there/);
  expect(fs.existsSync(path.join(older, ".notebox/up.lock"))).toBe(false);
});

test("a VM that runs is left alone, and so is a folder that is no hand-out of this name", async () => {
  const older = olderFolder("older");
  write("originals/notebooks/a.ipynb", "v2");
  const before = fs.readFileSync(path.join(older, "Vagrantfile"), "utf8");
  await lab.describe(["/elsewhere"]);
  const server = net.createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const ssh = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  write(".notebox/endpoints.json", JSON.stringify({ ssh }), older);
  expect(said(older)).toMatch(new RegExp(`^This workbench runs already, from the folder ${older}\n`));
  server.close();

  // An author's own folder has no originals/; another title is another workbench; who wants two gets two.
  fs.renameSync(path.join(older, "originals"), path.join(older, "elsewhere"));
  expect(said(older)).toBeNull();
  fs.renameSync(path.join(older, "elsewhere"), path.join(older, "originals"));
  write("provision/workbench/title", "Another\n", older);
  expect(said(older)).toBeNull();
  write("provision/workbench/title", "lab\n", older);
  expect(said(older, { NOTEBOX_SEPARATE: "1" })).toBeNull();
  // Somebody has worked here already.
  write("notebooks/mine.ipynb", "mine");
  expect(said(older)).toBeNull();
  fs.rmSync(path.join(lab.folder, "notebooks"), { recursive: true });
  // A link in the older folder leads nowhere.
  fs.rmSync(path.join(older, "vagrant"), { recursive: true });
  fs.mkdirSync(path.join(lab.around, "outside"));
  fs.symlinkSync(path.join(lab.around, "outside"), path.join(older, "vagrant"));
  expect(said(older)).toMatch(/vagrant is a link/);
  expect([
    fs.readdirSync(path.join(lab.around, "outside")),
    fs.readFileSync(path.join(older, "Vagrantfile"), "utf8"),
  ]).toEqual([[], before]);
});

test("version 2 over version 1: what changes is said, what ran before is kept, what nobody needs goes", async () => {
  write("originals/notebooks/a.ipynb", "v1");
  const versions = (box: string, services: string, call: string): string[] =>
    evaluate(
      "versions.rb",
      `workbench = { box: { name: "a/b", version: ${JSON.stringify(box)} }, services: { ${services} } }
       [Notebox::Versions.new(${JSON.stringify(lab.folder)}, workbench).${call}].flatten`,
    ) as string[];
  const marks = '"jupyter" => { port: 8888 }, "marks" => { port: 8889 }';
  expect(versions("1", marks, "take_over(made: true)")).toEqual([]);
  versions("1", marks, "remember");
  const first = fs.readFileSync(path.join(lab.folder, "Vagrantfile"), "utf8");
  expect(versions("1", marks, "take_over(made: true)")).toEqual([]);

  // As unzipping does it: new files over the old ones, and what the new version lacks stays lying there.
  const rendered = JSON.parse(fs.readFileSync(path.join(lab.folder, ".notebox/rendered.json"), "utf8")) as {
    files: Record<string, string>;
  };
  delete rendered.files["Stop.sh"];
  delete rendered.files["Status.sh"];
  write(".notebox/rendered.json", JSON.stringify(rendered));
  write("Vagrantfile", `${first}# v2\n`);
  write("Status.sh", "changed by hand");
  expect(versions("2", '"jupyter" => { port: 8890 }, "db" => { port: 5432 }', "take_over(made: true)")).toEqual([
    "This folder holds a newer version of the workbench.",
    expect.stringMatching(
      /^It is made for the box a\/b \(2\), and the VM was made from a\/b \(1\)\. The VM stays as it is/,
    ),
    "New service: db.",
    "No longer there: marks.",
    "jupyter moves from port 8888 to port 8890.",
    expect.stringMatching(/kept in \.notebox\/before: to go back/),
  ]);
  expect(fs.readFileSync(path.join(lab.folder, ".notebox/before/Vagrantfile"), "utf8")).toBe(first);
  expect(fs.existsSync(path.join(lab.folder, "Stop.sh"))).toBe(false);
  expect(fs.readFileSync(path.join(lab.folder, "Status.sh"), "utf8")).toBe("changed by hand");
  // To go back is to copy it over.
  fs.cpSync(path.join(lab.folder, ".notebox/before"), lab.folder, { recursive: true });
  expect(fs.readFileSync(path.join(lab.folder, "Vagrantfile"), "utf8")).toBe(first);
  expect(fs.statSync(path.join(lab.folder, "Stop.sh")).mode & 0o777).toBe(0o755);
});

test("version 2 over a workbench.yaml that was changed by hand: that comes back beside it, once", () => {
  const keep = (): unknown =>
    evaluate("own_workbench.rb", `Notebox::OwnWorkbench.new(${JSON.stringify(lab.folder)}).keep`);
  const unzip = (text: string): void => {
    write("workbench.yaml", text);
    write("originals/workbench.yaml", text);
  };
  const yours = (): string[] => fs.readdirSync(lab.folder).filter((name) => name.includes("yours"));
  write("workbench.yaml", "mine before any hand-out told of itself\n");
  expect(keep()).toEqual([]);
  unzip("v1\n");
  expect(keep()).toEqual([]);
  // Nobody changed it: nothing to give back.
  unzip("v2\n");
  expect([keep(), yours()]).toEqual([[], []]);
  write("workbench.yaml", "v2, changed\n");
  expect([keep(), keep(), yours()]).toEqual([[], [], []]);
  unzip("v3\n");
  expect(keep()).toEqual([
    expect.stringMatching(/^You had changed workbench\.yaml.* is workbench \(yours\)\.yaml: copy/),
  ]);
  expect(fs.readFileSync(path.join(lab.folder, "workbench (yours).yaml"), "utf8")).toBe("v2, changed\n");
  expect(fs.readFileSync(path.join(lab.folder, "workbench.yaml"), "utf8")).toBe("v3\n");
  expect(keep()).toEqual([]);
  write("workbench.yaml", "v3, changed\n");
  keep();
  // Only the copy that Start compares with was unpacked: what lies there is still the person's.
  write("originals/workbench.yaml", "v4\n");
  expect([keep(), yours()]).toEqual([[], ["workbench (yours).yaml"]]);
  unzip("v5\n");
  expect(keep()).toEqual([expect.stringContaining("workbench (yours 2).yaml")]);
  // A link in the place of notebox's own folder is not followed.
  fs.rmSync(path.join(lab.folder, ".notebox"), { recursive: true });
  fs.symlinkSync(lab.around, path.join(lab.folder, ".notebox"));
  expect(keep()).toEqual([]);
  expect(fs.existsSync(path.join(lab.around, "last"))).toBe(false);
});

test.each(VAGRANTS)("%s: Start keeps the workbench.yaml that it starts with", async (vagrant) => {
  write("originals/workbench.yaml", "v1\n");
  write("workbench.yaml", "changed\n");
  await lab.vagrant(vagrant, UP);
  expect(fs.readFileSync(path.join(lab.folder, ".notebox/last/workbench.yaml"), "utf8")).toBe("changed\n");
  write("originals/workbench.yaml", "v2\n");
  write("workbench.yaml", "v2\n");
  expect((await lab.vagrant(vagrant, UP)).text).toContain("from the hand-out: You had changed workbench.yaml");
});
