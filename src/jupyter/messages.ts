/**
 * The messages of one execution in a kernel: the request, and reading until it is over. Works on any connection.
 * The order of messages is not promised: the reply on the shell channel and `status: idle` on iopub come in
 * either order, and messages of other parents (the server's own first questions to the kernel) come between.
 */
import { randomUUID } from "node:crypto";
import { UserError } from "../errors.ts";
import type { WebSocketConnection } from "../ports.ts";

/** What one execution gave. */
export interface Run {
  ok: boolean;
  /** Standard output and results as plain text, in their order. */
  text: string;
  /** "NameError: name 'x' is not defined" when the code raised something. */
  error?: string;
}

interface Message {
  channel?: string;
  header?: { msg_type?: string };
  msg_type?: string;
  parent_header?: { msg_id?: string };
  content?: Record<string, unknown>;
}

/** A message for the shell channel that runs this code and stores nothing in the kernel's history. */
export function executeRequest(session: string, code: string) {
  return {
    channel: "shell",
    header: {
      msg_id: randomUUID(),
      msg_type: "execute_request",
      username: "notebox",
      session,
      version: "5.3",
      date: new Date().toISOString(),
    },
    parent_header: {},
    metadata: {},
    content: {
      code,
      silent: false,
      store_history: false,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: true,
    },
    buffers: [],
  };
}

/** Collects until both the reply and `idle` are there. `left` says how many milliseconds remain. */
export async function collect(connection: WebSocketConnection, parent: string, left: () => number): Promise<Run> {
  let text = "";
  let error: string | undefined;
  let replied: boolean | undefined;
  let idle = false;
  while (replied === undefined || !idle) {
    const message = parse(await connection.receive(left()));
    const type = message?.header?.msg_type ?? message?.msg_type;
    const content = message?.content ?? {};
    // A kernel that died restarts by itself and will never answer what it was asked before.
    if (type === "status" && (content["execution_state"] === "restarting" || content["execution_state"] === "dead"))
      throw new UserError({
        code: "unreachable",
        message: "The kernel died while it ran the code.",
        hint: "Is the VM short of memory? `notebox logs jupyter` shows what Jupyter wrote.",
      });
    if (message?.parent_header?.msg_id !== parent) continue;
    if (type === "stream" && content["name"] === "stdout") text += String(content["text"] ?? "");
    else if (type === "execute_result" || type === "display_data") text += plain(content["data"]);
    else if (type === "error") error = `${String(content["ename"])}: ${String(content["evalue"])}`;
    else if (type === "execute_reply") {
      replied = content["status"] === "ok";
      if (!replied) error ??= `${String(content["ename"] ?? content["status"])}: ${String(content["evalue"] ?? "")}`;
    } else if (type === "status" && content["execution_state"] === "idle") idle = true;
  }
  return { ok: replied, text, ...(error === undefined ? {} : { error }) };
}

function plain(data: unknown): string {
  const text = (data as Record<string, unknown> | undefined)?.["text/plain"];
  return typeof text === "string" ? text : Array.isArray(text) ? text.join("") : "";
}

function parse(text: string): Message | undefined {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === "object" && data !== null ? (data as Message) : undefined;
  } catch {
    return undefined;
  }
}
