/**
 * A share over HTTP, read-only: a request → what it is answered with. Catalogs are made for the host that was asked,
 * so that one folder serves under any name. Listening, streaming and logging are the caller's and the adapter's.
 */
import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import { systemErrorCode, UserError } from "../../errors.ts";
import type { ServedAnswer, ServedRequest } from "../../ports.ts";
import { type BoxRecord, catalogText, isForMost } from "../catalog.ts";
import { normaliseDoor } from "../doors.ts";
import { type BoxId, boxPath, recordPath, SHARE_FILE } from "../layout.ts";
import { listNames, listRecords, readRecord } from "../share.ts";
import { portionFor, type Version } from "./byte-ranges.ts";
import { type Route, routeOf } from "./serve-routes.ts";

/** `share` is absolute. `onTrouble` is told why the share could not be read; the network is not. */
export function answerer(
  share: string,
  onTrouble: (error: UserError) => void,
): (request: ServedRequest) => Promise<ServedAnswer> {
  return async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD")
      return words(405, "A share can only be read: GET and HEAD.", { allow: "GET, HEAD" });
    const host = request.headers["host"] ?? request.reachedAt;
    const door = doorOf(host);
    if (door === undefined) return words(400, "The Host header is no host.");
    const route = routeOf(request.target);
    if (route === undefined) return words(404, "There is nothing of this name.");
    try {
      return (await answer(share, door, route, request)) ?? words(404, "There is nothing of this name.");
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      onTrouble(error);
      return words(503, "The share cannot be read just now.");
    }
  };
}

/** A host and perhaps a port, and nothing that would make another address of it. */
function doorOf(host: string): string | undefined {
  if (!/^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/.test(host)) return undefined;
  try {
    return normaliseDoor(`http://${host}`);
  } catch {
    return undefined;
  }
}

async function answer(
  share: string,
  door: string,
  route: Route,
  request: ServedRequest,
): Promise<ServedAnswer | undefined> {
  switch (route.kind) {
    case "index":
      return text(await indexText(share, door), "text/plain; charset=utf-8", request);
    case "settings":
      return await file(share, SHARE_FILE, "application/json", request);
    case "catalog": {
      const records = await listRecords(share, route.name);
      if (records.length === 0) return undefined;
      const shown = forClient(records, request.headers["user-agent"]);
      return text(catalogText(route.name, door, shown), "application/json", request);
    }
    case "record":
      return await file(share, recordPath(route.box), "application/json", request);
    case "box":
      return await box(share, route.box, request);
    case "some-box": {
      const records = await listRecords(share, route.name);
      const fitting = records.filter(
        ({ version, provider }) => version === route.version && provider === route.provider,
      );
      // Whoever asks so knows of no architectures.
      const found = fitting.find(({ arch }) => arch === "amd64") ?? fitting.find(isForMost);
      return found && (await box(share, found, request));
    }
  }
}

/**
 * Up to 2.3 Vagrant takes the newest version, whatever it is for; one that it cannot use would hide the older ones that
 * it can. Where there is nothing else it is left in, and the catalog says what it needs. The name is that of
 * lib/vagrant/util/downloader.rb (USER_AGENT).
 */
function forClient(records: BoxRecord[], agent: string | undefined): BoxRecord[] {
  const fitting = /^Vagrant\/(?:1|2\.[0-3])\./.test(agent ?? "") ? records.filter(isForMost) : records;
  return fitting.length > 0 ? fitting : records;
}

async function indexText(share: string, door: string): Promise<string> {
  const names = await listNames(share);
  return [
    "A share of Vagrant boxes. Set VAGRANT_SERVER_URL to this address, or add a box by its catalog:",
    "",
    ...names.map((name) => `${door}/${name}`),
    "",
  ].join("\n");
}

async function box(share: string, id: BoxId, request: ServedRequest): Promise<ServedAnswer | undefined> {
  // Without a record it was never finished; no catalog names it.
  const record = await readRecord(share, id);
  return record && (await file(share, boxPath(id), "application/octet-stream", request, record));
}

/** A file of the share, or undefined when there is none, or when a link leads out of the share. */
async function file(
  share: string,
  relative: string,
  type: string,
  request: ServedRequest,
  record?: BoxRecord,
): Promise<ServedAnswer | undefined> {
  const handle = await openInside(share, relative);
  if (handle === undefined) return undefined;
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new NotAFile();
    const version: Version = {
      // The record's checksum says what it should be; time and size tell a damaged file from its replacement.
      etag: `"${(record?.sha256 ?? "").slice(0, 32)}${stat.size.toString(16)}-${Math.trunc(stat.mtimeMs).toString(16)}"`,
      modified: stat.mtime.toUTCString(),
      size: stat.size,
    };
    const headers = {
      "content-type": type,
      etag: version.etag,
      "last-modified": version.modified,
      "accept-ranges": "bytes",
    };
    const portion = portionFor(request.method, request.headers, version);
    if (portion.status === 304) {
      await handle.close();
      return { status: 304, headers };
    }
    const { status, start, length } = portion;
    const range = `bytes ${start}-${start + length - 1}/${version.size}`;
    return {
      status,
      headers: status === 206 ? { ...headers, "content-range": range } : headers,
      body: { file: handle, start, length },
    };
  } catch (error) {
    await handle.close();
    if (error instanceof NotAFile) return undefined;
    throw error;
  }
}

class NotAFile extends Error {}

/** Links inside the share are followed; what lies outside is not there. */
async function openInside(share: string, relative: string): Promise<fs.FileHandle | undefined> {
  try {
    const root = await fs.realpath(share);
    const real = await fs.realpath(path.join(root, relative));
    if (!real.startsWith(root.endsWith(path.sep) ? root : root + path.sep)) return undefined;
    // Looked at before it is opened: opening a pipe waits for somebody to write into it.
    return (await fs.stat(real)).isFile() ? await fs.open(real, "r") : undefined;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP" || code === "EACCES") return undefined;
    throw error;
  }
}

function text(body: string, type: string, request: ServedRequest): ServedAnswer {
  const etag = `"${createHash("sha256").update(body).digest("hex").slice(0, 32)}"`;
  // Asked again each time: a catalog is how news of a version gets about.
  const headers = { "content-type": type, etag, "cache-control": "no-cache", vary: "user-agent" };
  const unchanged = (request.headers["if-none-match"] ?? "").split(",").some((tag) => tag.trim() === etag);
  return unchanged ? { status: 304, headers } : { status: 200, headers, body };
}

function words(status: number, message: string, headers: Readonly<Record<string, string>> = {}): ServedAnswer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers }, body: `${message}\n` };
}
