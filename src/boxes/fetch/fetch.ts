/**
 * One question to a server or a file of this computer, redirects followed: who is shown the token, how far a redirect
 * may lead. Trying again and going on after a break is download.ts's.
 */
import fs from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { systemErrorCode, UserError } from "../../errors.ts";
import type { Clock, Download, Downloads, HashThreads } from "../../ports.ts";
import { publicAddress } from "./address.ts";
import { LONGEST_WAIT, waitFor } from "./back-off.ts";

export interface FetchNeeds {
  downloads: Downloads;
  hashThreads?: HashThreads;
  clock: Clock;
  signal: AbortSignal;
}

/** A registry's token: it goes to that registry and to nobody else, wherever a redirect leads. */
export interface Token {
  value: string;
  /** Scheme, host and port. */
  origin: string;
  /** In the query instead of a header, for registries that know nothing else. */
  byUrl: boolean;
}

export interface Question {
  url: string;
  headers?: Readonly<Record<string, string>>;
  token?: Token | undefined;
  /** A redirect may lead from https to http, because a checksum will tell whether the bytes are right. */
  mayLeaveTls?: boolean;
  idleMs: number;
}

export interface Answer extends Download {
  /** Where the bytes came from in the end. */
  url: string;
  /** The addresses on the way, the first one left out; fit to be kept. */
  redirects: string[];
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** As many as Vagrant's curl follows. */
const LONGEST_CHAIN = 10;

/** Throws UserError `unreachable`, `integrity` (a redirect that leads nowhere good), `interrupted`. */
export async function ask(needs: FetchNeeds, question: Question): Promise<Answer> {
  if (question.url.startsWith("file:")) return await readLocal(question);
  const redirects: string[] = [];
  let url = new URL(question.url);
  for (;;) {
    const answer = await needs.downloads.open({
      ...withToken(url, question),
      idleMs: question.idleMs,
      signal: needs.signal,
    });
    const location = answer.headers["location"];
    if (!REDIRECTS.has(answer.status) || location === undefined)
      return { ...answer, url: url.href, redirects, close: () => answer.close() };
    answer.close();
    url = next(url, location, question, redirects.length);
    redirects.push(publicAddress(url.href));
  }
}

function withToken(url: URL, { token, headers }: Question) {
  if (token === undefined || token.origin !== url.origin) return { url: url.href, headers: { ...headers } };
  if (!token.byUrl) return { url: url.href, headers: { ...headers, authorization: `Bearer ${token.value}` } };
  const withQuery = new URL(url);
  withQuery.searchParams.set("access_token", token.value);
  return { url: withQuery.href, headers: { ...headers } };
}

function next(from: URL, location: string, question: Question, count: number): URL {
  const refuse = (why: string): UserError =>
    new UserError({
      code: "integrity",
      message: `${publicAddress(question.url)} leads ${why}.`,
      hint: "Ask whoever keeps that server; nothing was fetched from there.",
    });
  if (count >= LONGEST_CHAIN) throw refuse(`from one address to the next, more than ${LONGEST_CHAIN} times`);
  if (!URL.canParse(location, from.href)) throw refuse("to something that is no address");
  const to = new URL(location, from);
  if (to.protocol !== "http:" && to.protocol !== "https:") throw refuse(`to ${to.protocol}, which is no web address`);
  if (from.protocol === "https:" && to.protocol === "http:" && !question.mayLeaveTls)
    throw refuse(`from https to plain http (${publicAddress(to.href)}), where anybody on the way can change a box`);
  // A redirect to another server must not take the first one's password along.
  if (to.origin !== from.origin && to.username === from.username && to.password === from.password) {
    to.username = "";
    to.password = "";
  }
  return to;
}

const RANGE = /^bytes=(\d+)-$/;

/** A file answers as a web server would: its time and size stand for an ETag. */
async function readLocal({ url, headers = {} }: Question): Promise<Answer> {
  const file = fileURLToPath(url);
  let handle: fs.FileHandle;
  try {
    handle = await fs.open(file, "r");
    if (!(await handle.stat()).isFile()) {
      await handle.close();
      throw Object.assign(new Error("not a file"), { code: "EISDIR" });
    }
  } catch (error) {
    const code = systemErrorCode(error);
    const why = code === "ENOENT" ? "is not there" : code === "EACCES" ? "may not be read by you" : "cannot be read";
    throw new UserError({
      code: "unreachable",
      message: `${file} ${why}.`,
      hint: "Check the path, and that its disk or share is mounted.",
      cause: error,
    });
  }
  const { size, mtimeMs, ino } = await handle.stat();
  const etag = `"${size}-${mtimeMs}-${ino}"`;
  const from = Number(RANGE.exec(headers["range"] ?? "")?.[1] ?? 0);
  const start = headers["if-range"] === undefined || headers["if-range"] === etag ? from : 0;
  const partial = start > 0 && start < size;
  return {
    status: start > 0 && start >= size ? 416 : partial ? 206 : 200,
    headers: {
      etag,
      "content-length": String(Math.max(0, size - start)),
      ...(partial ? { "content-range": `bytes ${start}-${size - 1}/${size}` } : {}),
      ...(start > 0 && start >= size ? { "content-range": `bytes */${size}` } : {}),
    },
    body: handle.createReadStream({ start, highWaterMark: 1024 * 1024 }),
    close: () => void handle.close().catch(() => {}),
    url,
    redirects: [],
  };
}

/** Waits as the back-off says. Throws `unreachable` when the server asks for more patience than a command has. */
export async function pause(
  needs: FetchNeeds,
  failures: number,
  headers: Readonly<Record<string, string>>,
  say: (ms: number) => void,
): Promise<void> {
  const ms = waitFor(failures, headers, needs.clock.now(), Math.random());
  if (ms > LONGEST_WAIT)
    throw new UserError({
      code: "unreachable",
      message: `The server asks to be left alone for ${Math.ceil(ms / 60_000)} minutes: it was asked too often from here.`,
      hint: `Run the same command again after ${new Date(needs.clock.now() + ms).toISOString().slice(0, 16)} UTC; what was fetched is kept.`,
    });
  say(ms);
  await needs.clock.sleep(ms, needs.signal);
}
