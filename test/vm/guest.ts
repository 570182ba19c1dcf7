/** A root shell in the running VM, by the ssh that the endpoints file names. What is done there is left to trials. */
import fs from "node:fs";
import path from "node:path";
import { type Outcome, run, told } from "./programs.ts";

interface Service {
  kind: string;
  url: string;
}

export interface Endpoints {
  provider: string;
  services: Record<string, Service>;
  ssh: { host: string; port: number; user: string; key: string };
}

export function readEndpoints(workbench: string): Endpoints {
  return JSON.parse(fs.readFileSync(path.join(workbench, ".notebox", "endpoints.json"), "utf8")) as Endpoints;
}

/** Runs a bash script as root in the VM; resolves whatever its exit code is. */
export async function tryInGuest(workbench: string, script: string, seconds = 60): Promise<Outcome> {
  const { ssh } = readEndpoints(workbench);
  const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=20"];
  const args = [...options.flatMap((option) => ["-o", option]), "-i", ssh.key, "-p", String(ssh.port)];
  const command = "sudo bash -s";
  return await run("ssh", [...args, `${ssh.user}@${ssh.host}`, command], { input: script, seconds });
}

/** Runs a bash script that must succeed; returns what it printed. */
export async function inGuest(workbench: string, script: string, seconds = 60): Promise<string> {
  const outcome = await tryInGuest(workbench, `set -Eeuo pipefail\n${script}\n`, seconds);
  if (outcome.code !== 0) throw new Error(told(`in the VM: ${script.trim().split("\n")[0]}`, outcome));
  return outcome.stdout.trim();
}
