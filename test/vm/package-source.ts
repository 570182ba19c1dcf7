/**
 * A package source as apt knows it, on a web server of this computer's loopback: one package that holds the stand-ins for
 * MongoDB's server and its tools, a list, and a signature by a key that was made for it. It is what a share would carry of MongoDB's own.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import type net from "node:net";
import os from "node:os";
import path from "node:path";
import { standin } from "./places.ts";
import { must } from "./programs.ts";

export const MONGODB_PACKAGE = "mongodb-org-server";

const CONTROL = `Package: ${MONGODB_PACKAGE}
Version: 0.0.0
Architecture: all
Maintainer: notebox's tests <nobody@example.edu>
Description: stand-ins for MongoDB's server and tools
`;

export interface PackageSource {
  /** As apt writes it: deb URL SUITE. */
  line: string;
  /** The key that signs it, as text. */
  key: string;
  close(): void;
}

export async function openPackageSource(): Promise<PackageSource> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-source-"));
  const at = (name: string): string => path.join(folder, name);
  const write = (name: string, text: string, mode = 0o644): void => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true });
    fs.writeFileSync(at(name), text, { mode });
  };
  write("tree/DEBIAN/control", CONTROL);
  // They find pymongo where every workbench with MongoDB has it.
  const programs = { mongod: "mongod.py", mongodump: "mongo-tools.py dump", mongorestore: "mongo-tools.py restore" };
  for (const file of ["mongod.py", "mongo-tools.py"])
    write(`tree/usr/lib/standin/${file}`, fs.readFileSync(path.join(standin, file), "utf8"));
  for (const [name, words] of Object.entries(programs))
    write(
      `tree/usr/bin/${name}`,
      `#!/bin/sh\nexec /opt/notebox/venv/bin/python -I /usr/lib/standin/${words} "$@"\n`,
      0o755,
    );
  const deb = `${MONGODB_PACKAGE}.deb`;
  fs.mkdirSync(at("web"));
  await must("dpkg-deb", ["--build", "--root-owner-group", at("tree"), at(`web/${deb}`)]);
  write("web/Packages", `${CONTROL}Filename: ./${deb}\n${sums(at(`web/${deb}`))}`);
  const list = fs.readFileSync(at("web/Packages"));
  write(
    "web/Release",
    `Suite: standin\nDate: ${new Date().toUTCString()}\nSHA256:\n ${sha256(list)} ${list.length} Packages\n`,
  );
  fs.mkdirSync(at("keys"), { mode: 0o700 });
  const gpg = ["--homedir", at("keys"), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""];
  await must("gpg", [...gpg, "--quick-generate-key", "nobody@example.edu", "rsa3072", "sign", "1d"]);
  await must("gpg", [...gpg, "--clearsign", "--output", at("web/InRelease"), at("web/Release")]);
  const key = await must("gpg", [...gpg, "--armor", "--export"]);
  // The agent that gpg has started.
  await must("gpgconf", ["--homedir", at("keys"), "--kill", "all"]);
  const server = http.createServer((request, response) => {
    const file = at(path.join("web", path.basename(request.url ?? "")));
    if (!fs.existsSync(file) || fs.statSync(file).isDirectory()) return response.writeHead(404).end();
    return response.end(fs.readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    line: `deb http://127.0.0.1:${(server.address() as net.AddressInfo).port}/mongodb ./`,
    key,
    close: () => {
      server.close();
      server.closeAllConnections();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

function sums(file: string): string {
  const bytes = fs.readFileSync(file);
  return `Size: ${bytes.length}\nSHA256: ${sha256(bytes)}\n`;
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
