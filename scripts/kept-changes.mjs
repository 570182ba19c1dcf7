// A journal of changes to this computer, written before each change, so that they can be taken back later,
// even when the script that made them was killed in between: files (a copy is kept) and kernel settings.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

const sha256 = (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");

/** Writes a file whole or not at all. */
export function writeWhole(file, text, mode = 0o600) {
  const next = `${file}.${process.pid}.part`;
  const handle = fs.openSync(next, "w", mode);
  fs.writeSync(handle, text);
  fs.fsyncSync(handle);
  fs.closeSync(handle);
  fs.renameSync(next, file);
}

/** Puts another text into a file's place; owner and mode stay. */
function replace(file, text, like) {
  const mode = like ? like.mode & 0o7777 : 0o600;
  writeWhole(file, text, mode);
  fs.chmodSync(file, mode);
  if (like && process.getuid?.() === 0) fs.chownSync(file, like.uid, like.gid);
}

export class Journal {
  /** @param {string} folder where journal.json and the copies are kept */
  constructor(folder) {
    this.folder = folder;
    this.file = path.join(folder, "journal.json");
    this.entries = fs.existsSync(this.file) ? JSON.parse(fs.readFileSync(this.file, "utf8")).entries : [];
  }

  save() {
    fs.mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    writeWhole(this.file, `${JSON.stringify({ version: 1, entries: this.entries }, null, 2)}\n`);
  }

  note(entry) {
    this.entries.push(entry);
    this.save();
    return entry;
  }

  find(kind, name) {
    return this.entries.find((entry) => entry.kind === kind && (name === undefined || entry.name === name));
  }

  /** Replaces a file's text. The first state is kept, however often this is called. */
  changeFile(file, text) {
    const before = fs.existsSync(file) ? fs.readFileSync(file) : undefined;
    const known = this.find("file", file);
    if (known) {
      known.after = sha256(text);
      this.save();
    } else {
      const copy = path.join(this.folder, `copy-${sha256(file).slice(0, 8)}-${path.basename(file)}`);
      fs.mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      if (before !== undefined) writeWhole(copy, before);
      this.note({
        kind: "file",
        name: file,
        copy: before === undefined ? null : copy,
        before: before === undefined ? null : sha256(before),
        after: sha256(text),
      });
    }
    replace(file, text, before === undefined ? undefined : fs.statSync(file));
  }

  /** Keeps the present value of a kernel setting, because what is started next will change it. */
  keepKernelSetting(name) {
    if (this.find("kernel", name)) return;
    const file = settingFile(name);
    if (fs.existsSync(file)) this.note({ kind: "kernel", name, before: fs.readFileSync(file, "utf8").trim() });
  }

  /** Takes back one file or kernel setting; says what was done, or why nothing was. */
  takeBack(entry) {
    if (entry.kind === "kernel") {
      const file = settingFile(entry.name);
      const now = fs.readFileSync(file, "utf8").trim();
      if (now === entry.before) return `${entry.name} is ${now}, as before`;
      fs.writeFileSync(file, entry.before);
      return `set ${entry.name} back to ${entry.before}`;
    }
    const now = fs.existsSync(entry.name) ? sha256(fs.readFileSync(entry.name)) : null;
    if (now === entry.before) return `${entry.name} is as before`;
    if (now !== entry.after)
      return `left ${entry.name} alone: somebody changed it since; the copy from before is ${entry.copy}`;
    if (entry.copy === null) fs.rmSync(entry.name);
    else replace(entry.name, fs.readFileSync(entry.copy), fs.statSync(entry.name));
    return `restored ${entry.name}`;
  }

  forget(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    this.save();
  }
}

const settingFile = (name) => path.join("/proc/sys", ...name.split("."));
