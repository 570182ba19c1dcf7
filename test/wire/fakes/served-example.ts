/**
 * An example's notebook, served by the real kernel gateway with our personality (../../gateway/start.ts), and a note of
 * each request on its way there. The note-taker passes everything on as it is, and adds or answers nothing of its own.
 */
import fs from "node:fs";
import http from "node:http";
import type net from "node:net";
import path from "node:path";
import { type Options, startOurs } from "../../gateway/start.ts";

const root = path.resolve(import.meta.dirname, "../../..");

export interface ServedExample {
  /** Where the note-taker listens; without a slash at the end. */
  url: string;
  /** "POST /activity from https://…". */
  requests: string[];
  close(): Promise<void>;
}

export async function serveExample(name: string, options: Options): Promise<ServedExample> {
  const folder = path.join(root, "examples", name, "api");
  const files = Object.fromEntries(
    fs
      .readdirSync(folder)
      .filter((file) => !file.endsWith(".ipynb"))
      .map((file) => [file, fs.readFileSync(path.join(folder, file), "utf8")]),
  );
  const notebook = fs.readFileSync(path.join(folder, `${name}.ipynb`), "utf8");
  const gateway = await startOurs(notebook, { timeout: 20, ...options, files });
  const requests: string[] = [];
  const server = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url?.replace(/\?.*/, "")} from ${request.headers.origin ?? "nobody"}`);
    const { method, headers, url } = request;
    const onward = http.request({ host: "127.0.0.1", port: gateway.port, method, headers, path: url }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await gateway.stop();
    },
  };
}
