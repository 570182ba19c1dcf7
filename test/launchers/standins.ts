/**
 * A computer for the launchers, of stand-ins: a vagrant that fires the real Vagrantfile's triggers and makes no VM, a
 * VBoxManage that says its state, a share with a catalog. What was called and opened is kept in the folder `standin`.
 */
import fs from "node:fs";
import path from "node:path";

const OWN = path.join(import.meta.dirname, "standin");

export const MACHINE_ID = "0f3a5c1e-1111-4222-8333-444455556666";

export interface Call {
  folder: string;
  words: string;
  /** NOTEBOX_LAUNCHER, by which the Vagrantfile knows who called. */
  launcher: string;
  home: string;
}

export class Standins {
  readonly folder: string;
  readonly programs: string;

  /** `around` is an empty folder of the test's own. */
  constructor(around: string) {
    this.folder = path.join(around, "standin");
    this.programs = path.join(around, "programs");
    for (const each of [this.folder, this.programs]) fs.mkdirSync(each, { recursive: true });
    fs.cpSync(OWN, path.join(around, "standin-programs"), { recursive: true });
    fs.symlinkSync(path.join(around, "standin-programs/vagrant.rb"), path.join(this.programs, "vagrant"));
    fs.copyFileSync(path.join(OWN, "VBoxManage"), path.join(this.programs, "VBoxManage"));
    this.program("xdg-open", 'printf "%s\\n" "$PWD/$1" >>"$NOTEBOX_STANDIN/opened"');
    this.program("setsid", 'shift; exec "$@"');
  }

  /** A further program on PATH, in sh. */
  program(name: string, body: string): void {
    fs.writeFileSync(path.join(this.programs, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }

  /** Lays the catalog that the workbench's Vagrantfile asks for into its share. `boxes` are architectures, `place` says where a path lies that another system sees. */
  share(workbench: string, boxes: readonly string[] = ["amd64"], place = (file: string): string => file): void {
    const vagrantfile = fs.readFileSync(path.join(workbench, "Vagrantfile"), "utf8");
    const catalog = place(/^ +"(\/[^"]+\.json)",$/m.exec(vagrantfile)?.[1] ?? "");
    fs.mkdirSync(path.dirname(catalog), { recursive: true });
    const providers = boxes.map((architecture) => ({
      ...{ name: "virtualbox", url: "/nowhere.box", architecture },
      ...{ checksum_type: "sha256", checksum: "0".repeat(64) },
    }));
    const versions = [{ version: "13.1.0", providers }];
    fs.writeFileSync(catalog, JSON.stringify({ name: "notebox/debian-13", versions }));
  }

  /** Sets what the stand-ins are to do: vm, fail, slow; undefined takes it back. */
  set(name: "vm" | "fail" | "slow", text: string | undefined): void {
    const file = path.join(this.folder, name);
    if (text === undefined) fs.rmSync(file, { force: true });
    else fs.writeFileSync(file, text);
  }

  calls(): Call[] {
    return this.#lines("calls").map((line) => {
      const [folder = "", words = "", launcher = "", home = ""] = line.split("|");
      return { folder, words, launcher, home };
    });
  }

  /** What was opened in the browser. */
  opened(): string[] {
    return this.#lines("opened");
  }

  /** Forgets calls and what was opened; the VM stays. */
  forget(): void {
    for (const name of ["calls", "opened", "vbox-calls"]) fs.rmSync(path.join(this.folder, name), { force: true });
  }

  #lines(name: string): string[] {
    const file = path.join(this.folder, name);
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  }
}
