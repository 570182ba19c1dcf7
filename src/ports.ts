/**
 * Everything slow, remote or human, as interfaces on one page. src/adapters/ implements them with
 * one third-party package each; files are not here, because tests use real files in temporary folders.
 */

import type { FileHandle } from "node:fs/promises";

export interface RunOptions {
  cwd?: string;
  /** Added to the environment that notebox itself was started with; undefined removes a variable. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Text for standard input; without it standard input is empty. */
  input?: string;
  /** Called for each line as it arrives. */
  onLine?: (line: string, stream: "stdout" | "stderr") => void;
  /** Called once, as soon as the child runs. */
  onStart?: (process: ProcessIdentity) => void;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** The child uses notebox's own terminal (an interactive `ssh`, `sudo`); nothing is captured. */
  terminal?: boolean;
}

export interface RunResult {
  /** null when a signal ended the child. */
  exitCode: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

export interface Processes {
  /**
   * Runs a program without a shell and resolves whatever its exit code is.
   * Throws UserError `missing-program` when there is no such program, `interrupted` when the signal fires
   * (the child is asked to end first and has the time to do so).
   */
  run(file: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Absolute path of a program on PATH, or undefined. */
  which(name: string): Promise<string | undefined>;
  /** A process id, and a word that differs once the number belongs to another process. */
  self(): ProcessIdentity;
  /** Whether exactly that process still runs. */
  isAlive(process: ProcessIdentity): boolean;
  /** Asks a program that another notebox started, and what it started, to end; by force when the time is up. */
  end(process: ProcessIdentity, options: { graceMs: number; signal?: AbortSignal }): Promise<void>;
}

export interface ProcessIdentity {
  pid: number;
  /** When it started, as this system counts; empty where that cannot be known. */
  started: string;
}

export interface SshTarget {
  host: string;
  port: number;
  username: string;
  privateKeyPath: string;
}

export interface SshSession {
  /** Runs a command; resolves whatever its exit code is. `input` goes to its standard input. */
  exec(
    command: string,
    options?: { input?: string; timeoutMs?: number },
  ): Promise<{ code: number; stdout: string; stderr: string }>;
  /**
   * Runs a command whose output or input is too long for memory. `output` must be read to its end, or broken off, which
   * ends the connection. The connection counts as lost when so long nothing goes either way.
   */
  stream(command: string, options: { input?: AsyncIterable<Uint8Array>; idleMs: number }): SshStream;
  close(): Promise<void>;
}

export interface SshStream {
  /** Throws UserError `unreachable`, `interrupted`, and whatever `input` throws. */
  output: AsyncIterable<Buffer>;
  /** After the output's end; the last of what the command complained about. */
  ended(): { code: number; stderr: string };
}

export interface Ssh {
  /** Throws UserError `unreachable`. */
  connect(target: SshTarget, options: { timeoutMs: number; signal?: AbortSignal }): Promise<SshSession>;
}

export interface HttpRequest {
  url: string;
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** For the whole exchange. */
  timeoutMs: number;
  /** Never through a proxy, whatever the proxy variables say. This computer's loopback never is. */
  direct?: boolean;
  signal?: AbortSignal;
}

export interface HttpResponse {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

export interface Http {
  /** Resolves with any status, follows no redirect; throws UserError `unreachable` when no answer comes. */
  request(request: HttpRequest): Promise<HttpResponse>;
}

export interface DownloadRequest {
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** The connection counts as dead when nothing arrives for so long. */
  idleMs: number;
  signal?: AbortSignal;
}

export interface Download {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /**
   * The bytes as they are sent, never unpacked; a piece's memory may be used again as soon as the next one is asked
   * for. Throws UserError `unreachable` when they stop before their end.
   */
  body: AsyncIterable<Uint8Array>;
  /** Ends the connection; harmless when it has ended. */
  close(): void;
}

export interface Downloads {
  /** One GET: resolves with any status, follows no redirect; throws UserError `unreachable` when no answer comes. */
  open(request: DownloadRequest): Promise<Download>;
}

/** Hashes of one stream of bytes, made beside the main thread. */
export interface HashThread {
  /**
   * Bytes in shared memory (SharedArrayBuffer); they must stay as they are until the promise is fulfilled. Calls are
   * served in their order.
   */
  update(bytes: Uint8Array): Promise<void>;
  /** In lower-case hex, by type; once, at the end. */
  digest(): Promise<Readonly<Record<string, string>>>;
  stop(): void;
}

export interface HashThreads {
  /** `types` are Node's names: sha1, md5. */
  start(types: readonly string[]): HashThread;
}

/** A request as it came in: nothing of it is decoded or checked yet. */
export interface ServedRequest {
  method: string;
  /** Path and query, percent-encoded. */
  target: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  /** Where the client reached this server, for clients that send no Host: 127.0.0.1:8480. */
  reachedAt: string;
}

export interface ServedAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** A part of an open file is streamed, and the file closed whatever happens. `length` is in bytes. */
  body?: string | { file: FileHandle; start: number; length: number };
}

/** One request that has been answered, or broken off by its client. */
export interface Served {
  client: string;
  request: ServedRequest;
  status: number;
  /** Bytes of the body that were handed to the network. */
  bytes: number;
  complete: boolean;
  ms: number;
}

export interface HttpServer {
  port: number;
  /** How many requests are being answered now. */
  busy(): number;
  /** Takes no further connections and waits for the answers under way, at most so long; then cuts them off. */
  close(graceMs: number): Promise<void>;
}

export interface HttpServers {
  /** Port 0 is any free one. Throws UserError `busy` (the port is taken), `refused`, `usage` (no such address). */
  listen(options: {
    host: string;
    port: number;
    answer: (request: ServedRequest) => Promise<ServedAnswer>;
    served?: (what: Served) => void;
  }): Promise<HttpServer>;
}

export interface WebSocketConnection {
  send(text: string): void;
  /** Resolves with the next text message; throws UserError `unreachable` when the connection ends or time runs out. */
  receive(timeoutMs: number): Promise<string>;
  close(): void;
}

export interface WebSockets {
  connect(
    url: string,
    options: { headers: Readonly<Record<string, string>>; timeoutMs: number; signal?: AbortSignal },
  ): Promise<WebSocketConnection>;
}

export interface Prompts {
  /** False when nobody can answer (no terminal, --json, --yes): then nothing may be asked. */
  readonly interactive: boolean;
  /** Throws UserError `interrupted` when the person cancels. */
  confirm(question: { message: string; initial: boolean }): Promise<boolean>;
  text(question: {
    message: string;
    initial?: string;
    validate?: (value: string) => string | undefined;
  }): Promise<string>;
  select(question: {
    message: string;
    options: readonly { value: string; label: string; hint?: string }[];
  }): Promise<string>;
}

/** What a long command is doing. Steps may run side by side; ids are unique within a run. */
export type ProgressEvent =
  | { type: "step-start"; id: string; title: string }
  | { type: "step-note"; id: string; note: string }
  | { type: "step-bytes"; id: string; done: number; total?: number }
  | { type: "step-done"; id: string; note?: string }
  | { type: "step-skipped"; id: string; title: string; note: string }
  | { type: "step-failed"; id: string; lastLines?: readonly string[] }
  | { type: "say"; level: "info" | "warning"; text: string };

export interface Reporter {
  emit(event: ProgressEvent): void;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with UserError `interrupted` when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The log of one run: one JSON object a line, secrets and the home folder's name redacted. */
export interface RunLog {
  /** undefined while no file has been opened (nothing to log, or the folder cannot be written). */
  readonly path: string | undefined;
  /** Opens `.notebox/logs/<time>-<command>.jsonl` in that folder; later records go there. */
  open(folder: string): void;
  write(kind: string, data: Readonly<Record<string, unknown>>): void;
  /** From now on this text never reaches the log. */
  redact(secret: string): void;
}

/** What a command is given beside its options. */
export interface Deps {
  processes: Processes;
  ssh: Ssh;
  http: Http;
  downloads: Downloads;
  hashThreads: HashThreads;
  servers: HttpServers;
  webSockets: WebSockets;
  prompts: Prompts;
  reporter: Reporter;
  clock: Clock;
  log: RunLog;
  /** Fires at Ctrl-C and SIGTERM. */
  signal: AbortSignal;
  env: Readonly<Record<string, string | undefined>>;
  platform: NodeJS.Platform;
  /** Node's name: x64, arm64. */
  arch: string;
  homeDir: string;
  /** Absolute folder that holds templates/, provision/, boxes/, examples/ and schema/. */
  assets: string;
  /** notebox's own version. */
  version: string;
}
