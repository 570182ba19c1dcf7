/** Vagrant's machine-readable lines → messages → named steps, and its failures → what a person reads. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readStatus, vagrantFailure } from "../../src/vagrant/client.ts";
import { commandLines } from "../../src/vagrant/command-lines.ts";
import { knownError } from "../../src/vagrant/known-errors.ts";
import { errorExit, parseMessage, shownText, type VagrantMessage } from "../../src/vagrant/machine-readable.ts";
import { guestFailure } from "../../src/vagrant/start.ts";
import { createStepTracker } from "../../src/vagrant/steps.ts";

// Printed by Vagrant 2.3.4 with vagrant-libvirt 0.11.2.
const RECORDED = [
  "1795468463,default,metadata,provider,libvirt",
  "1795468463,,ui,info,Bringing machine 'default' up with 'libvirt' provider...",
  "1795468463,default,action,up,start",
  "1795468464,default,ui,output,==> default: Box 'notebox/none' could not be found. Attempting to find and install...",
  "1795468464,default,ui,detail,    default: Box Version: >= 0",
  "1795468464,default,ui,detail,    default: Unpacking necessary files from: file:///srv/none.json",
  "1795468464,,ui,error,An error occurred while downloading the remote file. The error\\nmessage%!(VAGRANT_COMMA) if any%!(VAGRANT_COMMA) is reproduced below. Please fix this error and try\\nagain.\\n\\nCouldn't open file /srv/none.json",
  "1795468464,,error-exit,Vagrant::Errors::DownloaderError,An error occurred while downloading the remote file. The error\\nmessage%!(VAGRANT_COMMA) if any%!(VAGRANT_COMMA) is reproduced below. Please fix this error and try\\nagain.\\n\\nCouldn't open file /srv/none.json",
];

const messages = (lines: readonly string[]): VagrantMessage[] =>
  lines.map(parseMessage).filter((message) => message !== undefined);

/** As Vagrant::UI::MachineReadable writes it. */
const encode = (text: string): string =>
  text.replaceAll(",", "%!(VAGRANT_COMMA)").replaceAll("\n", "\\n").replaceAll("\r", "\\r");

test("what the VM prints drives no terminal", () => {
  const said = "1795468463,default,ui,detail,    default: \u001b]0;title\u0007notebox: \u001b[31mred\u009b2J";
  expect(messages([said]).map((message) => shownText(message)?.lines)).toEqual([["]0;titlenotebox: red2J"]]);
});

describe("machine-readable lines", () => {
  test("a comma and a newline inside data come back as they were", () => {
    expect(errorExit(messages(RECORDED).at(-1) as VagrantMessage)).toEqual({
      errorClass: "Vagrant::Errors::DownloaderError",
      text: "An error occurred while downloading the remote file. The error\nmessage, if any, is reproduced below. Please fix this error and try\nagain.\n\nCouldn't open file /srv/none.json",
    });
  });

  test("whatever Vagrant encodes is decoded, field by field", () => {
    const value = fc.string({ unit: "grapheme" }).filter((text) => !/\\[nr]|%!\(VAGRANT/.test(text));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), (data) => {
        const line = `1795468464,default,ui,${data.map(encode).join(",")}`;
        expect(parseMessage(line)).toEqual({ target: "default", type: "ui", data });
      }),
    );
  });

  test("lines of plugins and of scripts that print by themselves are none", () => {
    for (const line of ["", "Walking the tree", "12,34,ui,x", "==> default: hello"])
      expect(parseMessage(line)).toBeUndefined();
  });

  test("prefixes and colours are taken off", () => {
    const line =
      "1795468464,default,ui,detail,    default: \u001b[0;32mnotebox: [1/7] Host settings …\u001b[0m\\n    default: two";
    expect(shownText(parseMessage(line) as VagrantMessage)?.lines).toEqual(["notebox: [1/7] Host settings …", "two"]);
  });

  test("the state is read whatever else is printed", () => {
    const status = readStatus(
      messages([
        "1795468462,default,metadata,provider,libvirt",
        "1795468462,default,provider-name,libvirt",
        "1795468462,default,state,not_created",
        "1795468462,default,state-human-short,not created",
      ]),
    );
    expect(status).toEqual({ state: "not_created", provider: "libvirt", text: "not created" });
  });
});

describe("steps", () => {
  const titles = (lines: readonly string[]): string[] => {
    const tracker = createStepTracker("vm");
    const events = [
      ...tracker.begin(),
      ...messages(lines).flatMap((message) => tracker.take(message)),
      ...tracker.end("done"),
    ];
    const started = events.filter((event) => event.type === "step-start");
    // Every step that starts ends, and before the next one starts.
    expect(events.filter((event) => event.type === "step-done")).toHaveLength(started.length);
    expect(new Set(started.map((event) => event.id)).size).toBe(started.length);
    return started.map((event) => event.title);
  };

  test("the phases of a first start have names", () => {
    const up = [
      ...RECORDED.slice(0, 6),
      "1795468464,default,ui,info,==> default: Importing base box 'notebox/debian-13'...",
      "1795468464,default,ui,info,==> default: Booting VM...",
      "1795468464,default,ui,info,==> default: Waiting for machine to boot. This may take a few minutes...",
      "1795468464,default,ui,detail,    default: SSH address: 127.0.0.1:2222",
      "1795468464,default,ui,info,==> default: Running provisioner: provision (shell)...",
      "1795468464,default,ui,detail,    default: notebox: [1/2] System packages …",
      "1795468464,default,ui,detail,    default: notebox: [1/2] System packages: done in 6.7 s",
      "1795468464,default,ui,detail,    default: notebox: [2/2] Python …",
    ];
    expect(titles(up)).toEqual([
      "Starting Vagrant",
      "Fetching the box",
      "Unpacking the box",
      "Creating the VM",
      "Starting the VM",
      "Waiting until the VM answers",
      "Setting up the VM",
      "In the VM, 1 of 2: System packages",
      "In the VM, 2 of 2: Python",
    ]);
  });
});

describe("failures", () => {
  const failure = (errorClass: string, text: string, lines: string[] = []) =>
    vagrantFailure("up", { lines, messages: [], exitCode: 1, error: { errorClass, text } });

  test.each([
    ["Vagrant::Errors::BoxChecksumMismatch", "", "integrity"],
    ["Vagrant::Errors::DownloaderError", "", "unreachable"],
    ["Vagrant::Errors::ProviderNotUsable", "", "missing-program"],
    ["Vagrant::Errors::MachineLocked", "", "busy"],
    ["Vagrant::Errors::ForwardPortCollision", "", "check-failed"],
    ["Vagrant::Errors::VMBootTimeout", "", "vagrant"],
    ["Vagrant::Errors::VBoxManageError", "Progress state: VERR_DISK_FULL", "disk-full"],
    ["Vagrant::Errors::VBoxManageError", "VBoxManage: error: VT-x is not available (VERR_VMX_NO_VMX)", "vagrant"],
    ["VagrantPlugins::ProviderLibvirt::Errors::FogLibvirtConnectionError", "", "missing-program"],
    ["Notebox::Failure", "The box a/b is not on this computer yet, and no door of the share gives it:", "unreachable"],
    ["Some::New::Error", "what", "vagrant"],
  ])("%s %s means %s", (errorClass, text, code) => {
    expect(failure(errorClass, text).code).toBe(code);
    expect(failure(errorClass, text).hint).toMatch(/\w/);
    expect(failure(errorClass, text).message).toMatch(/\w/);
  });

  test("a wrong checksum stays one, whatever else was printed", () => {
    expect(knownError("Vagrant::Errors::BoxChecksumMismatch", "Failed writing body")?.code).toBe("integrity");
  });

  test("the last lines before the error are shown, the error's own text once", () => {
    const error = failure("Vagrant::Errors::VMBootBadState", "The guest\nmachine died.", [
      "one",
      "two",
      "The guest",
      "machine died.",
    ]);
    expect(error.message).toContain("Its last lines:\n    one\n    two");
    expect(error.message.match(/machine died/g)).toHaveLength(1);
  });

  test("a step of provisioning that failed is named, with its advice and its last lines", () => {
    const lines = [
      "notebox: [3/9] System packages …",
      "notebox|   E: Unable to locate package grphviz",
      "notebox: failed: System packages: grphviz is not there; correct packages.apt",
      "The SSH command responded with a non-zero exit status.",
    ];
    const error = guestFailure({
      lines,
      messages: [],
      exitCode: 1,
      error: { errorClass: "Vagrant::Errors::VagrantError", text: "x" },
    });
    expect(error?.code).toBe("vagrant");
    expect(error?.message).toBe(
      "Setting up the VM failed at “System packages”.\nIts last lines:\n    E: Unable to locate package grphviz",
    );
    expect(error?.hint).toContain("Grphviz is not there; correct packages.apt");
  });

  test("a run that failed elsewhere is no failed step", () => {
    expect(guestFailure({ lines: ["notebox: [1/2] x …"], messages: [], exitCode: 1 })).toBeUndefined();
  });
});

test("every command that changes or asks is machine-readable, and only `up` names the provider", () => {
  for (const line of [
    commandLines.up("virtualbox"),
    commandLines.halt(true),
    commandLines.destroy(),
    commandLines.status(),
  ])
    expect(line).toContain("--machine-readable");
  expect(commandLines.up("libvirt")).toEqual([
    "up",
    "--provider",
    "libvirt",
    "--no-destroy-on-error",
    "--machine-readable",
  ]);
  expect(commandLines.halt(false)).not.toContain("--force");
});
