/** `doctor` in the format that was asked for, and what it tells about one fault. JSON is the rim's business. */
import type { DoctorOptions, DoctorReport, Explanation } from "../../commands/doctor.ts";
import { junit } from "./junit.ts";
import { reportText } from "./report.ts";
import { tap } from "./tap.ts";

export function text(result: DoctorReport | Explanation, options: DoctorOptions): string {
  if ("fault" in result) return explanation(result);
  const checks = result.checks.map((check) => ({ ...check, title: `${check.title} (${check.code})` }));
  const report = { ...result, checks };
  if (options.format === "junit") return junit(report);
  return options.format === "tap" ? tap(report) : reportText(report);
}

const SYSTEMS = { windows: "Windows", macos: "macOS", linux: "Linux" } as const;

function explanation({ fault }: Explanation): string {
  const { code, title, cause, user, it, symptoms, systems, id } = fault;
  const rows: [string, string][] = [
    ["check", `${id}: ${title}`],
    ["on", systems.map((one) => SYSTEMS[one]).join(", ")],
    ["cause", cause],
    ["user", user],
    ["IT", it],
    ...(symptoms ?? []).map((symptom): [string, string] => ["seen as", symptom]),
  ];
  return `${code}\n${rows.map(([name, words]) => `  ${name.padEnd(8)}${words}`).join("\n")}\n`;
}
