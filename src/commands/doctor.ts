/**
 * `notebox doctor`: asks this computer, before anything is downloaded, what keeps a workbench from starting. It works
 * without a workbench; what then cannot be asked is told as not applicable. `--explain` tells about one fault.
 */
import fs from "node:fs";
import path from "node:path";
import { catalogAddress } from "../boxes/doors.ts";
import { asksRegistry, sharedFolders } from "../bundle/plan.ts";
import type { CheckResult, Report } from "../checks/check.ts";
import type { Subject } from "../checks/computer.ts";
import { BEFORE_START, DOCTOR_ORDER, doctorChecks } from "../checks/doctor-list.ts";
import { runChecks } from "../checks/runner.ts";
import { type Problem, UserError } from "../errors.ts";
import { type Fault, faultTable, findFault, theFault } from "../faults.ts";
import type { Deps } from "../ports.ts";
import { loadWorkbench } from "../workbench/load.ts";
import type { Workbench } from "../workbench/model.ts";

export interface DoctorOptions {
  folder: string;
  /** A code (NB-D06) or a check's id. */
  explain?: string;
  only?: readonly string[];
  /** For src/cli/text/doctor.ts alone. */
  format?: "text" | "junit" | "tap";
}

export interface DoctorCheck extends CheckResult {
  code: string;
  cause: string;
  remedy: { user: string; it: string };
  symptoms: readonly string[];
}

export type DoctorReport = Omit<Report, "checks"> & { checks: readonly DoctorCheck[] };

/** What `--explain` tells. */
export interface Explanation {
  fault: Fault;
}

/** Throws UserError `missing-program` or `check-failed` with the report when a check failed, `usage` for no such code. */
export async function doctor(deps: Deps, options: DoctorOptions): Promise<DoctorReport | Explanation> {
  if (options.explain !== undefined) return { fault: explained(options.explain) };
  const subject = await findSubject(options.folder);
  if (subject.workbench !== undefined) deps.log.open(options.folder);
  const report = await examine(deps, subject, options.only);
  deps.log.write("doctor", { report });
  if (!report.passed) throw failure(report);
  return report;
}

/** What `up` asks before it starts the VM. Throws UserError `check-failed` with every fault. */
export async function checkBeforeStart(deps: Deps, subject: Subject): Promise<void> {
  const report = await examine(deps, subject, BEFORE_START);
  if (report.passed) return;
  throw new UserError({
    code: "check-failed",
    message: "This computer is not ready for the VM:",
    problems: report.checks.filter(({ status }) => status === "failed").map(asProblem),
    hint: "Nothing was started. Put this right and run `notebox up` again.",
  });
}

async function examine(deps: Deps, subject: Subject, only: readonly string[] | undefined): Promise<DoctorReport> {
  const { workbench } = subject;
  const inputs = {
    subject,
    // A link in the place of notebooks/ is one of the faults for which a workbench is not valid.
    folders:
      workbench !== undefined ? sharedFolders(workbench) : hasWorkbench(subject.folder) ? ["notebooks", "api"] : [],
    share: {
      name: workbench?.box.name,
      reason: subject.without ?? "there is no workbench here",
      doors: workbench?.box.shares.map((door) => catalogAddress(door, workbench.box.name)) ?? [],
      registry: workbench !== undefined && asksRegistry(workbench),
    },
  };
  const report = await runChecks(() => doctorChecks(deps, inputs), {
    subject: "doctor",
    name: workbench?.name ?? "this computer",
    clock: deps.clock,
    signal: deps.signal,
    ...(only === undefined ? {} : { only: only.map(checkOf) }),
  });
  return { ...report, checks: report.checks.map(withFault) };
}

/** The check that a code names; of a code that is told only where it happens, what to ask instead. */
function checkOf(name: string): string {
  const fault = findFault(name);
  if (fault === undefined || DOCTOR_ORDER.includes(fault.id)) return fault?.id ?? name;
  throw new UserError({
    code: "usage",
    message: `${fault.code} is told where it happens; no check of this computer finds it before that.`,
    hint: `\`notebox doctor --explain ${fault.code}\` says what it means and what to do.`,
  });
}

function withFault(check: CheckResult): DoctorCheck {
  const { code, cause, user, it, symptoms } = theFault(check.id);
  return { ...check, code, cause, remedy: { user, it }, symptoms: symptoms ?? [] };
}

function hasWorkbench(folder: string): boolean {
  return fs.existsSync(path.join(folder, "workbench.yaml"));
}

/** A workbench that cannot be read does not keep the computer from being asked. */
async function findSubject(folder: string): Promise<Subject> {
  if (!hasWorkbench(folder)) return { folder, without: "there is no workbench here" };
  let workbench: Workbench;
  try {
    workbench = await loadWorkbench(folder);
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== "invalid") throw error;
    return { folder, without: "workbench.yaml is not valid; `notebox validate` says why" };
  }
  return { folder, workbench };
}

function explained(name: string): Fault {
  const fault = findFault(name);
  if (fault !== undefined) return fault;
  throw new UserError({
    code: "usage",
    message: `There is no code “${name}”.`,
    hint: `The codes are: ${faultTable()
      .faults.map(({ code }) => code)
      .join(", ")}.`,
  });
}

function failure(report: DoctorReport): UserError {
  const failing = report.checks.filter(({ status }) => status === "failed");
  const [first] = failing;
  const missing = failing.some(({ code }) => theFault(code).exit === "missing-program");
  return new UserError({
    code: missing ? "missing-program" : "check-failed",
    message:
      failing.length === 1
        ? `One check of this computer failed: ${first?.code}, ${first?.seen}.`
        : `${failing.length} checks of this computer failed; the first: ${first?.code}, ${first?.seen}.`,
    hint: `\`notebox doctor --explain ${first?.code}\` says more. After a repair, \`notebox doctor\` asks again.`,
    problems: failing.map(asProblem),
    result: report,
  });
}

function asProblem(check: DoctorCheck): Problem {
  const { id, code, seen, details, hint } = check;
  return {
    id,
    message: `${details?.[0] ?? check.title} (${code}; ${seen})`,
    ...(hint === undefined ? {} : { hint }),
  };
}
