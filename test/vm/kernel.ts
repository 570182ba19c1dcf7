/**
 * Runs Python in a kernel of the workbench's Jupyter, the way a notebook does: over the forwarded port with the
 * token (Jupyter's REST API and its messaging protocol 5.3). What is run is left to the trials.
 */
import { randomUUID } from "node:crypto";
import WebSocket from "ws";
import { executeRequest } from "../../src/jupyter/messages.ts";
import { readEndpoints } from "./guest.ts";
import type { Lab } from "./lab.ts";
import { readTokens } from "./secrets.ts";

const SECONDS = 180;

interface Message {
  msg_type: string;
  parent_header: { msg_id?: string };
  content: { text?: string; status?: string; ename?: string; evalue?: string };
}

/** Returns what the code printed. Throws when it raised. */
export async function inKernel(lab: Lab, code: string): Promise<string> {
  const { services } = readEndpoints(lab.workbench);
  const [name, service] = Object.entries(services).find(([, { kind }]) => kind === "jupyter") ?? [];
  if (name === undefined || service === undefined) throw new Error("the endpoints name no Jupyter");
  const headers = { Authorization: `token ${(await readTokens(lab))[name]}`, "Content-Type": "application/json" };
  const base = new URL("api/kernels", service.url);
  const made = await fetch(base, { method: "POST", headers, body: JSON.stringify({ name: "python3" }) });
  if (!made.ok) throw new Error(`Jupyter makes no kernel: ${made.status} ${await made.text()}`);
  const { id } = (await made.json()) as { id: string };
  try {
    return await execute(new URL(`${base.pathname}/${id}/channels`, base), headers, code);
  } finally {
    await fetch(new URL(`${base.pathname}/${id}`, base), { method: "DELETE", headers });
  }
}

function execute(url: URL, headers: Record<string, string>, code: string): Promise<string> {
  url.protocol = "ws:";
  const request = executeRequest(randomUUID(), code);
  const id = request.header.msg_id;
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers });
    let printed = "";
    const timer = setTimeout(() => socket.terminate(), SECONDS * 1000);
    socket.on("open", () => socket.send(JSON.stringify(request)));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`the kernel did not answer in ${SECONDS} s; it printed: ${printed}`)));
    socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.parent_header.msg_id !== id) return;
      if (message.msg_type === "stream") printed += message.content.text ?? "";
      if (message.msg_type !== "execute_reply") return;
      clearTimeout(timer);
      // What was printed may arrive after the reply, on another channel.
      setTimeout(() => {
        socket.removeAllListeners("close");
        socket.close();
        if (message.content.status === "ok") resolve(printed);
        else reject(new Error(`the kernel raised ${message.content.ename}: ${message.content.evalue}`));
      }, 1000);
    });
  });
}
