/**
 * What makes a kernel gateway hang or lie, provoked in a running VM: requests end in time, the next one works, and
 * `verify` names fault, cell and mending. The gateway as it comes fails the same script: see gateway-trials.ts.
 */

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import {
  ask,
  endpointOf,
  FRESH_KERNEL_SECONDS,
  notebookOf,
  original,
  SERVICE,
  serve,
  UNIT,
  verifyFinds,
  words,
} from "./api-notebooks.ts";
import { inGuest } from "./guest.ts";
import { type Lab, mustNotebox, TIMEOUT_SECONDS } from "./lab.ts";
import { checkout } from "./places.ts";
import { sleep } from "./programs.ts";
import { verified } from "./steps.ts";
import { expect } from "./trials.ts";

type Faults = typeof import("../gateway/faults.mjs");

/** Not bundled with the tier: people run it by itself, too. */
const faults = async (): Promise<Faults> =>
  (await import(pathToFileURL(path.join(checkout, "test", "gateway", "faults.mjs")).href)) as Faults;

/** Puts the lab's own notebook back, whatever came of the work. */
async function withNotebook<T>(lab: Lab, work: () => Promise<T>): Promise<T> {
  const before = original(lab);
  try {
    return await work();
  } finally {
    await serve(lab, before);
  }
}

// The route, and what verify has to say of it: the kind of fault, the cell, and the mending.
const TOLD: readonly [route: string, what: RegExp][] = [
  ["GET /sleep", /\(cell 3\) hangs: 504 .*\(cell 3\).*[\s\S]*Run cell 3 of api\/hello\.ipynb in Jupyter/],
  ["GET /exit", /\(cell 5\) fails: 500 The kernel died.* – Something in cell 5 of .* ends its own kernel/],
  ["GET /kill", /\(cell 6\) fails: 500 The kernel died.* – Something in cell 6 of .* ends its own kernel/],
  ["GET /exit-info", /\(cell 7\) fails: 500 The kernel died.* – Something in cells 7 and 8 of/],
  ["GET /input", /\(cell 9\) fails: 500 .*asked for input.* – Take input\(\) out of cell 9 of/],
  ["GET /not-json", /\(cell 10\) fails: 500 .*ResponseInfo.* – Mend the ResponseInfo cell 11 of/],
  ["GET /two-infos", /\(cell 12\) fails: 500 .*ResponseInfo.* – Mend the ResponseInfo cells 13 and 14/],
  ["GET /error", /\(cell 16\) fails: 500 Error ZeroDivisionError.* – Run cell 16 of/],
  ["GET /wrong", /\(cell 17\) answers wrongly: 200 .*not JSON.* – Print one json\.dumps\(…\) in cell 17 of/],
];

/** The script's own notebook, and two faults that are the notebook's alone. */
async function faultyNotebook(): Promise<string> {
  const { NOTEBOOK } = await faults();
  const notebook = JSON.parse(fs.readFileSync(NOTEBOOK, "utf8")) as { cells: object[] };
  const more = [
    "# GET /error\n1 / 0",
    "# GET /wrong\nprint({'a': 1})",
    "# ResponseInfo GET /wrong\nprint(json.dumps({'headers': {'Content-Type': 'application/json'}}))",
  ];
  const cells = (JSON.parse(notebookOf(more)) as { cells: object[] }).cells;
  cells.forEach((cell, index) => {
    Object.assign(cell, { id: `more${index}` });
  });
  notebook.cells.push(...cells);
  return JSON.stringify(notebook);
}

/** Every fault of a request: in time, and the next request works. Then verify names each. */
export async function requestsNeverHang(lab: Lab): Promise<string> {
  return await withNotebook(lab, async () => {
    await serve(lab, await faultyNotebook());
    const { provokeFaults } = await faults();
    const at = await endpointOf(lab);
    const results = await provokeFaults({
      ...{ ...at, timeoutSeconds: TIMEOUT_SECONDS, nextSeconds: FRESH_KERNEL_SECONDS },
      onResult: ({ name, passed, seen, nextSeconds }) =>
        console.log(`     ${passed ? "stood" : "FAILED"} ${name}: ${seen}; the next after ${nextSeconds.toFixed(1)} s`),
    });
    const failed = results.filter(({ passed }) => !passed).map(({ name, seen }) => `${name}: ${seen}`);
    expect(failed.length === 0, failed.join("; "));
    expect(results.length >= 9, `only ${results.length} faults were provoked`);
    const { causes, check } = await verifyFinds(lab);
    expect(causes.includes(`routes.${SERVICE}`), `verify names ${causes.join(", ")}`);
    const routes = check(`routes.${SERVICE}`);
    const lines = routes.details ?? [];
    for (const [route, what] of TOLD) {
      const line = lines.find((each) => each.startsWith(`${route} (`)) ?? "";
      // The first fault's mending stands above the list.
      const said = routes.seen?.startsWith(`${route} (`) ? `${line}\n${routes.hint}` : line;
      expect(what.test(said), `verify says of ${route}: ${said || lines.join("\n")}`);
    }
    const next = Math.max(...results.map(({ nextSeconds }) => nextSeconds));
    return `${results.length} faults stood, the next request after ${next.toFixed(1)} s at most; verify names ${TOLD.length} with cell and mending`;
  });
}

/** A notebook that fails at the start: the service ends with a line, nothing hangs, and it comes up once it is mended. */
export async function failingSeedIsNamed(lab: Lab): Promise<string> {
  return await withNotebook(lab, async () => {
    const text = notebookOf(["import json", "raise ValueError('no marks')", "# GET /hello\nprint('hello')"]);
    const own = await serve(lab, text);
    expect(own.problem?.cell === 1, `the service says ${JSON.stringify(own)}`);
    const kept = await ask(await endpointOf(lab), "GET /hello", 10);
    expect(kept.status === 200, `the earlier notebook is not served on: ${kept.status} ${kept.body}`);
    const before = await verifyFinds(lab);
    const served = words(before.check(`served.${SERVICE}`));
    expect(/cell 1 of api\/hello\.ipynb fails at the start: ValueError: no marks[\s\S]*Mend it/.test(served), served);
    // Now it starts with that notebook, and with no earlier one.
    await inGuest(lab.workbench, `systemctl restart --no-block ${UNIT}`);
    await restartedByItself(lab);
    const asked = await ask(await endpointOf(lab), "GET /hello", TIMEOUT_SECONDS + 2);
    expect(asked.status !== 200 && asked.seconds < TIMEOUT_SECONDS + 2, `a request took ${asked.seconds} s`);
    const { causes, check } = await verifyFinds(lab);
    expect(causes[0] === `service.${SERVICE}`, `verify names ${causes.join(", ")}`);
    const said = check(`service.${SERVICE}`);
    expect(/^cell 1 of .*ValueError: no marks/.test(said.seen ?? ""), `verify says ${said.seen}`);
    expect(/^Mend cell 1 in Jupyter/.test(said.hint ?? ""), `verify says to do: ${said.hint}`);
    const { services } = (await mustNotebox(lab, ["logs", SERVICE])) as { services: { lines: string[] }[] };
    const line = services[0]?.lines.find((each) => /notebox: hello: cell 1 of .*ValueError: no marks/.test(each));
    expect(line !== undefined, `logs says ${services[0]?.lines.slice(-5).join("; ")}`);
    const began = performance.now();
    await serve(lab, notebookOf(["import json", "# GET /hello\nprint('mended')"]));
    const took = (performance.now() - began) / 1000;
    return `verify and logs name cell 1 and ValueError; served again ${took.toFixed(0)} s after it was mended`;
  });
}

/** Until it has failed once: a service that is still on its way to the failure counts as active. */
async function restartedByItself(lab: Lab): Promise<void> {
  await inGuest(
    lab.workbench,
    `for _ in {1..90}; do [ "$(systemctl show -p NRestarts --value ${UNIT})" != 0 ] && exit 0; sleep 1; done; exit 1`,
    120,
  );
}

// What `api lint` refuses and `up` would, saved while the VM runs. Cells, and what verify has to say.
const STARTS: readonly [name: string, cells: readonly string[], what: RegExp, metadata?: object][] = [
  ["a bad parameter name", ["# GET /u/:user-id\nprint(1)"], /E03: .*user-id[\s\S]*cell 0/],
  ["the same parameter twice", ["x = 1", "# GET /:a/:a\nprint(1)"], /cell 1: E03/],
  ["no route", ["print(1)"], /E01/],
  ["a near miss", ["#GET /almost\nprint(1)", "# GET /hello\nprint('hello')"], /cell 0: E07/],
  ["no kernel's name", ["# GET /hello\nprint('hello')"], /E02/, { language_info: { name: "python" } }],
];

/** Notebooks that keep a gateway as it comes from starting: requests go on, and verify names each with its cell. */
export async function startUpVerdictsAreNamed(lab: Lab): Promise<string> {
  return await withNotebook(lab, async () => {
    const remarks: string[] = [];
    for (const [name, cells, what, metadata] of STARTS) {
      const own = await serve(lab, notebookOf(cells, metadata));
      const { status, seconds } = await ask(await endpointOf(lab), "GET /hello", TIMEOUT_SECONDS + 2);
      expect(status === 200, `with ${name}, GET /hello is answered ${status} after ${seconds.toFixed(1)} s`);
      const { causes, check } = await verifyFinds(lab);
      const said = words(check(`notebook.${SERVICE}`));
      expect(causes[0] === `notebook.${SERVICE}`, `with ${name}, verify names ${causes.join(", ")}`);
      expect(what.test(said), `with ${name}, verify says: ${said}`);
      remarks.push(`${name} (${own.problem === null ? "served" : "the earlier one served on"})`);
    }
    return remarks.join(", ");
  });
}

/** For the quick round: one fault, which takes no time-out, and its mending. */
export async function kernelDeathIsStood(lab: Lab): Promise<string> {
  return await withNotebook(lab, async () => {
    const text = notebookOf(["STATE = 'hello'", "# GET /hello\nprint(STATE)", "# GET /exit\nimport os\nos._exit(3)"]);
    await serve(lab, text);
    const { provokeFaults } = await faults();
    const [result] = await provokeFaults({
      ...(await endpointOf(lab)),
      ...{ timeoutSeconds: TIMEOUT_SECONDS, nextSeconds: FRESH_KERNEL_SECONDS, only: "a kernel that ends itself" },
    }).then((all) => all.filter(({ name }) => name === "a kernel that ends itself"));
    expect(result?.passed === true, result?.seen ?? "no fault was provoked");
    const { check } = await verifyFinds(lab, "--only", `routes.${SERVICE}`);
    const said = check(`routes.${SERVICE}`);
    expect(/^GET \/exit \(cell 2\) fails: 500 The kernel died/.test(said.seen ?? ""), `verify says ${said.seen}`);
    expect(/cell 2 of .* ends its own kernel/.test(said.hint ?? ""), `verify says to do: ${said.hint}`);
    return `${result.seen}; the next request after ${result.nextSeconds.toFixed(1)} s; verify names cell 2`;
  });
}

/** All of them on a running VM, by name. */
export const API_TRIALS: readonly [name: string, body: (lab: Lab) => Promise<string>][] = [
  ["API: requests never hang", requestsNeverHang],
  ["API: a failing start is named", failingSeedIsNamed],
  ["API: start-up verdicts are named", startUpVerdictsAreNamed],
  [
    "API: sound again after all of it",
    async (lab) => {
      await sleep(1);
      return await verified(lab);
    },
  ],
];
