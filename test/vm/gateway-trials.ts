/** The gateway's tests with all their cases, and the faults in the gateway as it comes, each of which takes it down. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { FAULTS, NOTEBOOK, provokeFaults } from "../gateway/faults.mjs";
import { type Gateway, startStock, TOKEN } from "../gateway/start.ts";
import { checkout } from "./places.ts";
import { expect } from "./trials.ts";

export const gatewayTrials: { name: string; body: () => Promise<string> }[] = [
  { name: "gateway: every start, end and verdict", body: everyCase },
  { name: "gateway: as it comes it stands none of the faults", body: stockFaults },
];

async function everyCase(): Promise<string> {
  const vitest = path.join(checkout, "node_modules/.bin/vitest");
  const child = spawn(vitest, ["run", "--project", "wire", "gateway-", "--reporter=json"], {
    cwd: checkout,
    env: { ...process.env, NOTEBOX_TEST_GATEWAY: "all" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += String(chunk)));
  await new Promise((resolve) => child.on("close", resolve));
  const report = JSON.parse(text.slice(text.indexOf("{"))) as Record<string, number>;
  const { numPassedTests = 0, numTotalTests = 0 } = report;
  expect(numTotalTests > 100 && numPassedTests === numTotalTests, `${numPassedTests} of ${numTotalTests} tests passed`);
  return `${numPassedTests} tests passed`;
}

async function stockFaults(): Promise<string> {
  const text = fs.readFileSync(NOTEBOOK, "utf8");
  let gateway: Gateway = await startStock(text);
  const stood: string[] = [];
  try {
    for (const { name } of FAULTS) {
      const options = { url: gateway.url, token: TOKEN, timeoutSeconds: 3, only: name };
      const [result] = await provokeFaults(options);
      if (result?.passed === true) stood.push(name);
      gateway.child.kill("SIGKILL");
      await gateway.stop();
      gateway = await startStock(text);
    }
  } finally {
    gateway.child.kill("SIGKILL");
    await gateway.stop();
  }
  expect(stood.length === 0, `it stood: ${stood.join(", ")}`);
  return `${FAULTS.length} faults`;
}
