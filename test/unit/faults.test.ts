/** The table of faults: complete, read alike by JavaScript and Ruby, and what docs/errors.md says. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { DOCTOR_ORDER } from "../../src/checks/doctor-list.ts";
import { EXIT_CODES } from "../../src/errors.ts";
import { faultOfError, faultsIn, faultTable, findFault, matches, sentencesOf, theFault } from "../../src/faults.ts";

const root = path.resolve(import.meta.dirname, "../..");
const { faults, exits, pairs } = faultTable();
const ruby = (program: string, input: unknown): unknown => {
  const file = path.join(root, "templates/vagrant/faults.rb");
  const run = spawnSync(
    "ruby",
    ["-w", "-e", `load ${JSON.stringify(file)}\ndata = JSON.parse($stdin.read)\n${program}`],
    {
      input: JSON.stringify(input),
      encoding: "utf8",
      env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8" },
    },
  );
  if (run.status !== 0 || run.stderr !== "") throw new Error(run.stderr);
  return JSON.parse(run.stdout);
};

test("has D01 to D32, and each code and id once", () => {
  const codes = faults.map(({ code }) => code);
  expect(codes.filter((code) => code.startsWith("NB-D"))).toEqual(
    Array.from({ length: 32 }, (_, at) => `NB-D${String(at + 1).padStart(2, "0")}`),
  );
  expect(new Set(codes).size).toBe(codes.length);
  expect(new Set(faults.map(({ id }) => id)).size).toBe(faults.length);
  const classes = faults.flatMap((fault) => fault.classes ?? []);
  expect(classes.filter((name, at) => classes.indexOf(name) !== at)).toEqual([]);
});

test.each(faults)("$code has a cause, a remedy for the user and for IT, and three sentences", (fault) => {
  for (const text of [fault.title, fault.cause, fault.user, fault.it]) expect(text).toMatch(/\w{3,}.*\w{2,}/);
  const sentences = sentencesOf(fault);
  expect(sentences).toHaveLength(3);
  for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z“].*[\w”)]\.$/);
  // A path may hold a brace; the words for what was not found may not.
  expect(sentences.join(" ")).not.toMatch(/[{}|]| {2}| [.,;]( |$)/);
  // Nor may the blank before a name with a dot, such as .cmd, be lost.
  for (const name of fault.sentences.join(" ").match(/ \.\w+/g) ?? []) expect(sentences.join(" ")).toContain(name);
  expect(sentences[1]).toMatch(/^(You can|Only|.* can mend this)/);
  expect(exits[fault.exit]).toBe(EXIT_CODES[fault.exit]);
});

test("a code without a remedy, and an expression that Ruby reads otherwise, are refused", async () => {
  const { tableSchema } = await import("../../src/faults.ts");
  const changed = (change: object) => ({ ...faultTable(), faults: [{ ...faults[0], ...change }] });
  expect(tableSchema.safeParse(changed({})).success).toBe(true);
  for (const change of [{ it: "" }, { user: "" }, { it: undefined }, { sentences: ["One.", "Two."] }])
    expect(tableSchema.safeParse(changed(change)).success).toBe(false);
  for (const symptom of ["\\Astart", "(?<=a)b", "(?<name>a)", "[[:alpha:]]", "a(", "\\h+"])
    expect([symptom, tableSchema.safeParse(changed({ symptoms: [symptom] })).success]).toEqual([symptom, false]);
});

test("every check of doctor's list is one of its faults, and the Ruby beside the Vagrantfile asks the same", () => {
  const text = fs.readFileSync(path.join(root, "templates/vagrant/host_checks.rb"), "utf8");
  const list = /LIST = \{([\s\S]*?)\}/.exec(text)?.[1] ?? "";
  expect([...list.matchAll(/"([a-z-]+)" =>/g)].map((match) => match[1])).toEqual(DOCTOR_ORDER);
  for (const id of DOCTOR_ORDER) expect(findFault(id)?.id).toBe(id);
});

// What Vagrant, VirtualBox and Windows were seen to print.
const PRINTED: [code: string, errorClass: string, text: string][] = [
  [
    "NB-D02",
    "Vagrant::Errors::VirtualBoxNotDetected",
    "Vagrant could not detect VirtualBox! Make sure VirtualBox is properly installed.",
  ],
  [
    "NB-D04",
    "Vagrant::Errors::VBoxManageError",
    "Stderr: VBoxManage: error: The virtual machine has terminated (VERR_VM_DRIVER_NOT_INSTALLED)",
  ],
  ["NB-D05", "Vagrant::Errors::VBoxManageError", "VBoxManage.exe: error: VT-x is not available (VERR_VMX_NO_VMX)"],
  [
    "NB-D06",
    "Vagrant::Errors::VBoxManageError",
    "VBoxManage.exe: error: Call to NEMR0InitVMPart2 failed: VERR_NEM_INIT_FAILED (VERR_NEM_VM_CREATE_FAILED).",
  ],
  [
    "NB-D07",
    "Vagrant::Errors::VBoxManageError",
    "supR3HardenedWinReSpawn what: 1 VERR_SUP_VP_NOT_OWNED_BY_TRUSTED_INSTALLER",
  ],
  ["NB-D08", "Vagrant::Errors::VBoxManageError", 'Command: ["hostonlyif", "create"]'],
  ["NB-D09", "Vagrant::Errors::HomeDirectoryNotAccessible", "The home directory you specified is not accessible."],
  ["NB-D10", "Vagrant::Errors::VBoxManageError", "error: Appliance import failed: VERR_PATH_NOT_FOUND"],
  ["NB-D11", "Encoding::UndefinedConversionError", "U+017D from UTF-8 to IBM437"],
  ["NB-D15", "Vagrant::Errors::PowerShellInvalidVersion", "Installed version: N/A"],
  ["NB-D16", "Vagrant::Errors::DownloaderError", "Couldn't open file //srv/share/c.json"],
  [
    "NB-D16",
    "Vagrant::Errors::BoxAddDirectVersion",
    "You specified a box version constraint with a direct box file path.",
  ],
  ["NB-D16", "Notebox::Failure", "The box a/b is not on this computer yet, and no door of the share gives it:"],
  ["NB-D19", "Vagrant::Errors::DownloaderError", "The requested URL returned error: 416"],
  ["NB-D20", "Vagrant::Errors::DownloaderError", "Received HTTP code 407 from proxy after CONNECT"],
  [
    "NB-D21",
    "Vagrant::Errors::DownloaderError",
    "SSL certificate problem: self signed certificate in certificate chain",
  ],
  [
    "NB-D22",
    "Vagrant::Errors::BoxChecksumMismatch",
    "The checksum of the downloaded box did not match the expected value.",
  ],
  ["NB-D22", "Vagrant::Errors::DownloaderChecksumError", "Failed writing body"],
  ["NB-D24", "Vagrant::Errors::VBoxManageError", "VBoxManage: error: Details: code VBOX_E_PLATFORM_ARCH_NOT_SUPPORTED"],
  [
    "NB-D25",
    "Vagrant::Errors::BoxAddNameMismatch",
    "The box you're adding has a name different from the name you requested.",
  ],
  ["NB-D26", "Vagrant::Errors::VBoxManageError", "VMMDev: NAT: Failed to redirect TCP 127.0.0.1:8888"],
  ["NB-D26", "Notebox::Failure", "Another program on this computer has port 8888, which the workbench needs."],
  ["NB-D27", "Vagrant::Errors::SSHKeyBadPermissions", "WARNING: UNPROTECTED PRIVATE KEY FILE!"],
  ["NB-D28", "Vagrant::Errors::VirtualBoxMountFailed", "mount: unknown filesystem type 'vboxsf'"],
  ["NB-D30", "NoMethodError", "undefined method `exists?' for File:Class"],
  ["NB-D31", "Vagrant::Errors::VBoxManageError", "VBoxManage: error: Could not find a registered machine named 'x'"],
  ["NB-D32", "Vagrant::Errors::BoxAddShortNotFound", "The box 'a/b' could not be found"],
  ["NB-V02", "Vagrant::Errors::MachineLocked", "An action 'up' was attempted on the machine 'default',"],
  ["NB-V03", "Vagrant::Errors::VBoxManageError", "Progress state: VERR_DISK_FULL"],
  ["NB-V04", "Vagrant::Errors::VMBootTimeout", "Timed out while waiting for the machine to boot."],
  ["NB-V09", "VagrantPlugins::ProviderLibvirt::Errors::FogLibvirtConnectionError", ""],
  ["NB-V16", "Vagrant::Errors::VagrantError", "notebox: failed: Python packages: the disk is full"],
  ["NB-V17", "Vagrant::Errors::VBoxManageError", "There was an error while executing `VBoxManage`"],
];

describe("an error of Vagrant's", () => {
  test.each(PRINTED)("is %s: %s %s", (code, errorClass, text) => {
    expect(faultOfError(errorClass, text)?.code).toBe(code);
  });

  test("is the same to Ruby, and so is every line of a text", () => {
    const found = ruby(
      "puts JSON.generate(data.map { |_, name, text| (Notebox::Faults.of_error(name, text) || {})['code'] })",
      [...PRINTED, ["", "Some::New::Error", "what"], ["", "Notebox::Failure", "VERR_DISK_FULL"]],
    );
    expect(found).toEqual([...PRINTED.map(([code]) => code), null, null]);
    const patterns = faults.flatMap((fault) => [
      ...(fault.symptoms ?? []),
      ...(fault.own ?? []),
      ...(fault.ask ?? []).flatMap(({ passes, fails }) => [passes ?? [], fails ?? []].flat()),
    ]);
    const texts = PRINTED.map(([, , text]) => `before\n${text.toUpperCase()}\nafter`);
    const matched = ruby(
      "puts JSON.generate(data['patterns'].map { |one| data['texts'].map { |text| Notebox::Faults.match?(one, text) } })",
      { patterns, texts },
    );
    expect(matched).toEqual(patterns.map((one) => texts.map((text) => matches(text, one))));
  });

  test("that nobody knows is none", () => {
    expect(faultOfError("Some::New::Error", "what")).toBeUndefined();
    expect(faultsIn("all is well\n")).toEqual([]);
  });
});

test("Ruby fills the sentences as JavaScript does", () => {
  const cases = faults.flatMap(({ code }) => [
    { code, found: {} },
    { code, found: { port: 8888, fault: "is full", folder: "C:\\a b", found: " 1" } },
  ]);
  const filled = ruby(
    "puts JSON.generate(data.map { |one| Notebox::Faults.sentences(Notebox::Faults.find(one['code']), one['found'].transform_keys(&:to_sym)) })",
    cases,
  );
  expect(filled).toEqual(cases.map(({ code, found }) => sentencesOf(theFault(code), found as Record<string, string>)));
});

test("what people read is this, word for word", () => {
  const said = (code: string, found = {}) => sentencesOf(theFault(code), found);
  expect(said("NB-D06")).toEqual([
    "Windows' own hypervisor is switched on and keeps VirtualBox from starting, or makes it very slow.",
    "Only your IT desk can mend this.",
    "Ask them about Hyper-V and “memory integrity” (core isolation) on this computer.",
  ]);
  expect(said("NB-D26", { port: 8888, fault: "another program uses it" })).toEqual([
    "Port 8888 cannot be used on this computer: another program uses it.",
    "You can mend this yourself.",
    "Close that program (perhaps another workbench that still runs) or restart the computer, then start again.",
  ]);
  expect(said("NB-D24", { host: "an ARM", boxes: "amd64" })).toEqual([
    "This computer has an ARM processor, and the workbench's box is for amd64.",
    "Only the people who gave you the workbench can mend this.",
    "Ask them for a box for this kind of computer, or use a computer with an Intel or AMD processor.",
  ]);
  expect(said("NB-V01")).toEqual([
    "The virtual machine needs more memory, and too little is free now.",
    "You can mend this yourself.",
    "Close other programs or restart the computer, then start again; if it stays, ask the people who gave you the workbench for a smaller one.",
  ]);
  expect(said("NB-L01")).toEqual([
    "This file was started from inside the zip.",
    "You can mend this yourself.",
    "Right-click the zip, choose “Extract all”, and start from the folder that appears.",
  ]);
});

test("the pairs of versions are those of Vagrant's CHANGELOG", () => {
  expect(pairs.map(({ virtualbox, vagrant }) => `${virtualbox} ${vagrant}`)).toEqual([
    "7.0 2.3.2",
    "7.1 2.4.2",
    "7.2 2.4.9",
  ]);
});

test("docs/errors.md is what `npm run errors` writes, and has every code", async () => {
  const { withCodes } = await import("../../scripts/errors.mjs");
  const page = fs.readFileSync(path.join(root, "docs/errors.md"), "utf8");
  expect(withCodes(page)).toBe(page);
  for (const { code } of faults) expect(page).toContain(`### ${code}: `);
});
