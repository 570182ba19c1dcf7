/**
 * A proxy as large organisations run them: it asks for a name and a password, opens every TLS connection with
 * certificates of a CA of its own, and writes down who asked for what. It listens on loopback only. Upstream it
 * trusts what this computer trusts. Needs openssl. What should have been asked is left to the trial.
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import path from "node:path";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { must } from "./programs.ts";

export interface Asked {
  /** What a TLS connection was opened for, or the address of a plain request. */
  url: string;
  agent: string;
}

export interface InterceptingProxy {
  /** With the name and the password, which is percent-encoded in here. */
  url: string;
  port: number;
  password: string;
  /** The CA's certificate, PEM. */
  ca: string;
  asked: Asked[];
  close(): Promise<void>;
}

const USER = "trial";
const SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Starts the proxy; its keys and certificates live in `folder`. */
export async function openProxy(folder: string): Promise<InterceptingProxy> {
  const authority = await makeAuthority(folder);
  const password = `p$ ${randomBytes(9).toString("hex")}`;
  const expected = `Basic ${Buffer.from(`${USER}:${password}`).toString("base64")}`;
  const asked: Asked[] = [];
  const inner: https.Server[] = [];
  const open = new Set<Socket | Duplex>();

  const front = http.createServer((request, response) => {
    if (request.headers["proxy-authorization"] === expected) forward(request, response, request.url ?? "", asked);
    else response.writeHead(407, { "Proxy-Authenticate": "Basic" }).end();
  });
  front.on("connection", (socket) => open.add(socket.on("close", () => open.delete(socket))));
  front.on("connect", async (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    if (request.headers["proxy-authorization"] !== expected)
      return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n");
    const [host = "", port = "443"] = (request.url ?? "").split(":");
    const server = https.createServer(await authority.certify(host), (asks, response) =>
      forward(asks, response, `https://${host}${port === "443" ? "" : `:${port}`}${asks.url}`, asked),
    );
    inner.push(server);
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (head.length > 0) socket.unshift(head);
    server.emit("connection", socket);
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  const { port } = front.address() as AddressInfo;
  return {
    url: `http://${USER}:${encodeURIComponent(password)}@127.0.0.1:${port}`,
    port,
    password,
    ca: authority.certificate,
    asked,
    close: async () => {
      for (const server of inner) server.closeAllConnections();
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => front.close(resolve));
    },
  };
}

/** Passes one request on and its answer back, both as they come. */
function forward(request: http.IncomingMessage, response: http.ServerResponse, url: string, asked: Asked[]): void {
  asked.push({ url, agent: request.headers["user-agent"] ?? "" });
  if (!/^https?:\/\//.test(url)) return void response.writeHead(400).end();
  const { "proxy-authorization": _, "proxy-connection": __, ...headers } = request.headers;
  const module = url.startsWith("https:") ? https : http;
  const options = { method: request.method ?? "GET", headers, ca: trusted() };
  const upstream = module.request(url, options, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  upstream.on("error", (error) =>
    response.headersSent ? response.destroy() : response.writeHead(502).end(error.message),
  );
  response.on("close", () => upstream.destroy());
  request.pipe(upstream);
}

/** Certificates that Node brings, and those that this computer's keepers added. */
function trusted(): string[] {
  const system = fs.existsSync(SYSTEM_CERTIFICATES) ? [fs.readFileSync(SYSTEM_CERTIFICATES, "utf8")] : [];
  return [...tls.rootCertificates, ...system];
}

interface Authority {
  certificate: string;
  certify(host: string): Promise<{ key: string; cert: string }>;
}

/** A CA and leaves that the strictest of clients take (Python 3.13 checks every extension, RFC 5280). */
async function makeAuthority(folder: string): Promise<Authority> {
  const at = (name: string): string => path.join(folder, name);
  const read = (name: string): string => fs.readFileSync(at(name), "utf8");
  const openssl = async (...args: string[]): Promise<void> => void (await must("openssl", args, { cwd: folder }));
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  fs.writeFileSync(
    at("ca.conf"),
    "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=CA of the trials\n[ext]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
  );
  await openssl("req", "-x509", ...key, "-days", "3", "-config", "ca.conf", "-keyout", "ca.key", "-out", "ca.pem");
  fs.writeFileSync(at("leaf.conf"), "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=a leaf of the trials\n");
  await openssl("req", "-new", ...key, "-config", "leaf.conf", "-keyout", "leaf.key", "-out", "leaf.csr");
  const leaves = new Map<string, Promise<{ key: string; cert: string }>>();
  const issue = async (host: string): Promise<{ key: string; cert: string }> => {
    if (!/^[A-Za-z0-9.-]+$/.test(host)) throw new Error(`${host} is no host name`);
    fs.writeFileSync(
      at(`${host}.ext`),
      `subjectAltName=DNS:${host}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n`,
    );
    const signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", `0x1${randomBytes(15).toString("hex")}`];
    const files = ["-in", "leaf.csr", "-extfile", `${host}.ext`, "-out", `${host}.pem`];
    await openssl("x509", "-req", ...signer, "-days", "2", ...files);
    return { key: read("leaf.key"), cert: read(`${host}.pem`) };
  };
  return {
    certificate: read("ca.pem"),
    certify(host) {
      const known = leaves.get(host) ?? issue(host);
      leaves.set(host, known);
      return known;
    },
  };
}
