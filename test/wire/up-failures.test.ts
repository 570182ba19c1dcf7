/** `up` that cannot go on: each reason has its exit code and a message that says what happened and what to do. */
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLab, executable, type Lab, listen } from "./fakes/vagrant.ts";

let lab: Lab;
beforeEach(async () => {
  lab = await createLab();
});
afterEach(() => lab.remove());

const yaml = (change: (text: string) => string): void => {
  const file = path.join(lab.folder, "workbench.yaml");
  fs.writeFileSync(file, change(fs.readFileSync(file, "utf8")));
};

describe("the workbench", () => {
  test("none: exit 3, and nothing is left in the folder", async () => {
    fs.rmSync(path.join(lab.folder, "workbench.yaml"));
    const before = fs.readdirSync(lab.folder);
    const { code, stderr, stdout } = await lab.run("up");
    expect(code).toBe(3);
    expect(stderr).toContain("workbench.yaml");
    expect(stdout).toBe("");
    expect(fs.readdirSync(lab.folder)).toEqual(before);
  });

  test("wrong: exit 3 with every fault, and Vagrant is never asked", async () => {
    yaml((text) => text.replace("machine:", "machin:"));
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(3);
    expect(stderr).toContain("machin");
    expect(lab.calls()).toEqual([]);
  });
});

/** Puts a cell before all others of the API notebook. */
function addCell(source: string): void {
  const file = path.join(lab.folder, "api/hello.ipynb");
  const notebook = JSON.parse(fs.readFileSync(file, "utf8"));
  notebook.cells.unshift({ cell_type: "code", metadata: {}, outputs: [], execution_count: null, source });
  fs.writeFileSync(file, JSON.stringify(notebook));
}

describe("an API notebook", () => {
  test("with a lint error: exit 3 with cell and rule, and Vagrant is never asked", async () => {
    addCell("#GET /almost\nprint(1)");
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(3);
    expect(stderr).toMatch(/hello\.ipynb cell 0:1:1: E07: /);
    expect(lab.calls()).toEqual([]);
  });

  test("with a lint warning: it is shown, and `up` goes on", async () => {
    addCell("# GET /plain\nprint(1)");
    lab.verb("up", "fail Vagrant::Errors::VagrantError 'as far as this'");
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(7);
    expect(stderr).toContain("api/hello.ipynb cell 0: W20: ");
  });
});

describe("what is missing", () => {
  test("Vagrant: exit 4, says what IT must install", async () => {
    fs.rmSync(path.join(lab.bin, "vagrant"));
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(4);
    expect(stderr).toContain("Vagrant is not installed");
    expect(stderr).toMatch(/Ask IT to install Vagrant 2\.3\.4 or newer and VirtualBox/);
  });

  test("a Vagrant that is too old: exit 4 with both versions", async () => {
    lab.verb("--version", "echo 'Vagrant 2.2.19'");
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(4);
    expect(stderr).toContain("Vagrant 2.2.19 is too old; notebox needs 2.3.4");
  });

  test("a Vagrant that does not start: exit 4 with what it said", async () => {
    lab.verb("--version", "echo 'cannot load such file -- bundler' >&2; exit 1");
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(4);
    expect(stderr).toContain("cannot load such file -- bundler");
  });

  test("no provider: exit 4 with a reason for each", async () => {
    fs.rmSync(path.join(lab.bin, "VBoxManage"));
    const { code, stderr } = await lab.run("up", "--json");
    expect(code).toBe(4);
    expect(stderr).toBe("");
    const { stdout } = await lab.run("up", "--json");
    const { error } = JSON.parse(stdout);
    expect(error.code).toBe("missing-program");
    expect(error.message).toContain("VirtualBox is not installed");
    expect(error.message).toContain("libvirt");
  });

  test("VirtualBox without its driver: exit 4", async () => {
    executable(
      path.join(lab.bin, "VBoxManage"),
      "#!/bin/bash\necho 'WARNING: The vboxdrv kernel module is not loaded.'\necho 7.0.20r163906\n",
    );
    const { code, stderr } = await lab.run("up", "--provider", "virtualbox");
    expect(code).toBe(4);
    expect(stderr).toContain("its driver (vboxdrv) is not loaded");
  });

  test("a VirtualBox that this Vagrant does not know: exit 4 with the Vagrant that does", async () => {
    executable(path.join(lab.bin, "VBoxManage"), "#!/bin/bash\necho 7.2.0r170228\n");
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(4);
    expect(stderr).toContain("VirtualBox 7.2.0r170228 needs Vagrant 2.4.9 or newer, but Vagrant 2.4.1 is installed");
  });

  test("an unknown provider: exit 2", async () => {
    const { code, stderr } = await lab.run("up", "--provider", "vmware");
    expect(code).toBe(2);
    expect(stderr).toContain("“vmware”");
  });
});

test("a busy port and too much memory: exit 8 with both, and no VM is started", async () => {
  yaml((text) => text.replace("1 GiB", "1024 GiB"));
  const server = await listen(lab.ports.jupyter);
  try {
    const { code, stdout } = await lab.run("up", "--json");
    expect(code).toBe(8);
    const { error } = JSON.parse(stdout);
    expect(error.problems.map(({ id }: { id: string }) => id)).toEqual(["memory", "ports"]);
    expect(error.problems[1].message).toContain(
      `Port ${lab.ports.jupyter} cannot be used on this computer: another program uses it. (NB-D26; port ${lab.ports.jupyter} of jupyter`,
    );
    expect(lab.calls()).not.toContain("up --provider virtualbox --no-destroy-on-error --machine-readable");
  } finally {
    server.close();
  }
});

describe("Vagrant fails", () => {
  test("a share that is offline: exit 5 with each door and why", async () => {
    lab.verb(
      "up",
      `fail Notebox::Failure 'The box notebox/debian-13 is not on this computer yet%!(VAGRANT_COMMA) and no door of the share gives it:\\n  https://boxes.example.edu/c.json: Connection refused\\n  //files/c.json: there is no such file'`,
    );
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(5);
    expect(stderr).toContain("https://boxes.example.edu/c.json: Connection refused");
    expect(stderr).toContain("//files/c.json: there is no such file");
  });

  test("a wrong checksum: exit 6", async () => {
    lab.verb("up", "fail Vagrant::Errors::BoxChecksumMismatch 'The checksum of the downloaded box did not match'");
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(6);
    expect(stderr).toMatch(/checksum is wrong[\s\S]*tell IT/);
  });

  test("a full disk: exit 11", async () => {
    lab.verb("up", "say output 'Importing base box'; fail Vagrant::Errors::VBoxManageError 'VERR_DISK_FULL'");
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(11);
    expect(stderr).toMatch(/disk ran full[\s\S]*Free some space/);
  });

  test("anything else: exit 7 with its last lines, a hint and the log, which holds all that it said", async () => {
    lab.verb(
      "up",
      "have_vm; for n in 1 2 3; do say detail \"line $n\"; done; echo raw-line; fail Vagrant::Errors::VMBootTimeout 'Timed out while waiting'",
    );
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(7);
    expect(stderr).toContain("    line 3");
    expect(stderr).toContain("notebox destroy");
    const log = /The log is (.*)/.exec(stderr)?.[1] ?? "";
    expect(fs.readFileSync(log, "utf8")).toContain("raw-line");
  });

  test("a VM that does not answer is switched off and started once more, and no more than that", async () => {
    lab.verb("up", "have_vm; set_state running; fail Vagrant::Errors::VMBootTimeout 'Timed out while waiting'");
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(7);
    expect(stderr).toContain("The VM did not answer in time. It is switched off and started once more.");
    const work = lab.calls().filter((call) => /^(?:up|halt|destroy)/.test(call));
    expect(work.map((call) => call.split(" --")[0])).toEqual(["up", "halt", "up"]);
    expect(work[1]).toContain("--force");
  });

  test("a step of provisioning: exit 7, named, with the advice it gave", async () => {
    lab.verb(
      "up",
      "have_vm; say detail '    default: notebox: [3/9] System packages …'; say detail '    default: notebox|   E: no such package'; say detail '    default: notebox: failed: System packages: correct packages.apt'; fail Vagrant::Errors::VagrantError 'The SSH command responded with a non-zero exit status.'",
    );
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(7);
    expect(stderr).toContain("Setting up the VM failed at “System packages”");
    expect(stderr).toContain("E: no such package");
    expect(stderr).toContain("Correct packages.apt");
    expect(stderr).not.toContain("SSH command responded");
  });
});

test("a rendered file that was changed by hand: exit 10 by name, unless --force", async () => {
  expect((await lab.run("render")).code).toBe(0);
  fs.appendFileSync(path.join(lab.folder, "Vagrantfile"), "# mine\n");
  const { code, stderr } = await lab.run("up");
  expect(code).toBe(10);
  expect(stderr).toContain("Vagrantfile");
  expect(fs.readFileSync(path.join(lab.folder, "Vagrantfile"), "utf8")).toContain("# mine");
});

describe("a guest that has no way to the Python index", () => {
  const UNREACHABLE =
    "have_vm; set_state running; say detail '    default: notebox: index unreachable'; say detail '    default: notebox: failed: Python packages: the Python index cannot be reached from the VM; check the network and the proxy%!(VAGRANT_COMMA) or put wheels for Python 3.11 on aarch64 into the folder wheels/ beside workbench.yaml'; fail Vagrant::Errors::VagrantError 'The SSH command responded with a non-zero exit status.'";
  const pip = (body: string): void => {
    fs.rmSync(path.join(lab.bin, "python3"), { force: true });
    executable(
      path.join(lab.bin, "python3"),
      `#!/bin/bash\nshopt -s nullglob dotglob; all=(*)\nprintf '%s %s\\n' "$PWD" "\${#all[@]}" >>"$NOTEBOX_FAKE/pip-folders"\n[[ $3 == --version ]] && exit 0\nprintf '%s\\n' "$*" >>"$NOTEBOX_FAKE/pip"\n${body}\n`,
    );
  };
  const asked = (): string => fs.readFileSync(path.join(lab.state, "pip"), "utf8");

  test("gets wheels for its own Python, which this computer's pip fetches, and is set up again", async () => {
    lab.verb("up", UNREACHABLE);
    lab.verb("provision", "fail Vagrant::Errors::VMBootTimeout 'far enough'");
    pip(`while (($#)); do [[ $1 == --dest ]] && touch "$2/jupyterlab-4.whl"; shift; done`);
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(7);
    expect(stderr).toContain("Fetching Python packages on this computer for the VM");
    expect(fs.readdirSync(path.join(lab.folder, ".notebox", "wheels"))).toEqual(["jupyterlab-4.whl"]);
    expect(asked()).toMatch(
      /^-m pip download .*--only-binary :all: --python-version 3\.11 .*--platform manylinux_2_28_aarch64 .*--require-hashes --requirement .*requirements\.txt$/m,
    );
    expect(lab.calls().at(-1)).toBe("provision --machine-readable");
    // `python -m pip` runs whatever pip.py lies in the current folder, and the VM can write into the workbench's.
    const folders = fs.readFileSync(path.join(lab.state, "pip-folders"), "utf8").trim().split("\n");
    expect(folders.length).toBeGreaterThan(1);
    for (const folder of folders) expect(folder).toMatch(/\/notebox-pip-\w+ 0$/);
  });

  test("and a computer that has none either: exit 5 with what pip said, and no half-filled folder", async () => {
    lab.verb("up", UNREACHABLE);
    pip("echo 'ERROR: No matching distribution found for jupyterlab==4.4' >&2; exit 1");
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(5);
    expect(stderr).toContain("No matching distribution found for jupyterlab==4.4");
    expect(fs.existsSync(path.join(lab.folder, ".notebox", "wheels"))).toBe(false);
  });

  test("and a computer without pip: exit 4, and which wheels are needed", async () => {
    lab.verb("up", UNREACHABLE);
    fs.rmSync(path.join(lab.bin, "python3"), { force: true });
    const { code, stderr } = await lab.run("up");
    expect(code).toBe(4);
    expect(stderr).toContain("wheels for Python 3.11 on aarch64 into a folder wheels/");
  });
});
