/**
 * What somebody makes with the services of a workbench: a row in PostgreSQL, a project in OpenRefine, a notebook and a
 * file on the desktop. Made as people make them: through the services' own doors, as the account of the notebooks.
 */
import { inGuest, readEndpoints } from "./guest.ts";
import type { Lab } from "./lab.ts";
import { readTokens } from "./secrets.ts";
import { expect } from "./trials.ts";

const HOME = "/home/notebox";
const PROJECT = "Marks of the trial";
const CELL = "print('kept')";
const NOTEBOOK = JSON.stringify({
  cells: [{ cell_type: "code", id: "kept", metadata: {}, source: CELL, outputs: [], execution_count: null }],
  metadata: {},
  nbformat: 4,
  nbformat_minor: 5,
});
const ANSWER_MS = 120_000;

/** The workbench has the services postgres, openrefine and desktop, and the table `marks`. */
export async function makeWork(lab: Lab): Promise<void> {
  await inGuest(lab.workbench, sql("INSERT INTO marks VALUES ('Ada', 1)"));
  await inGuest(lab.workbench, asAccount(`mkdir -p ~/Desktop; echo drawn >~/Desktop/drawing.txt`));
  await inGuest(lab.workbench, asAccount(`cat >~/own.ipynb <<'END'\n${NOTEBOOK}\nEND`));
  await makeProject(lab);
}

/** Throws unless all of it is there, and in one piece. */
export async function expectWork(lab: Lab, when: string): Promise<void> {
  const row = await inGuest(lab.workbench, sql("SELECT mark FROM marks WHERE who = 'Ada'"));
  expect(row === "1", `the row is ${JSON.stringify(row)} ${when}`);
  const drawing = await inGuest(lab.workbench, asAccount("cat ~/Desktop/drawing.txt || true"));
  expect(drawing === "drawn", `the file on the desktop holds ${JSON.stringify(drawing)} ${when}`);
  const notebook = await inGuest(lab.workbench, asAccount("cat ~/own.ipynb || true"));
  expect(notebook === NOTEBOOK, `the notebook holds ${JSON.stringify(notebook)} ${when}`);
  const cells = await projectCells(lab);
  expect(cells === "Ada,Grace", `the project in OpenRefine holds ${JSON.stringify(cells)} ${when}`);
}

/** By the upload of a CSV, as its first page does. */
async function makeProject(lab: Lab): Promise<void> {
  const form = new FormData();
  form.set("project-name", PROJECT);
  form.set("format", "text/line-based/*sv");
  form.set("options", JSON.stringify({ separator: ",", headerLines: 1 }));
  form.set("project-file", new Blob(["who,mark\nAda,1\nGrace,2\n"], { type: "text/csv" }), "marks.csv");
  const { token } = (await openRefine(lab, "command/core/get-csrf-token").then((answer) => answer.json())) as {
    token: string;
  };
  const query = new URLSearchParams({ csrf_token: token });
  await openRefine(lab, `command/core/create-project-from-upload?${query}`, { method: "POST", body: form });
  expect((await projectCells(lab)) === "Ada,Grace", "OpenRefine did not make a project of the CSV");
}

/** The first column's cells; undefined where there is no such project. */
async function projectCells(lab: Lab): Promise<string | undefined> {
  const all = await openRefine(lab, "command/core/get-all-project-metadata").then((answer) => answer.json());
  const { projects } = all as { projects: Record<string, { name: string }> };
  const id = Object.keys(projects).find((one) => projects[one]?.name === PROJECT);
  if (id === undefined) return undefined;
  const query = new URLSearchParams({ project: id, start: "0", limit: "10" });
  const body = new URLSearchParams({ engine: JSON.stringify({ facets: [], mode: "row-based" }) });
  const rows = await openRefine(lab, `command/core/get-rows?${query}`, { method: "POST", body });
  const told = (await rows.json()) as { rows: { cells: { v: unknown }[] }[] };
  return told.rows.map(({ cells }) => String(cells[0]?.v)).join(",");
}

async function openRefine(lab: Lab, path: string, request: RequestInit = {}): Promise<Response> {
  const url = readEndpoints(lab.workbench).services["openrefine"]?.url;
  expect(url !== undefined, "the endpoints do not name openrefine");
  const headers = { Authorization: `token ${(await readTokens(lab))["openrefine"] ?? ""}` };
  const signal = AbortSignal.timeout(ANSWER_MS);
  const answer = await fetch(new URL(path, url), { ...request, headers, signal });
  expect(answer.ok, `OpenRefine answers ${path.split("?")[0]} with ${answer.status}`);
  return answer;
}

const asAccount = (script: string): string => `runuser -u notebox -- env HOME=${HOME} bash <<'WORK'\n${script}\nWORK`;

/** Asked as a notebook asks: over TCP, with the password that was made in the VM. */
function sql(statement: string): string {
  const password = "$(</var/lib/notebox/tokens/postgres)";
  return `PGPASSWORD=${password} psql -h 127.0.0.1 -U workbench -d workbench -Atqc "${statement}"`;
}
