/**
 * A share of tiny boxes, what serves it (`box serve`, the real nginx), and Vagrant homes of its own, for tests and
 * counted trials. What is expected of them stands there.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { QCOW2 } from "../unit/box-bytes.ts";
import { checkout } from "../vm/places.ts";

export const NAME = "lab/tiny";

/** The distribution's Vagrant and each that NOTEBOX_TEST_VAGRANTS names. */
export const vagrants = [
  "vagrant",
  ...(process.env["NOTEBOX_TEST_VAGRANTS"] ?? "").split(":").filter((name) => name !== ""),
];

export interface Outcome {
  code: number | null;
  stdout: string;
  /** Standard output and error as they came. */
  text: string;
}

export interface Running {
  url: string;
  pid: number;
  /** All it has written to standard error. */
  log(): string;
  stop(signal?: NodeJS.Signals): Promise<Outcome>;
}

export interface BoxLab {
  folder: string;
  share: string;
  /** Publishes a box whose Vagrantfile says "# VERSION ARCH"; `bytes` more of noise, `holes` of nothing. */
  publish(box: {
    version: string;
    arch?: string;
    provider?: string;
    bytes?: number;
    holes?: number;
    doors?: string[];
  }): Promise<void>;
  notebox(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
  start(
    file: string,
    args: readonly string[],
    env?: NodeJS.ProcessEnv,
  ): { child: ChildProcess; done: Promise<Outcome> };
  serve(...args: string[]): Promise<Running>;
  nginx(port: number): Promise<Running>;
  /** A new Vagrant home. */
  home(): string;
  close(): Promise<void>;
}

export function openBoxLab(share = "share"): BoxLab {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-boxes-"));
  const program = path.join(checkout, "dist/notebox.cjs");
  const running: Running[] = [];
  const lab: BoxLab = {
    folder,
    share: path.join(folder, share),
    async publish({ version, arch = "amd64", provider = "virtualbox", bytes = 0, holes = 0, doors = [] }) {
      const parts = fs.mkdtempSync(path.join(folder, "parts-"));
      const write = (name: string, content: string | Buffer): void => fs.writeFileSync(path.join(parts, name), content);
      const libvirt = provider === "libvirt" ? { format: "qcow2", virtual_size: 1 } : {};
      write("metadata.json", JSON.stringify({ provider, architecture: arch, ...libvirt }));
      write("Vagrantfile", `# ${version} ${arch}\n`);
      if (provider === "libvirt") write("box.img", QCOW2);
      else write("box.ovf", "<Envelope/>");
      write("extra.bin", randomBytes(bytes));
      if (holes > 0) fs.truncateSync(path.join(parts, "extra.bin"), bytes + holes);
      const file = `${parts}.box`;
      execFileSync("tar", ["-C", parts, "-S", "-cf", file, ...fs.readdirSync(parts)]);
      const named = ["--share", lab.share, "--name", NAME, "--version", version];
      const more = doors.flatMap((door) => ["--door", door]);
      const { code, text } = await lab.notebox(["box", "publish", file, ...named, ...more]);
      if (code !== 0) throw new Error(text);
      fs.rmSync(parts, { recursive: true });
      fs.rmSync(file);
    },
    notebox: (args, env) => lab.start(process.execPath, [program, ...args], env).done,
    start(file, args, env = {}) {
      const child = spawn(file, args, {
        cwd: folder,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env,
          HOME: folder,
          VAGRANT_CHECKPOINT_DISABLE: "1",
          LC_ALL: "C.UTF-8",
          no_proxy: "127.0.0.1",
          ...env,
        },
      });
      const outcome: Outcome = { code: null, stdout: "", text: "" };
      child.stdout.setEncoding("utf8").on("data", (part: string) => {
        outcome.stdout += part;
        outcome.text += part;
      });
      child.stderr.setEncoding("utf8").on("data", (part: string) => (outcome.text += part));
      const done = new Promise<Outcome>((resolve) => {
        child.once("error", (error) => resolve({ ...outcome, text: String(error) }));
        child.once("close", (code) => resolve({ ...outcome, code }));
      });
      return { child, done };
    },
    async serve(...args) {
      const { child, done } = lab.start(process.execPath, [
        program,
        "box",
        "serve",
        "--share",
        lab.share,
        "--port",
        "0",
        ...args,
      ]);
      let log = "";
      const url = await new Promise<string>((resolve, reject) => {
        child.stderr?.on("data", (part: string) => {
          log += part;
          const found = /Serving .* at (http:\S+)/.exec(log)?.[1];
          if (found !== undefined) resolve(found);
        });
        void done.then(({ text }) => reject(new Error(text)));
      });
      return keep({
        url,
        pid: child.pid ?? 0,
        log: () => log,
        stop: async (signal = "SIGTERM") => {
          child.kill(signal);
          return await done;
        },
      });
    },
    async nginx(port) {
      const place = fs.mkdtempSync(path.join(folder, "nginx-"));
      const printed = await lab.notebox(["box", "serve", "--share", lab.share, "--print", "nginx"]);
      if (printed.code !== 0) throw new Error(printed.text);
      fs.writeFileSync(path.join(place, "boxes.conf"), printed.stdout);
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (name) => `${name}_temp_path ${name};`,
      );
      const user = process.getuid?.() === 0 ? "user root;" : "";
      fs.writeFileSync(
        path.join(place, "nginx.conf"),
        `${user} daemon off; pid pid; worker_processes 1; events {}
http { access_log access.log; ${temporary.join(" ")} include ${place}/boxes.conf; }\n`,
      );
      const { child, done } = lab.start(nginxProgram() ?? "nginx", ["-p", place, "-c", "nginx.conf", "-e", "stderr"]);
      let ended: Outcome | undefined;
      void done.then((outcome) => (ended = outcome));
      while (!(await answers(port))) {
        if (ended) throw new Error(ended.text);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      return keep({
        url: `http://127.0.0.1:${port}`,
        pid: child.pid ?? 0,
        log: () => fs.readFileSync(path.join(place, "access.log"), "utf8"),
        stop: async (signal = "SIGTERM") => {
          child.kill(signal);
          return await done;
        },
      });
    },
    home: () => fs.mkdtempSync(path.join(folder, "home-")),
    async close() {
      for (const one of running) await one.stop();
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  const keep = (one: Running): Running => {
    running.push(one);
    return one;
  };
  fs.mkdirSync(lab.share);
  return lab;
}

/** nginx lies where only root's PATH leads. */
export function nginxProgram(): string | undefined {
  const places = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"];
  return places.map((place) => path.join(place, "nginx")).find((file) => fs.existsSync(file));
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Everything that lies in Vagrant's folder of boxes: path → content. */
export function installed(home: string): Record<string, string> {
  const boxes = path.join(home, "boxes");
  const names = fs.existsSync(boxes) ? fs.readdirSync(boxes, { recursive: true, encoding: "utf8" }) : [];
  const files = names.filter((name) => fs.statSync(path.join(boxes, name)).isFile()).sort();
  return Object.fromEntries(files.map((name) => [name, contentOf(path.join(boxes, name))]));
}

function contentOf(file: string): string {
  const bytes = fs.readFileSync(file);
  return bytes.length < 2000 ? bytes.toString("utf8") : createHash("sha256").update(bytes).digest("hex");
}

/** A folder for PATH in which `vagrant` is that program. */
export function asVagrant(lab: BoxLab, program: string): NodeJS.ProcessEnv {
  if (program === "vagrant") return {};
  const bin = fs.mkdtempSync(path.join(lab.folder, "bin-"));
  const file = spawnSync("sh", ["-c", 'command -v "$1"', "sh", program], { encoding: "utf8" }).stdout.trim();
  fs.symlinkSync(file, path.join(bin, "vagrant"));
  return { PATH: `${bin}:${process.env["PATH"]}` };
}
