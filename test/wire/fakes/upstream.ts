/** An upstream on loopback: a registry of either generation, catalogs, boxes, and whatever can go wrong with them. */
import { createHash } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

export interface Offered {
  version: string;
  provider: string;
  arch?: string;
  bytes: Buffer;
  /** Left out: a sha256; null: none at all. */
  checksum?: { type: string; value: string } | null;
}

/** What the server does to a box's next answers. */
export interface Mood {
  /** Each answer ends after so many bytes. */
  cutAfter?: number;
  /** Each answer stops, but stays open, after so many bytes. */
  stallAfter?: number;
  noRanges?: boolean;
  noEtag?: boolean;
  /** Another ETag with each answer, as a cluster of badly kept servers has it. */
  newEtags?: boolean;
  /** The first answers, before any that counts. */
  first?: { status: number; headers?: Record<string, string> }[];
  noLength?: boolean;
  /** Catalogs come gzipped, although nobody said that they may. */
  packed?: boolean;
  /** Milliseconds between pieces of 64 KiB. */
  pace?: number;
}

export interface Asked {
  method: string;
  path: string;
  range?: string;
  authorization?: string;
  /** Bytes of the body that were sent. */
  sent: number;
}

export interface Upstream {
  url: string;
  asked: Asked[];
  mood: Mood;
  offer(...boxes: Offered[]): void;
  /** Bytes of boxes that were sent, all in all. */
  sent(): number;
  close(): Promise<void>;
}

export const hashOf = (type: string, bytes: Buffer): string => createHash(type).update(bytes).digest("hex");

export interface UpstreamOptions {
  name?: string;
  generation?: "new" | "old";
  /** Boxes come from another server, by a redirect with a signature in its path. */
  store?: Upstream;
}

export async function openUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const { name = "lab/tiny", generation = "new", store } = options;
  const boxes = new Map<string, Offered>();
  let answers = 0;
  const upstream: Upstream = {
    url: "",
    asked: [],
    mood: {},
    offer(...offered) {
      for (const one of offered) boxes.set(pathOf(name, one), one);
    },
    sent: () => upstream.asked.reduce((sum, one) => sum + (/\.box$/.test(one.path) ? one.sent : 0), 0),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  const catalog = (): string => {
    const versions = [...new Set([...boxes.values()].map(({ version }) => version))].map((version) => ({
      version,
      providers: [...boxes.values()]
        .filter((one) => one.version === version)
        .map((one) => entry(upstream.url, name, one)),
    }));
    return JSON.stringify({ name, description: "a box", versions });
  };
  const server = http.createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "").split("?")[0] ?? "");
    const asked: Asked = { method: request.method ?? "", path: request.url ?? "", sent: 0 };
    if (request.headers.range !== undefined) asked.range = request.headers.range;
    if (request.headers.authorization !== undefined) asked.authorization = request.headers.authorization;
    upstream.asked.push(asked);
    const places = generation === "new" ? [`/api/v2/vagrant/${name}`] : [`/${name}`];
    if ([...places, "/catalog.json"].includes(path)) {
      const first = upstream.mood.first?.shift();
      if (first) return void response.writeHead(first.status, first.headers).end();
      const packed = upstream.mood.packed ? { "content-encoding": "gzip" } : {};
      const body = upstream.mood.packed ? gzipSync(catalog()) : Buffer.from(catalog());
      response.writeHead(200, { "content-type": "application/json", "content-length": body.length, ...packed });
      // In two pieces, as a network would cut it.
      response.write(body.subarray(0, 100));
      return void setTimeout(() => response.end(body.subarray(100)), 5);
    }
    const box = boxes.get(path.replace(/^\/signed\/[^/]+/, ""));
    if (!box) return void response.writeHead(404).end();
    if (store && !path.startsWith("/signed/")) {
      const location = `${store.url}/signed/${"eyJhbGciOiJIUzI1NiJ9.".repeat(5)}${path}`;
      return void response.writeHead(302, { location }).end();
    }
    void answerBox(request, response, box, upstream.mood, asked, ++answers);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  upstream.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return upstream;
}

/** As the public registry writes it. */
function pathOf(name: string, { version, provider, arch }: Offered): string {
  const [owner, short] = name.split("/");
  return `/${owner}/boxes/${short}/versions/${version}/providers/${provider}/${arch ?? "unknown"}/vagrant.box`;
}

function entry(url: string, name: string, one: Offered): object {
  const checksum =
    one.checksum === null
      ? { checksum: null, checksum_type: null }
      : one.checksum
        ? { checksum: one.checksum.value, checksum_type: one.checksum.type }
        : { checksum: hashOf("sha256", one.bytes), checksum_type: "sha256" };
  const arch = one.arch === undefined ? {} : { architecture: one.arch, default_architecture: one.arch === "amd64" };
  return { name: one.provider, url: `${url}${pathOf(name, one)}`, ...checksum, ...arch };
}

async function answerBox(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  { bytes }: Offered,
  mood: Mood,
  asked: Asked,
  turn: number,
): Promise<void> {
  const first = mood.first?.shift();
  if (first) return void response.writeHead(first.status, first.headers).end();
  const etag = mood.newEtags ? `"${turn}"` : `"${hashOf("md5", bytes)}"`;
  const headers: Record<string, string> = mood.noEtag ? {} : { etag };
  let from = 0;
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
  const condition = request.headers["if-range"];
  if (range !== undefined && !mood.noRanges && (condition === undefined || condition === etag)) {
    from = Number(range);
    if (from >= bytes.length) {
      response.writeHead(416, { ...headers, "content-range": `bytes */${bytes.length}` }).end();
      return;
    }
    headers["content-range"] = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  }
  if (!mood.noLength) headers["content-length"] = String(bytes.length - from);
  response.writeHead(headers["content-range"] === undefined ? 200 : 206, headers);
  const end = Math.min(bytes.length, from + (mood.cutAfter ?? mood.stallAfter ?? bytes.length));
  for (let at = from; at < end; at += 65536) {
    const piece = bytes.subarray(at, Math.min(end, at + 65536));
    if (!response.write(piece))
      await new Promise<void>((resolve) => {
        const go = (): void => {
          response.off("drain", go);
          response.off("close", go);
          resolve();
        };
        response.once("drain", go);
        response.once("close", go);
      });
    if (response.destroyed) return;
    asked.sent += piece.length;
    if (mood.pace) await new Promise((resolve) => setTimeout(resolve, mood.pace));
  }
  if (end === bytes.length) return void response.end();
  // Whether a connection is cut or falls silent, what was sent before has to arrive.
  if (mood.stallAfter === undefined) setTimeout(() => response.destroy(), 5);
}
