/** The service `openrefine`: OpenRefine in the browser, behind a door that asks for the token. */
import { z } from "zod";
import { type Answer, failed, passed } from "../../checks/check.ts";
import { ask, behindDoor, doorChecks, pastDoor } from "../../checks/door-checks.ts";
import { field, object, told } from "../../checks/http-answer.ts";
import type { KindChecks, ServiceContext } from "../../checks/kind-checks.ts";
import type { Complaint } from "../../workbench/units.ts";
import { checkedText, memory, port } from "../../workbench/values.ts";
import { type AnyService, defineKind } from "../kind.ts";

export interface OpenRefineService extends AnyService {
  kind: "openrefine";
  port: number;
  /** Its heap, MiB. */
  memoryMiB: number;
  /** A release of OpenRefine, in place of the distribution's package. */
  source?: { url: string; sha256: string };
}

const RANGE = "between 256 MiB and 64 GiB";
const PATIENCE_MS = 60_000;

const source = z
  .strictObject({
    url: checkedText(urlComplaint, {
      description: "Address of OpenRefine's archive for Linux, as the VM reaches it.",
      examples: ["https://boxes.example.edu/openrefine-linux-3.9.5.tar.gz"],
      maxLength: 300,
    }),
    sha256: checkedText(hashComplaint, {
      description: "SHA-256 of that archive.",
      pattern: "^[0-9a-f]{64}$",
    }),
  })
  .meta({ description: "A release of OpenRefine, in place of the distribution's package." });

export const kind = defineKind({
  kind: "openrefine",
  description: "OpenRefine, to clean and reconcile data in the browser.",
  options: {
    port: port.default(3333),
    memory: memory(
      256,
      64 * 1024,
      RANGE,
      `What OpenRefine's projects may take together (Java's heap), ${RANGE}.`,
    ).prefault("1 GiB"),
    source: source.optional(),
  },
  single: true,
  // Measured: 177 MiB before the first project, of which 64 MiB heap; the door takes 30.
  memoryMiB: ({ memoryMiB }: OpenRefineService) => memoryMiB + 150,
  resolve: (name, options): OpenRefineService => ({
    ...{ kind: "openrefine", name },
    ...{ port: options.port, memoryMiB: options.memory },
    ...(options.source === undefined ? {} : { source: options.source }),
  }),
  packages: ({ source }) => ({ apt: [source === undefined ? "openrefine" : "default-jre-headless"] }),
  data: ({ name, kind, port, memoryMiB, source }) => ({ name, kind, port, memory: memoryMiB, source }),
  page: () => ({ title: "OpenRefine", address: "?token={token}", order: 60 }),
  checks,
});

function urlComplaint(value: string): Complaint | undefined {
  const plain = /^https?:\/\/[A-Za-z0-9.-]+(?::\d+)?\/[A-Za-z0-9._~%/+-]*\.t(?:ar\.)?gz$/;
  if (value.length <= 300 && plain.test(value)) return undefined;
  return {
    message: "is not the address of a .tar.gz",
    hint: "Write it like https://boxes.example.edu/openrefine-linux-3.9.5.tar.gz.",
  };
}

function hashComplaint(value: string): Complaint | undefined {
  if (/^[0-9a-f]{64}$/.test(value)) return undefined;
  return { message: "is not a SHA-256", hint: "It has 64 digits, 0-9 and a-f: `sha256sum FILE` prints it." };
}

function checks(context: ServiceContext<OpenRefineService>): KindChecks {
  const { name } = context.service;
  return {
    checks: [
      ...doorChecks(context, "command/core/get-version"),
      {
        id: `project.${name}`,
        title: "A project is made in OpenRefine and deleted",
        ...behindDoor(context),
        costly: true,
        ask: async () => await projectTrial(context),
      },
    ],
    after: [pastDoor(context)],
  };
}

/** Two rows go in, are counted and go again. The commands are those of OpenRefine's own pages (docs: technical reference). */
async function projectTrial(context: ServiceContext<OpenRefineService>): Promise<Answer> {
  const version = field((await ask(context, "command/core/get-version")).body, "version");
  const csrf = field((await ask(context, "command/core/get-csrf-token")).body, "token");
  const bad = (what: string, seen: string): Answer =>
    failed(
      `${what}: ${seen}`,
      "a project with two rows, then none",
      "Is the VM's disk full, or OpenRefine's memory too small for its projects (`memory:` in workbench.yaml)? `notebox logs` shows what it wrote.",
    );
  if (version === undefined || csrf === undefined)
    return bad("it answers, but not as OpenRefine", "no version or no token for forms");
  const made = await send(context, `command/core/create-project-from-upload?csrf_token=${csrf}`, upload());
  const project = /project=(\d+)/.exec(made.headers["location"] ?? "")?.[1];
  if (project === undefined) return bad("no project was made", told(made));
  try {
    const rows = await ask(context, `command/core/get-rows?project=${project}&limit=0`);
    const total = object(rows.body)?.["total"];
    if (total !== 2) return bad("the project does not hold what was sent", `${String(total ?? told(rows))} rows`);
  } finally {
    await deleteProject(context, project, csrf);
  }
  const left = await ask(context, "command/core/get-all-project-metadata");
  if (left.body.includes(`"${project}"`))
    return bad("the project was not deleted", `project ${project} is still there`);
  return passed(`OpenRefine ${version}: project ${project} with 2 rows was made and deleted`);
}

async function deleteProject(context: ServiceContext<OpenRefineService>, project: string, csrf: string): Promise<void> {
  const body = new URLSearchParams({ project, csrf_token: csrf }).toString();
  await send(context, "command/core/delete-project", { type: "application/x-www-form-urlencoded", body });
}

function upload(): { type: string; body: string } {
  const boundary = "notebox-verify-7f3a";
  const part = (head: string, text: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`;
  const file = `name="project-file"; filename="notebox-verify.csv"\r\nContent-Type: text/csv`;
  const parts = [
    part('name="project-name"', "notebox verify"),
    part('name="format"', "text/line-based/*sv"),
    part(file, "a,b\n1,2\n3,4\n"),
  ];
  return { type: `multipart/form-data; boundary=${boundary}`, body: `${parts.join("")}--${boundary}--\r\n` };
}

async function send(
  { deps, url, token }: ServiceContext<OpenRefineService>,
  path: string,
  { type, body }: { type: string; body: string },
) {
  return await deps.http.request({
    url: new URL(path, url()).href,
    method: "POST",
    headers: { authorization: `token ${token()}`, "content-type": type },
    body,
    timeoutMs: PATIENCE_MS,
    signal: deps.signal,
  });
}
