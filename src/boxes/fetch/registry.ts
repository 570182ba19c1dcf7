/**
 * Where a box's catalog is found: a registry by the box's name (both generations of its paths), any address, a file.
 * Reading it is upstream.ts's; a registry and its token are named by the variables that Vagrant itself knows.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { UserError } from "../../errors.ts";
import { checkBoxId } from "../layout.ts";
import { publicAddress } from "./address.ts";
import { type Answer, ask, type FetchNeeds, pause, type Token } from "./fetch.ts";
import { refusal } from "./refusal.ts";
import { CATALOG_LIMIT, type Offers, readCatalog } from "./upstream.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What Vagrant 2.3 and 2.4 ask when nothing else is set; it stops on 2027-06-07. */
const PUBLIC_REGISTRY = "https://vagrantcloud.com";
/** For a catalog as a whole, without a byte. */
export const IDLE_MS = 60_000;
const TRIES = 5;

export interface Registry {
  /** Without a slash at its end. */
  address: string;
  token: Token | undefined;
}

/** Throws UserError `usage` when VAGRANT_SERVER_URL is no address. */
export function registryOf(env: Environment): Registry {
  const address = (env["VAGRANT_SERVER_URL"] || PUBLIC_REGISTRY).trim().replace(/\/+$/, "");
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address))
    throw new UserError({
      code: "usage",
      message: "VAGRANT_SERVER_URL is no http or https address.",
      hint: "Set it to the registry's address, or unset it.",
    });
  const value = env["VAGRANT_CLOUD_TOKEN"] || env["ATLAS_TOKEN"] || "";
  const byUrl = (env["VAGRANT_SERVER_ACCESS_TOKEN_BY_URL"] ?? "") !== "";
  return { address, token: value === "" ? undefined : { value, origin: new URL(address).origin, byUrl } };
}

export interface Found {
  offers: Offers;
  /** Fit to be kept. */
  catalog: string;
}

/** The address of what was named: a box by its name is looked for in the registry, later. */
export async function addressOf(named: string, folder: string): Promise<string | undefined> {
  if (/^https?:\/\//i.test(named)) {
    if (!URL.canParse(named)) throw notFound(named, "is no address");
    return named;
  }
  if (/^file:\/\//i.test(named)) return named;
  const file = path.resolve(folder, named);
  const isFile = await fs.stat(file).then(
    (stat) => stat.isFile(),
    () => false,
  );
  if (isFile) return pathToFileURL(file).href;
  if (/^\.{1,2}[\\/]|\.(?:json|box)$/i.test(named)) throw notFound(named, "is no file that is there");
  if (/^[^/\\:]+\/[^/\\:]+$/.test(named)) {
    checkBoxId({ name: named, version: "0", provider: "x", arch: "x" });
    return undefined;
  }
  throw notFound(named, "is neither a box's name, nor an address, nor a file that is there");
}

function notFound(named: string, why: string): UserError {
  return new UserError({
    code: "usage",
    message: `${JSON.stringify(named)} ${why}.`,
    hint: "Write owner/name, the address of a catalog or a .box file, or the path of a catalog.",
  });
}

/** Asks the registry for a box, by the paths of 2.4, then of 2.3. */
export async function fromRegistry(needs: FetchNeeds, registry: Registry, name: string): Promise<Found> {
  const encoded = name.split("/").map(encodeURIComponent).join("/");
  const places = [`${registry.address}/api/v2/vagrant/${encoded}`, `${registry.address}/${encoded}`];
  for (const [index, url] of places.entries()) {
    const answer = await patiently(needs, url, registry.token);
    const missing = [404, 405, 410].includes(answer.status) && index + 1 < places.length;
    // A registry of the old kind may answer the new path with a page of its own.
    const page = answer.status === 200 && /^text\/html/.test(answer.headers["content-type"] ?? "");
    if (missing || (page && index + 1 < places.length)) {
      answer.close();
      continue;
    }
    if (answer.status !== 200) {
      answer.close();
      throw refusal(answer, publicAddress(url));
    }
    return { offers: readCatalog(await wholeText(answer, url), answer.url, name), catalog: publicAddress(url) };
  }
  throw new Error("a registry has at least one path");
}

/** The catalog at an address, or undefined when a box lies there and no catalog. */
export async function fromAddress(
  needs: FetchNeeds,
  url: string,
  token: Token | undefined,
  name: string | undefined,
): Promise<Found | undefined> {
  const answer = await patiently(needs, url, token);
  try {
    if (answer.status !== 200) throw refusal(answer, publicAddress(url));
    const text = await textOrBox(answer, url);
    if (text === undefined) return undefined;
    return { offers: readCatalog(text, answer.url, name), catalog: publicAddress(url) };
  } finally {
    answer.close();
  }
}

async function patiently(needs: FetchNeeds, url: string, token: Token | undefined): Promise<Answer> {
  for (let failures = 1; ; failures++) {
    let headers: Readonly<Record<string, string>> = {};
    try {
      const answer = await ask(needs, { url, token, headers: { accept: "application/json" }, idleMs: IDLE_MS });
      if (answer.status < 400 || failures >= TRIES) return answer;
      const told = refusal(answer, publicAddress(url));
      if (!("headers" in told)) return answer;
      headers = answer.headers;
      answer.close();
    } catch (error) {
      const passing = error instanceof UserError && error.code === "unreachable" && !url.startsWith("file:");
      if (!passing || failures >= TRIES) throw error;
    }
    await pause(needs, failures, headers, () => {});
  }
}

/** Some servers pack whatever they send, also for those who ask them not to. */
function isPacked({ headers }: Answer): boolean {
  return /^(?:x-)?gzip$/i.test(headers["content-encoding"] ?? "");
}

/** Undefined for what is no gzip, or is longer than any catalog when unpacked. */
function unpacked(bytes: Buffer): string | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: CATALOG_LIMIT }).toString("utf8");
  } catch {
    return undefined;
  }
}

/** A catalog begins with a brace; a box never does. */
async function textOrBox(answer: Answer, url: string): Promise<string | undefined> {
  if (isPacked(answer)) {
    const text = unpacked(await wholeBytes(answer, url));
    return text !== undefined && /^\s*[{[]/.test(text.replace(/^\uFEFF/, "")) ? text : undefined;
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    parts.push(Buffer.from(chunk));
    size += chunk.length;
    const first = /[^\s\uFEFF]/.exec(Buffer.concat(parts.slice(0, 1)).toString("utf8"))?.[0];
    if (first !== undefined && first !== "{" && first !== "[") return undefined;
    if (size > CATALOG_LIMIT) throw tooLarge(url);
  }
  return Buffer.concat(parts).toString("utf8");
}

async function wholeText(answer: Answer, url: string): Promise<string> {
  const bytes = await wholeBytes(answer, url);
  return (isPacked(answer) ? unpacked(bytes) : undefined) ?? bytes.toString("utf8");
}

async function wholeBytes(answer: Answer, url: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body) {
      parts.push(Buffer.from(chunk));
      size += chunk.length;
      if (size > CATALOG_LIMIT) throw tooLarge(url);
    }
  } finally {
    answer.close();
  }
  return Buffer.concat(parts);
}

function tooLarge(url: string): UserError {
  return new UserError({
    code: "integrity",
    message: `${publicAddress(url)} is longer than any catalog (${CATALOG_LIMIT / 1024 / 1024} MiB).`,
    hint: "Check the address.",
  });
}
