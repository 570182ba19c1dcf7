/** Reports as text, JUnit XML and TAP: a report with everything in it, and characters that each format must quote. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Report } from "../../src/checks/check.ts";
import { netstat, procNetTcp } from "../../src/checks/host-ports.ts";
import { text } from "../../src/cli/text/verify.ts";

const NASTY = `<a href="x">&'\u0000\u001b ]]> # not \\ ok\n1..9 \ud800 ü 名前`;

const report: Report = {
  subject: "verify",
  name: "hello",
  passed: false,
  started: "2026-11-20T09:00:00.123Z",
  milliseconds: 2345,
  rounds: 2,
  counts: { passed: 1, failed: 1, blocked: 2, "not-applicable": 1 },
  causes: [{ id: "service.hello", consequences: ["socket.hello", "http.hello"] }],
  checks: [
    { id: "ssh", title: "SSH answers", status: "passed", seen: "in 0.7 s", milliseconds: 700 },
    {
      id: "service.hello",
      title: "The service hello runs",
      status: "failed",
      seen: NASTY,
      expected: "active",
      hint: "start it",
      details: ["line 1", NASTY],
      milliseconds: 0,
    },
    {
      id: "socket.hello",
      title: "It listens",
      status: "blocked",
      seen: "nothing there",
      expected: "a socket",
      because: "service.hello",
      milliseconds: 0,
    },
    {
      id: "http.hello",
      title: "It answers",
      status: "blocked",
      seen: "not asked",
      because: "service.hello",
      milliseconds: 0,
    },
    { id: "root.jupyter", title: "No root", status: "not-applicable", reason: "no # kernel", milliseconds: 0 },
  ],
};

const as = (format: "text" | "junit" | "tap") => text(report, { folder: "/", format });

describe("text", () => {
  test("the cause comes first, with what to do and what follows", () => {
    const lines = as("text").split("\n");
    expect(lines[0]).toBe("✗ service.hello  The service hello runs: no");
    expect(lines.find((line) => line.includes("expected"))).toBe("    expected  active");
    expect(lines.find((line) => line.trim().startsWith("do"))).toBe("    do        start it");
    expect(lines).toContain("      · socket.hello  nothing there");
    expect(lines).toContain("    so could not be asked: http.hello");
    expect(lines.at(-2)).toBe("hello: 1 passed, 1 failed, 2 follow from it, 1 not applicable (2.3 s, asked 2 times)");
  });
});

/** Python's expat and xml.etree: an independent reader. Prints what it found as JSON. */
const READER = `
import json, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
suite = root[0]
print(json.dumps({
  "root": [root.tag, sorted(root.attrib)],
  "suite": suite.attrib,
  "order": [child.tag for child in suite],
  "cases": [[case.attrib["name"], case.attrib["classname"], float(case.attrib["time"]), [[c.tag, c.attrib, c.text] for c in case]] for case in suite.iter("testcase")],
}))`;

describe("JUnit", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-junit-"));
  const file = path.join(folder, "report.xml");
  fs.writeFileSync(file, as("junit"));
  const read = spawnSync("python3", ["-c", READER, file], { encoding: "utf8" });
  const found = JSON.parse(read.stdout || "null");
  fs.rmSync(folder, { recursive: true });

  test("is XML whose parts stand in the schema's order, with the schema's attributes", () => {
    expect(read.stderr).toBe("");
    expect(found.root).toEqual(["testsuites", []]);
    expect(found.order).toEqual(["properties", ...Array(5).fill("testcase"), "system-out", "system-err"]);
    expect(found.suite).toEqual({
      id: "0",
      package: "notebox",
      name: "notebox.verify.hello",
      timestamp: "2026-11-20T09:00:00",
      hostname: "localhost",
      tests: "5",
      failures: "1",
      errors: "0",
      skipped: "3",
      time: "2.345",
    });
  });

  test("a cause is a failure, a consequence is skipped, and no character is lost that XML can hold", () => {
    const [ok, bad, follows, , none] = found.cases;
    expect(ok).toEqual(["ssh: SSH answers", "notebox.verify", 0.7, []]);
    const [tag, attributes, content] = bad[3][0];
    expect(tag).toBe("failure");
    expect(attributes.type).toBe("service.hello");
    expect(attributes.message).toContain(`<a href="x">&'\ufffd\ufffd ]]> # not \\ ok`);
    expect(attributes.message).toContain("ü 名前");
    expect(content).toContain("do: start it");
    expect(follows[3][0].slice(0, 2)).toEqual(["skipped", { message: "follows from service.hello: nothing there" }]);
    expect(none[3][0][0]).toBe("skipped");
  });
});

describe("TAP 14", () => {
  const lines = as("tap").split("\n");
  test("has its version, its plan and one line a check", () => {
    expect(lines.slice(0, 2)).toEqual(["TAP version 14", "1..5"]);
    const points = lines.filter((line) => /^(not )?ok /.test(line));
    expect(points).toEqual([
      "ok 1 - ssh: SSH answers",
      "not ok 2 - service.hello: The service hello runs",
      "ok 3 - socket.hello: It listens # SKIP follows from service.hello",
      "ok 4 - http.hello: It answers # SKIP follows from service.hello",
      "ok 5 - root.jupyter: No root # SKIP no \\# kernel",
    ]);
  });
  test("evidence is YAML that begins and ends where it should, whatever stands in it", () => {
    const begin = lines.indexOf("  ---");
    const end = lines.indexOf("  ...");
    const block = lines.slice(begin + 1, end).map((line) => line.slice(2));
    expect(block.map((line) => line.split(":")[0])).toEqual(["seen", "expected", "do", "details"]);
    expect(JSON.parse(block[0]?.slice("seen: ".length) ?? "")).toBe(NASTY);
  });
});

describe("tables of sockets", () => {
  test("Linux", () => {
    const table = [
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
      "   0: 0100007F:22B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1",
      "   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1",
      "   2: 0100007F:22B8 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 3 1",
    ].join("\n");
    expect(procNetTcp(table)).toEqual([
      { address: "127.0.0.1", port: 8888 },
      { address: "0.0.0.0", port: 8080 },
    ]);
    const six = (address: string) => `   0: ${address}:22B8 00000000000000000000000000000000:0000 0A 0 0 0 0 0`;
    expect(procNetTcp(six("0".repeat(32)))).toEqual([{ address: "::", port: 8888 }]);
    expect(procNetTcp(six(`${"0".repeat(24)}01000000`))).toEqual([{ address: "::1", port: 8888 }]);
    expect(procNetTcp(six("0000000000000000FFFF00000100007F"))).toEqual([{ address: "127.0.0.1", port: 8888 }]);
  });

  test("Windows, in any language", () => {
    const table = [
      "Aktive Verbindungen",
      "  Proto  Lokale Adresse         Remoteadresse          Status",
      "  TCP    127.0.0.1:8888         0.0.0.0:0              ABHÖREN",
      "  TCP    0.0.0.0:8889           0.0.0.0:0              ABHÖREN",
      "  TCP    127.0.0.1:8888         127.0.0.1:51234        HERGESTELLT",
      "  TCP    [::1]:8890             [::]:0                 ABHÖREN",
      "  UDP    0.0.0.0:68             *:*",
    ].join("\r\n");
    expect(netstat(table)).toEqual([
      { address: "127.0.0.1", port: 8888 },
      { address: "0.0.0.0", port: 8889 },
      { address: "::1", port: 8890 },
    ]);
  });

  test("macOS", () => {
    const table = [
      "tcp4       0      0  127.0.0.1.8888         *.*                    LISTEN",
      "tcp46      0      0  *.8889                 *.*                    LISTEN",
      "tcp4       0      0  127.0.0.1.8888         127.0.0.1.51234        ESTABLISHED",
    ].join("\n");
    expect(netstat(table)).toEqual([
      { address: "127.0.0.1", port: 8888 },
      { address: "*", port: 8889 },
    ]);
  });
});
