/**
 * What `box publish` writes, as the real Vagrant takes it: the distribution's and every one that
 * NOTEBOX_TEST_VAGRANTS names. Boxes here are a few kilobytes; that real ones start is shown by the vm tier.
 */
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { boxAddress, catalogAddress } from "../../src/boxes/doors.ts";
import { QCOW2 } from "../unit/box-bytes.ts";

const program = path.resolve(import.meta.dirname, "../../dist/notebox.cjs");
const vagrants = ["vagrant", ...(process.env["NOTEBOX_TEST_VAGRANTS"] ?? "").split(":").filter((name) => name !== "")];
const NAME = "lab/tiny";

let folder = "";
let share = "";
let web = "";
let server: http.Server;
/** Requests that the web server was asked, as "GET /path". */
const asked: string[] = [];

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-box-"));
  // What a file server may well be called.
  share = path.join(folder, "Übungen #1 & 100% more");
  fs.mkdirSync(share);
  server = http.createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  web = `http://127.0.0.1:${(server.address() as AddressInfo).port}/our boxes/`;
  for (const version of ["1.0.0", "1.9.0", "1.10.0"]) await publish("virtualbox", version);
  await publish("libvirt", "1.9.0");
});
afterAll(() => {
  server.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** As any web server does it: files with the type that their names stand for. */
function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
  asked.push(`${request.method} ${request.url}`);
  const name = decodeURIComponent(request.url ?? "").replace(/^\/our boxes\//, "");
  const file = path.join(share, name);
  if (!fs.existsSync(file) || !fs.statSync(file).isFile()) return void response.writeHead(404).end();
  const type = file.endsWith(".json") ? "application/json" : "application/octet-stream";
  response.writeHead(200, { "content-type": type, "content-length": fs.statSync(file).size });
  if (request.method === "HEAD") response.end();
  else fs.createReadStream(file).pipe(response);
}

async function publish(provider: string, version: string): Promise<void> {
  const parts = fs.mkdtempSync(path.join(folder, "parts-"));
  const metadata = {
    provider,
    architecture: "amd64",
    ...(provider === "libvirt" ? { format: "qcow2", virtual_size: 1 } : {}),
  };
  fs.writeFileSync(path.join(parts, "metadata.json"), JSON.stringify(metadata));
  fs.writeFileSync(path.join(parts, "box.ovf"), "<Envelope/>");
  fs.writeFileSync(path.join(parts, "box.img"), QCOW2);
  fs.writeFileSync(path.join(parts, "Vagrantfile"), `# ${version}\n`);
  const file = `${parts}.box`;
  execFileSync("tar", ["-C", parts, "-cf", file, "metadata.json", "box.ovf", "box.img", "Vagrantfile"]);
  const args = [program, "box", "publish", file, "--share", share, "--name", NAME, "--version", version, "--door", web];
  const { code, text } = await run(process.execPath, args);
  if (code !== 0) throw new Error(text);
}

async function run(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; text: string }> {
  const child = spawn(file, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, HOME: folder, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part: string) => (text += part));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, text };
}

describe.each(vagrants)("%s", (vagrant) => {
  let homes = 0;
  const add = async (catalog: string, ...more: string[]) => {
    const home = path.join(folder, `${path.basename(vagrant)}-home-${homes++}`);
    const env = { VAGRANT_HOME: home, VAGRANT_CHECKPOINT_DISABLE: "1", LC_ALL: "C.UTF-8", no_proxy: "127.0.0.1" };
    const outcome = await run(vagrant, ["box", "add", catalog, ...more], env);
    // The architecture's folder is there from 2.4 on.
    const boxes = path.join(home, "boxes", "lab-VAGRANTSLASH-tiny");
    const installed = fs.existsSync(boxes)
      ? fs.readdirSync(boxes, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith("Vagrantfile"))
      : [];
    return { ...outcome, installed };
  };

  test("adds the newest box from a folder with blanks, an umlaut, # and %", async () => {
    const { code, text, installed } = await add(catalogAddress(share, NAME), "--provider", "virtualbox");
    expect([code, installed], text).toEqual([
      0,
      [expect.stringMatching(/^1\.10\.0\/(amd64\/)?virtualbox\/Vagrantfile$/)],
    ]);
    expect(text).toMatch(/checksum/i);
  });

  test("adds the box that a constraint and a provider ask for, over HTTP", async () => {
    asked.length = 0;
    const { code, text, installed } = await add(
      catalogAddress(web, NAME),
      "--provider",
      "libvirt",
      "--box-version",
      "~> 1.8",
    );
    expect([code, installed], text).toEqual([0, [expect.stringMatching(/^1\.9\.0\/(amd64\/)?libvirt\/Vagrantfile$/)]]);
    expect(asked).toContain(
      `GET ${new URL(boxAddress(web, { name: NAME, version: "1.9.0", provider: "libvirt", arch: "amd64" })).pathname}`,
    );
  });

  test("refuses a box whose bytes are not those of the catalog", async () => {
    const file = path.join(share, "boxes/lab/tiny/1.0.0/virtualbox-amd64.box");
    const bytes = fs.readFileSync(file);
    const changed = Buffer.from(bytes);
    changed.write("EVIL", bytes.indexOf("# 1.0.0"));
    fs.writeFileSync(file, changed);
    try {
      for (const door of [share, web]) {
        const { code, text, installed } = await add(
          catalogAddress(door, NAME),
          "--provider",
          "virtualbox",
          "--box-version",
          "1.0.0",
        );
        expect([code === 0, installed], text).toEqual([false, []]);
        expect(text).toMatch(/checksum/i);
      }
    } finally {
      fs.writeFileSync(file, bytes);
    }
  });
});
