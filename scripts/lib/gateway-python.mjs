// A Python with the real kernel gateway and an OpenAPI validator, for the tests that ask them; made once, kept in the
// user's cache. Where it cannot be made (no Python index is reached) those tests are skipped. Imports nothing but Node.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const PACKAGES = ["jupyter-kernel-gateway==3.0.1", "ipykernel==7.4.0", "openapi-spec-validator==0.9.0"];

function place() {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  return path.join(cache, "notebox-tests", "gateway-3.0.1");
}

/** The Python's path, or undefined where it has not been made. NOTEBOX_TEST_GATEWAY_PYTHON names another. */
export function gatewayPython() {
  const given = process.env.NOTEBOX_TEST_GATEWAY_PYTHON;
  if (given) return given;
  const python = path.join(place(), "bin", "python");
  return isComplete() && fs.existsSync(python) ? python : undefined;
}

/** Whether it holds what these tests need; an older checkout may have made it with less. */
function isComplete() {
  try {
    return fs.readFileSync(path.join(place(), "complete"), "utf8") === PACKAGES.join("\n");
  } catch {
    return false;
  }
}

/** Makes it if it is not there. Returns what went wrong, or undefined. */
export function makeGatewayPython() {
  if (gatewayPython() !== undefined) return undefined;
  const folder = place();
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", ...PACKAGES];
  for (const [file, args] of [
    ["python3", ["-m", "venv", folder]],
    [path.join(folder, "bin", "python"), pip],
  ]) {
    const done = spawnSync(file, args, { encoding: "utf8", timeout: 300_000 });
    if (done.status !== 0) return (done.stderr || done.error?.message || "").trim().split("\n").at(-1);
  }
  fs.writeFileSync(path.join(folder, "complete"), PACKAGES.join("\n"));
  return undefined;
}
