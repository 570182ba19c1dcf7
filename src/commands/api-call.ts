/**
 * `api call`: one request to a notebook's API in the running VM. The address comes from .notebox/endpoints.json, the
 * token over SSH, so that it is in no file and no process list of this computer.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { field as fieldOf, isJson, reasonOf } from "../checks/http-answer.ts";
import { UserError } from "../errors.ts";
import { routesOf } from "../notebooks/routes.ts";
import type { Deps, HttpResponse, SshTarget } from "../ports.ts";
import { readEndpoints, requireEndpoints } from "../vagrant/machine-files.ts";
import { findVm } from "../vagrant/ssh-target.ts";
import type { KernelGatewayService, Workbench } from "../workbench/model.ts";
import { servedNotebook } from "../workbench/served-notebook.ts";

export interface ApiCallOptions {
  folder: string;
  notebook: string;
  /** "GET /path?x=1"; without a method, GET. */
  request: string;
  /** Text, or @ and the name of a file. */
  body?: string;
  /** Of the body; JSON is recognised. */
  type?: string;
}

export interface ApiCallResult {
  method: string;
  url: string;
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
  milliseconds: number;
}

const SSH_MS = 30_000;

/**
 * Throws UserError `check-failed` with the result for a status of 400 and more, `unreachable` when no answer comes,
 * `vagrant` when the VM is not running.
 */
export async function apiCall(deps: Deps, options: ApiCallOptions): Promise<ApiCallResult> {
  const { method, target } = requestOf(options.request);
  const { file, notebook, served } = await servedNotebook(options.folder, options.notebook);
  if (served === undefined) {
    throw new UserError({
      code: "invalid",
      message: `No service of a workbench serves ${file}.`,
      hint: "Name it in workbench.yaml: services: { marks: { kind: kernel-gateway, notebook: api/marks.ipynb } }.",
    });
  }
  const { workbench, service } = served;
  deps.log.open(workbench.folder);
  const endpoint = requireEndpoints(workbench.folder).services[service.name];
  if (endpoint?.url === undefined) {
    const hint = "The VM was started before this service was added: run `notebox up`.";
    throw new UserError({ code: "vagrant", message: `The running VM has no service ${service.name}.`, hint });
  }
  const body = await bodyOf(options);
  const url = `${new URL(endpoint.url).origin}/${encodeURI(target).replaceAll("%25", "%").replace(/^\/+/, "")}`;
  const token = await readToken(deps, workbench, service);
  deps.log.redact(token);
  const started = deps.clock.now();
  const answer = await deps.http.request({
    ...{ url, method, timeoutMs: service.timeoutSeconds * 1000 + 5000, direct: true, signal: deps.signal },
    headers: { authorization: `token ${token}`, ...(body === undefined ? {} : { "content-type": body.type }) },
    ...(body === undefined ? {} : { body: body.text }),
  });
  const result = { method, url, ...answer, milliseconds: Math.round(deps.clock.now() - started) };
  if (answer.status < 400) return result;
  const routes = routesOf(notebook).map((route) => `${route.method} ${route.path}`);
  throw new UserError({
    code: "check-failed",
    message: `${method} ${target} was answered with ${answer.status}${meaning(answer)}.`,
    hint:
      answer.status === 404 || answer.status === 405
        ? `The notebook's routes, in the order in which they are tried: ${routes.join(", ") || "none"}.`
        : mending(answer, service),
    result,
  });
}

function requestOf(text: string): { method: string; target: string } {
  const match = /^\s*(?:([A-Za-z]+)\s+)?(\/\S*(?:[^\n]*\S)?)\s*$/.exec(text);
  if (match) return { method: (match[1] ?? "GET").toUpperCase(), target: match[2] ?? "/" };
  throw new UserError({
    code: "usage",
    message: `“${text}” is no request.`,
    hint: "Write method and path in one word for the shell: notebox api call api/marks.ipynb 'GET /marks?course=statistics'.",
  });
}

async function bodyOf({ body, type }: ApiCallOptions): Promise<{ text: string; type: string } | undefined> {
  if (body === undefined) return undefined;
  const text = body.startsWith("@") ? await readBody(path.resolve(body.slice(1))) : body;
  // The gateway parses JSON only when the type is exactly this one, without a charset.
  return { text, type: type ?? (isJson(text) ? "application/json" : "text/plain") };
}

async function readBody(file: string): Promise<string> {
  return await fs.readFile(file, "utf8").catch((cause: unknown) => {
    throw new UserError({
      code: "usage",
      message: `${file} cannot be read.`,
      hint: "--body @FILE sends a file.",
      cause,
    });
  });
}

async function readToken(deps: Deps, workbench: Workbench, { name }: KernelGatewayService): Promise<string> {
  const session = await deps.ssh.connect(await sshTarget(deps, workbench), { timeoutMs: SSH_MS, signal: deps.signal });
  try {
    // A service's name is a-z, 0-9 and - only, so it is safe in a command.
    const end = await session.exec(`sudo -n cat /var/lib/notebox/tokens/${name}`, { timeoutMs: SSH_MS });
    const token = end.stdout.trim();
    if (end.code === 0 && /^[!-~]+$/.test(token)) return token;
    const hint = "`notebox verify` finds out why; `notebox up` provisions the VM again.";
    throw new UserError({ code: "check-failed", message: `The VM has no token for the service ${name}.`, hint });
  } finally {
    await session.close();
  }
}

async function sshTarget(deps: Deps, { folder }: Workbench): Promise<SshTarget> {
  const known = readEndpoints(folder)?.ssh ?? (await findVm(deps, folder)).ssh;
  if (known !== undefined) return known;
  const hint = "`notebox down`, then `notebox up` starts the VM afresh.";
  throw new UserError({ code: "unreachable", message: "It is not known how the VM is reached over SSH.", hint });
}

/** What the gateway says in JSON of its own errors; of a cell's own error the text is the answer's body itself. */
function meaning({ status, body }: HttpResponse): string {
  const words: Readonly<Record<number, string>> = {
    401: "the token is not accepted",
    405: "that path has no such method",
  };
  const told = words[status];
  if (told !== undefined) return ` (${told})`;
  if (status < 500) return "";
  const reason = reasonOf({ body });
  if (fieldOf(body, "fault") !== undefined) return `: ${reason.replace(/\.$/, "")}`;
  return reason === "" ? "" : `: the cell failed: ${reason.replace(/^Error /, "").trim()}`;
}

/** The mending that a request's own failure asks for. */
function mending({ status, body }: HttpResponse, service: KernelGatewayService): string {
  const logs = `\`notebox logs ${service.name}\` shows what the service wrote.`;
  const hints: Readonly<Record<string, string>> = {
    timeout: `Make the cell faster, or give the service a larger timeout in workbench.yaml (it is ${service.timeoutSeconds} s).`,
    busy: "Ask again, or give the service more kernels in workbench.yaml.",
    starting: "Ask again in a moment.",
    changed: "Ask again in a moment.",
    stopping: "Ask again in a moment.",
    "response-info": 'Its ResponseInfo cell must print one JSON object, such as {"status": 200, "headers": {}}.',
    input: "Nobody can answer input() in an API: what the caller has to say stands in REQUEST.",
  };
  const hint = hints[fieldOf(body, "fault") ?? ""];
  if (hint !== undefined) return hint;
  return status >= 500 ? `Run the cell in Jupyter with this request; ${logs}` : logs;
}
