/** A rendered workbench, the real Vagrant, and servers on loopback that behave well or badly. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { freePort } from "../free-port.ts";

export const ROOT = path.resolve(import.meta.dirname, "../..");
const PROGRAM = path.join(ROOT, "dist/notebox.cjs");

/** The distribution's Vagrant and every other that NOTEBOX_TEST_VAGRANTS names. */
export const VAGRANTS = [
  "vagrant",
  ...(process.env["NOTEBOX_TEST_VAGRANTS"] ?? "").split(":").filter((name) => name !== ""),
];

export interface Outcome {
  code: number | null;
  /** Both streams, as they came. */
  text: string;
}

export class Lab {
  readonly around = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-vagrant-"));
  readonly folder = path.join(this.around, "work");
  readonly #closers: (() => void)[] = [];

  constructor() {
    fs.mkdirSync(this.folder);
    // Enough of VirtualBox for Vagrant to believe in it; no VM can be made with it.
    const program = path.join(this.around, "bin", "VBoxManage");
    fs.mkdirSync(path.dirname(program));
    fs.writeFileSync(program, '#!/bin/sh\ncase "$*" in --version) echo 7.0.20r163906 ;; list*) ;; *) exit 1 ;; esac\n');
    fs.chmodSync(program, 0o755);
  }

  /** Copies an example and renders it there. */
  async renderExample(name: string): Promise<void> {
    fs.cpSync(path.join(ROOT, "examples", name), this.folder, { recursive: true });
    await this.render();
  }

  async describe(doors: readonly string[], more = "", box = "lab/tiny"): Promise<void> {
    const shares = JSON.stringify(doors);
    // A workbench may run on this computer meanwhile, at the usual port.
    const services = `{ jupyter: { port: ${await freePort()} } }`;
    const text = `version: 1\nname: lab\nbox:\n  name: ${box}\n  version: ">= 1.0"\n  shares: ${shares}\n${more}services: ${services}\n`;
    fs.writeFileSync(path.join(this.folder, "workbench.yaml"), text);
    await this.render();
  }

  async render(): Promise<void> {
    const run = await this.run(process.execPath, [PROGRAM, "-C", this.folder, "render"]);
    if (run.code !== 0) throw new Error(run.text);
  }

  async vagrant(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return await this.run(program, args, {
      VAGRANT_HOME: path.join(this.around, "home"),
      VAGRANT_CHECKPOINT_DISABLE: "1",
      VAGRANT_DEFAULT_PROVIDER: undefined,
      PATH: `${path.join(this.around, "bin")}:${process.env["PATH"]}`,
      LC_ALL: "C.UTF-8",
      ...NO_PROXIES,
      ...env,
    });
  }

  private async run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const child = spawn(program, args, {
      cwd: this.folder,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part) => (text += part));
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once("error", reject).once("close", resolve),
    );
    return { code, text };
  }

  /** A share in a folder, with a box that Vagrant can add and VirtualBox cannot start. */
  async share(name = "share"): Promise<string> {
    const share = path.join(this.around, name);
    const parts = path.join(this.around, `${name}-box`);
    fs.mkdirSync(share);
    fs.mkdirSync(parts);
    fs.writeFileSync(path.join(parts, "metadata.json"), '{"provider":"virtualbox"}');
    fs.writeFileSync(path.join(parts, "box.ovf"), "<Envelope/>");
    const packed = await this.run("tar", [
      "-cf",
      path.join(share, "tiny.box"),
      "-C",
      parts,
      "metadata.json",
      "box.ovf",
    ]);
    if (packed.code !== 0) throw new Error(packed.text);
    return share;
  }

  catalog(boxUrl: string): string {
    const providers = [{ name: "virtualbox", url: boxUrl }];
    return JSON.stringify({ name: "lab/tiny", versions: [{ version: "1.0.0", providers }] });
  }

  /** A server whose every request is noted; resolves with its address. */
  async serve(answer: http.RequestListener): Promise<{ door: string; requests: string[] }> {
    const requests: string[] = [];
    const server = http.createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      answer(request, response);
    });
    return { door: `${await this.listen(server)}/`, requests };
  }

  /** A port that takes connections and never says a word. */
  async silence(): Promise<string> {
    return `${await this.listen(net.createServer(() => {}))}/`;
  }

  /** A port that nobody listens on. */
  async nobody(): Promise<string> {
    const server = net.createServer();
    const door = await this.listen(server);
    await new Promise((resolve) => server.close(resolve));
    return `${door}/`;
  }

  private async listen(server: net.Server): Promise<string> {
    const sockets = new Set<net.Socket>();
    server.on("connection", (socket) =>
      sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket))),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#closers.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const close of this.#closers) close();
    fs.rmSync(this.around, { recursive: true, force: true });
  }
}

const NO_PROXIES = Object.fromEntries(
  ["http_proxy", "https_proxy", "no_proxy", "all_proxy"].flatMap((name) => [
    [name, undefined],
    [name.toUpperCase(), undefined],
  ]),
);
