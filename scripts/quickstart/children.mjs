// Runs the programs that do the work: each in a process group of its own, noted before it is waited for, so that a
// later run finds and ends what a killed run left at work. Their output goes to the terminal and to a log file.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { endGroup, identify, isAlive } from "../own-processes.mjs";
import { EXIT, Stop } from "./stop.mjs";

export class Children {
  /** @param {import("./place.mjs").Place} place */
  constructor(place) {
    this.place = place;
    this.current = undefined;
    /** When the person last asked to stop, in milliseconds; undefined before that. */
    this.interrupted = undefined;
    // The folder tells this quickstart's processes from those of another user's.
    this.mark = `NOTEBOX_QUICKSTART=${place.folder}`;
  }

  /** What a killed run left at work. Resolves with true when there was something. */
  async endLeftovers() {
    const { child } = this.place.state();
    if (!child) return false;
    // Package tools are waited for: ended half-way they leave broken packages behind.
    const patient = ["apt-get", "dpkg"].includes(child.name);
    for (let turn = 0; patient && isAlive(child) && turn < 600; turn++)
      await new Promise((done) => setTimeout(done, 1000));
    const ended = patient ? false : await endGroup(child, this.mark);
    this.place.note({ child: null });
    return ended;
  }

  /** Passes Ctrl-C and SIGTERM on to the program at work; the second time with more force. */
  interrupt() {
    // npm finishes its installation first, whatever the signal; the next `npm ci` starts from nothing anyway.
    const wish = this.name === "npm" ? "SIGKILL" : "SIGINT";
    const signal = this.interrupted ? "SIGKILL" : wish;
    // npm passes the terminal's Ctrl-C on, so one comes twice.
    if (Date.now() - (this.interrupted ?? 0) < 1000) return;
    this.interrupted = Date.now();
    process.stderr.write(`\nStopping ${this.name ?? ""} …\n`);
    if (!this.current?.pid) return;
    try {
      process.kill(-this.current.pid, signal);
    } catch {
      // It has just ended.
    }
  }

  /**
   * Runs a program. `quiet` keeps its output off the terminal (the log has it); `brief` shows its progress, and its
   * standard output only when it fails. Resolves with exit code and the last lines.
   * Throws Stop when there is no such program or the person interrupts.
   */
  async run(file, args, { cwd, env = {}, quiet = false, brief = false } = {}) {
    const name = nameOf(file, args)[0];
    const logFile = path.join(this.place.logs, `${new Date().toISOString().replace(/\W/g, "")}-${name}.log`);
    // A file, not a pipe: what runs quietly goes on to its end when this process is killed (apt-get should).
    const log = fs.openSync(logFile, "a", 0o600);
    const [markName, markValue] = this.mark.split(/=(.*)/s);
    const terminal = process.stderr.isTTY ? "inherit" : "pipe";
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env, [markName]: markValue },
      detached: true,
      stdio: quiet ? ["ignore", log, log] : ["ignore", "pipe", terminal],
    });
    Object.assign(this, { current: child, name });
    const started = new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
    const closed = new Promise((resolve) => child.once("close", resolve));
    try {
      await started;
    } catch (error) {
      throw new Stop(EXIT.missing, `${file} could not be started: ${error.message}`, "Is it installed?");
    }
    this.place.note({ child: { ...identify(child.pid), name } });
    let stdout = "";
    child.stdout?.on("data", (data) => {
      stdout += data;
      if (!brief) process.stdout.write(data);
      fs.writeSync(log, data);
    });
    child.stderr?.on("data", (data) => {
      process.stderr.write(data);
      fs.writeSync(log, data);
    });
    const { code } = await ended;
    // Something that it started may keep the pipes open (port forwards do); what is in them by now is enough.
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 500))]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    fs.closeSync(log);
    this.current = undefined;
    this.place.note({ child: null });
    if (brief && code !== 0) process.stdout.write(stdout);
    if (this.interrupted)
      throw new Stop(
        EXIT.interrupted,
        "Interrupted.",
        "npm run quickstart goes on where it stopped; -- --clean undoes it.",
      );
    const tail = fs.readFileSync(logFile, "utf8").trim().split("\n").slice(-12);
    return { code: code ?? EXIT.interrupted, tail, logFile };
  }

  /** run, and a Stop when the program fails. */
  async must(file, args, options = {}, { exitCode, hint } = {}) {
    const result = await this.run(file, args, options);
    if (result.code === 0) return result;
    const words = nameOf(file, args).join(" ");
    const said = options.quiet ? `\n${result.tail.map((line) => `      | ${line}`).join("\n")}` : "";
    const goOn = `npm run quickstart goes on where it stopped. What was printed is in ${result.logFile}`;
    throw new Stop(exitCode ?? result.code, `${words} failed (exit ${result.code}).${said}`, hint ?? goOn);
  }
}

/** What a person calls it: notebox's program file is `notebox`. */
function nameOf(file, args) {
  return args[0]?.endsWith("notebox.cjs") ? ["notebox", ...args.slice(1)] : [path.basename(file), ...args];
}
