/**
 * Where the vm tier finds and keeps things. The bundled tier runs from a temporary file, so the checkout's folder
 * comes in through the environment (scripts/test-vm.mjs sets it).
 */
import os from "node:os";
import path from "node:path";

export const checkout = process.env["NOTEBOX_CHECKOUT"] ?? process.cwd();
export const program = path.join(checkout, "dist", "notebox.cjs");
export const standin = path.join(checkout, "test", "vm", "standin");

/** Prepared boxes, which take minutes to make, stay here from run to run. */
export const cache = path.join(
  process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache"),
  "notebox-tests",
  "boxes",
);
