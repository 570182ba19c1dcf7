/**
 * Every fault of the table, made on a computer of stand-ins: doctor and the launcher's Ruby find the same, give the same
 * verdict on everything else, and say it in three sentences with the code.
 */
import fs from "node:fs";
import net, { type AddressInfo } from "node:net";
import path from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { theFault } from "../../src/faults.ts";
import { COMPUTER_FAULTS, type Scenario } from "./host-faults-computer.ts";
import { SHARE_FAULTS } from "./host-faults-share.ts";
import { HostLab } from "./host-lab.ts";

const SCENARIOS: readonly Scenario[] = [...COMPUTER_FAULTS, ...SHARE_FAULTS];
/** Those that need a door have one of their own; the others have the box. */
const OF_DOORS = SHARE_FAULTS.map(({ code }) => code);

let port = 0;
beforeAll(async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
});
let lab: HostLab;
afterEach(() => lab.remove());

const statuses = (checks: readonly { id: string; status: string }[]) =>
  Object.fromEntries(checks.map(({ id, status }) => [id, status]));

function prepare(scenario: Pick<Scenario, "code" | "system" | "make">): void {
  lab = new HostLab(scenario.system, port);
  fs.mkdirSync(lab.folder);
  scenario.make(lab);
  if (!OF_DOORS.includes(scenario.code) && !lab.vagrantHome.startsWith("\\") && !lab.vagrantHome.includes("/file/"))
    lab.install();
  fs.mkdirSync(lab.folder, { recursive: true });
  lab.ready();
}

describe.each(["windows", "macos", "linux"] as const)("a computer with %s and nothing wrong", (system) => {
  test("passes, in doctor and in the launcher's Ruby alike", async () => {
    prepare({ code: "none", system, make: () => {} });
    const { code, report } = await lab.doctor();
    expect([code, report.checks.filter(({ status }) => status === "failed")]).toEqual(["ok", []]);
    const run = lab.launcher("check");
    expect([run.code, run.verdicts]).toEqual([0, statuses(report.checks)]);
    expect(run.out).toMatch(/^ok {14}NB-V13 {2}The workbench folder can be written/);
    expect(run.out).toMatch(/\n\d+ ok, 0 failed, \d+ not applicable\n$/);
  });

  test("and what does not apply is listed with its reason", async () => {
    prepare({ code: "none", system, make: () => {} });
    const { report } = await lab.doctor();
    const reasons = report.checks.filter(({ status }) => status === "not-applicable");
    expect(reasons.length).toBeGreaterThan(5);
    for (const { reason } of reasons) expect(reason).toMatch(/\w{3}/);
  });
});

describe.each(SCENARIOS)("$code on $system: $says", (scenario) => {
  const { code, says, exit } = scenario;
  const fault = theFault(code);

  test("doctor and the launcher's Ruby find it, and agree on everything else", async () => {
    prepare(scenario);
    const doctor = await lab.doctor();
    const found = doctor.report.checks.find((check) => check.code === code);
    expect(found?.status).toBe("failed");
    expect(doctor.code).toBe(fault.exit === "missing-program" ? "missing-program" : "check-failed");
    expect(found?.details?.at(-1)).toBe(`Code for IT: ${code}`);
    const sentences = found?.details?.slice(0, -1) ?? [];
    expect(sentences).toHaveLength(3);
    expect(sentences[0]).toContain(says);
    const run = lab.launcher("check");
    expect(run.code).toBe(8);
    if (scenario.invalid) expect(run.verdicts[fault.id]).toBe("failed");
    else expect(run.verdicts).toEqual(statuses(doctor.report.checks));
    const told = /((?:.+\n){3})Code for IT: (NB-\w+)\n/g;
    const byCode = new Map([...run.out.matchAll(told)].map(([, three, one]) => [one, three]));
    expect(byCode.get(code)).toContain(says);
    expect(byCode.get(code)?.split("\n").slice(1, 3)).toEqual(sentences.slice(1));
  });

  test(exit === undefined ? "a start goes on" : `a start ends with exit code ${exit}`, () => {
    prepare(scenario);
    const run = lab.launcher("start");
    expect(run.out).toMatch(/^1 of 5: Looking at this computer\n/);
    if (exit === undefined) {
      expect([run.code, run.out]).toEqual([0, expect.stringContaining("5 of 5: Lab is running\n")]);
      return;
    }
    expect(run.code).toBe(exit);
    expect(run.out).toMatch(new RegExp(`\\n\\n(?:.+\\n){3}Code for IT: ${code}\\nLog: (/.+-start\\.log)\\n$`));
    expect(run.out).toContain(says);
    const log = /Log: (.+)/.exec(run.out)?.[1] ?? "";
    expect(fs.readFileSync(log, "utf8")).toContain(`Code for IT: ${code}`);
    expect(fs.existsSync(path.join(lab.folder, ".notebox", "up.lock"))).toBe(false);
  });
});

test("D01 to D32 are all among them", () => {
  const codes = new Set(SCENARIOS.map(({ code }) => code));
  for (let number = 1; number <= 32; number++) expect(codes).toContain(`NB-D${String(number).padStart(2, "0")}`);
});
