/**
 * What a launcher and plain `vagrant` say with the real Vagrant: checks before a start, known errors, exit codes and
 * VirtualBox's folder. VBoxManage is a stand-in that notes what it is told; no VM is made.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Lab, ROOT, VAGRANTS } from "./render-lab.ts";

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => lab.close());

/** VirtualBox as far as an import; `failing` is what it says to `modifyvm`, which follows. */
function virtualbox(options: { folder?: string; failing?: string } = {}): () => string[] {
  const { folder = path.join(lab.around, "vms"), failing = "no such thing" } = options;
  const calls = path.join(lab.around, "calls");
  const program = `#!/bin/sh
echo "$*" >>${calls}
case "$*" in
--version) echo 7.0.20r163906 ;;
"list systemproperties") echo 'Default machine folder:          ${folder}' ;;
"import -n"*) echo 'Suggested VM name "tiny"' ;;
import*) while [ $# -gt 0 ]; do [ "$1" = --vmname ] && echo "$2" >${lab.around}/name; shift; done ;;
"list vms") [ ! -f ${lab.around}/name ] || echo "\\"$(cat ${lab.around}/name)\\" {11111111-2222-3333-4444-555555555555}" ;;
list*|setproperty*) ;;
*) echo 'VBoxManage: error: ${failing}' >&2; exit 1 ;;
esac
`;
  fs.writeFileSync(path.join(lab.around, "bin", "VBoxManage"), program, { mode: 0o755 });
  return () => fs.readFileSync(calls, "utf8").trim().split("\n");
}

/** A workbench whose share has a box that VirtualBox cannot run. */
async function withBox(change: object = {}): Promise<string> {
  const share = await lab.share();
  await lab.describe([share]);
  const address = /"([^"]*lab\/tiny\.json)"/.exec(fs.readFileSync(path.join(lab.folder, "Vagrantfile"), "utf8"))?.[1];
  const file = address ?? "";
  const box = path.join(share, "tiny.box");
  const [sum] = spawnSync("sha256sum", [box], { encoding: "utf8" }).stdout.split(" ");
  const providers = [
    { name: "virtualbox", url: pathToFileURL(box).href, checksum: sum, checksum_type: "sha256", ...change },
  ];
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, JSON.stringify({ name: "lab/tiny", versions: [{ version: "1.0.0", providers }] }));
  return file;
}

const start = async (vagrant: string, env: NodeJS.ProcessEnv = {}) =>
  await lab.vagrant(vagrant, ["up", "--provider", "virtualbox"], { NOTEBOX_LAUNCHER: "start", ...env });
const log = (text: string): string => fs.readFileSync(/^Log: (.+)$/m.exec(text)?.[1] ?? "", "utf8");

describe.each(VAGRANTS)("%s", (vagrant) => {
  test("a start with a share that is offline: three sentences, the code, the log, exit 5", async () => {
    virtualbox();
    await lab.describe([path.join(lab.around, "not-mounted")]);
    const { code, text } = await start(vagrant);
    const path_ = /^Log: (.+)$/m.exec(text)?.[1];
    expect(text).toBe(
      `1 of 5: Looking at this computer

The share with the workbench's box cannot be reached from this computer.
You can mend this yourself.
Connect to the right network or the VPN and start again; if that does not help, show this to the people who keep the share.
Code for IT: NB-D16
Log: ${path_}
`,
    );
    expect(code).toBe(5);
    expect(log(text)).toContain("failed          NB-D16  A door of the share answers: ");
  });

  test("VirtualBox without VT-x: progress, then NB-D05 with exit 7; plain Vagrant keeps its words and its exit code", async () => {
    virtualbox({ failing: "VT-x is not available (VERR_VMX_NO_VMX)" });
    await withBox();
    const { code, text } = await start(vagrant);
    expect(text.split("\n")).toEqual([
      "1 of 5: Looking at this computer",
      "2 of 5: Fetching the box from your school's share",
      "3 of 5: Making the virtual machine",
      "",
      "This computer's processor does not let VirtualBox run virtual machines.",
      "Only your IT desk can mend this.",
      "Ask them to turn virtualisation (VT-x or AMD-V) on in the computer's firmware settings.",
      "Code for IT: NB-D05",
      expect.stringMatching(/^Log: \/.+-start\.log$/),
      "",
    ]);
    expect(code).toBe(7);
    expect(log(text)).toMatch(/Importing base box[\s\S]*VERR_VMX_NO_VMX/);
    expect(fs.existsSync(path.join(lab.folder, ".notebox", "up.lock"))).toBe(false);

    const plain = await lab.vagrant(vagrant, ["up", "--provider", "virtualbox"]);
    expect(plain.code).toBe(1);
    expect(plain.text).toContain("VERR_VMX_NO_VMX");
    expect(plain.text).toMatch(
      /\n\nNB-D05: This computer's processor does not let VirtualBox run virtual machines\.\nOnly your IT desk can mend this\.\nAsk them to turn virtualisation .+\n$/,
    );
    const machine = await lab.vagrant(vagrant, ["up", "--provider", "virtualbox", "--machine-readable"]);
    expect(machine.text).toContain(",error-exit,Vagrant::Errors::VBoxManageError,");
    expect(machine.text).not.toContain("NB-D05");
  });

  test("an ARM computer without an arm64 box: NB-D24 before anything is fetched", async () => {
    virtualbox();
    const { door, requests } = await lab.serve((request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(request.method === "HEAD" ? "" : lab.catalog("http://127.0.0.1:9/tiny.box"));
    });
    await lab.describe([door]);
    const { code, text } = await start(vagrant, { VAGRANT_HOST_ARCHITECTURE: "arm64" });
    expect(text).toContain("This computer has an ARM processor, and the workbench's box is for amd64.\n");
    expect([code, /Code for IT: (.+)/.exec(text)?.[1]]).toEqual([7, "NB-D24"]);
    expect(requests.filter((line) => line.endsWith(".box"))).toEqual([]);
  });

  test("VirtualBox's folder is set for the import and put back after it", async () => {
    const calls = virtualbox({ folder: "D:\\", failing: "stop here" });
    await withBox();
    const { text } = await start(vagrant);
    expect(text).toContain("another one is used.\n");
    const told = calls().filter((line) => /^(setproperty|import (?!-n)|modifyvm|sharedfolder)/.test(line));
    const vms = path.join(lab.around, "home", "vms");
    expect(told.slice(0, 3)).toEqual([
      `setproperty machinefolder ${vms}`,
      expect.stringMatching(/^import /),
      "setproperty machinefolder D:\\",
    ]);
    expect(fs.existsSync(path.join(lab.around, "home", "notebox-machine-folder.json"))).toBe(false);
  });

  test("check asks everything, starts nothing, and says what doctor says", async () => {
    const calls = virtualbox();
    await withBox();
    const { code, text } = await lab.vagrant(vagrant, ["status"], { NOTEBOX_LAUNCHER: "check" });
    expect([code, text]).toEqual([0, expect.stringMatching(/\n\d+ ok, 0 failed, \d+ not applicable\n$/)]);
    expect(calls().filter((line) => !/^(--version|list )/.test(line))).toEqual([]);
    const { checks } = JSON.parse(fs.readFileSync(path.join(lab.folder, ".notebox", "check.json"), "utf8"));
    const run = spawnSync(
      process.execPath,
      [path.join(ROOT, "dist/notebox.cjs"), "-C", lab.folder, "doctor", "--json"],
      {
        encoding: "utf8",
        env: {
          ...{ HOME: lab.around, VAGRANT_HOME: path.join(lab.around, "home"), LC_ALL: "C.UTF-8" },
          PATH: `${path.join(lab.around, "bin")}:${process.env["PATH"]}`,
        },
      },
    );
    const { result } = JSON.parse(run.stdout);
    const verdicts = (list: { id: string; status: string }[]) => list.map(({ id, status }) => `${id} ${status}`);
    expect(verdicts(checks)).toEqual(verdicts(result.checks));
  });
});
