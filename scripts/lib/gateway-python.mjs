// Pythons for tests that ask real programs: one with the kernel gateway and an OpenAPI validator, one with MongoDB's client.
// Made once, kept in the user's cache. Where they cannot be made (no Python index is reached) those tests are skipped.
// Imports nothing but Node.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const GATEWAY = {
  name: "gateway-3.0.1",
  packages: ["jupyter-kernel-gateway==3.0.1", "ipykernel==7.4.0", "openapi-spec-validator==0.9.0"],
};
const MONGO = { name: "pymongo-4", packages: ["pymongo==4.20.1"] };

function place({ name }) {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  return path.join(cache, "notebox-tests", name);
}

/** The Python's path, or undefined where it has not been made. NOTEBOX_TEST_GATEWAY_PYTHON names another. */
export function gatewayPython() {
  return process.env.NOTEBOX_TEST_GATEWAY_PYTHON || found(GATEWAY);
}

/** The path of the one with MongoDB's client, or undefined where it has not been made. */
export function mongoPython() {
  return found(MONGO);
}

function found(which) {
  const python = path.join(place(which), "bin", "python");
  return isComplete(which) && fs.existsSync(python) ? python : undefined;
}

/** Whether it holds what these tests need; an older checkout may have made it with less. */
function isComplete(which) {
  try {
    return fs.readFileSync(path.join(place(which), "complete"), "utf8") === which.packages.join("\n");
  } catch {
    return false;
  }
}

/** Makes it if it is not there. Returns what went wrong, or undefined. */
export function makeGatewayPython() {
  return gatewayPython() === undefined ? make(GATEWAY) : undefined;
}

export function makeMongoPython() {
  return mongoPython() === undefined ? make(MONGO) : undefined;
}

function make(which) {
  const folder = place(which);
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
  for (const [file, args] of [
    ["python3", ["-m", "venv", folder]],
    [path.join(folder, "bin", "python"), [...pip, ...which.packages]],
  ]) {
    const done = spawnSync(file, args, { encoding: "utf8", timeout: 300_000 });
    if (done.status !== 0) return (done.stderr || done.error?.message || "").trim().split("\n").at(-1);
  }
  fs.writeFileSync(path.join(folder, "complete"), which.packages.join("\n"));
  return undefined;
}
