/**
 * What can be seen of an API notebook without the VM: that it is one, that the gateway starts with it, and the linter's
 * errors. `up` refuses these; they come when the notebook is changed while the VM runs. Pure.
 */
import { lint, severityOf } from "../notebooks/lint/lint.ts";
import type { Notebook } from "../notebooks/notebook.ts";
import { startFaults } from "../notebooks/routes.ts";
import { type Answer, failed, passed } from "./check.ts";

interface Fault {
  cell: number | undefined;
  message: string;
  hint: string;
}

/** `path`: in the workbench folder. */
export function notebookIsSound(notebook: Notebook, path: string, kernels: number): Answer {
  const findings = lint(notebook, { kernels });
  const errors = findings.filter((finding) => severityOf(finding) === "error");
  const known = new Set(errors.map(({ cell }) => cell));
  const faults: Fault[] = [
    ...errors.map(({ id, cell, message, hint }) => ({ cell, message: `${id}: ${message}`, hint })),
    ...startFaults(notebook).filter(({ cell }) => !known.has(cell)),
    ...notebook.cells.flatMap(({ notes }, cell) =>
      notes !== undefined && "wrong" in notes
        ? [
            {
              cell,
              message: notes.wrong,
              hint: 'Write it like {"notebox": {"example": "/path?x=1", "writes": false}}.',
            },
          ]
        : [],
    ),
  ].map(({ cell, message, hint }) => ({ cell, message, hint }));
  const [first] = faults;
  if (first === undefined) {
    const warnings = findings.length === 0 ? "" : `, ${findings.length} warnings (\`notebox api lint ${path}\`)`;
    return passed(`${path}: no errors${warnings}`);
  }
  const say = ({ cell, message }: Fault) => `${path}${cell === undefined ? "" : ` cell ${cell}`}: ${message}`;
  return failed(
    say(first) + (faults.length > 1 ? ` (and ${faults.length - 1} more)` : ""),
    "a notebook without lint errors",
    `${first.hint} Save it: the service reads it again by itself.`,
    { details: faults.map((fault) => `${say(fault)} – ${fault.hint}`), passing: false },
  );
}
