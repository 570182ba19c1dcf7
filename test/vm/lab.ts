/**
 * A lab: a temporary folder with a share of prepared boxes, a workbench made from examples/hello, a Vagrant home of
 * its own, and one provider. Everything a scenario starts lives here, and `clear` ends it.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Document, parseDocument } from "yaml";
import { checkout, program } from "./places.ts";
import { type PreparedBoxes, type ProviderName, prepareBoxes } from "./prepared-boxes.ts";
import { must, type Outcome, type Running, run, start, told } from "./programs.ts";

export const BOX_NAME = "notebox/debian-13";

/** The workbench's name, and so the beginning of its machine's name: what has it, the tests may delete. */
export const WORKBENCH_NAME = "notebox-trial";

// Unusual ports, so that a workbench of one's own may run meanwhile; fixed ones, because they are part of the box.
// Labs of both providers run side by side, and libvirt refuses a port that is taken: its first start changes them.
const FIRST_PORT = { box: 18_880, virtualbox: 18_880, libvirt: 18_890 };

/**
 * Enough for an emulated machine on a computer of its own, and for a second attempt after Vagrant has waited in vain;
 * NOTEBOX_TEST_PATIENCE=3 where others are at work on it.
 */
export const UP_SECONDS = 1200 * Number(process.env["NOTEBOX_TEST_PATIENCE"] ?? 1);

/** How long a request to the lab's API may take: short, because trials wait for its end. */
export const TIMEOUT_SECONDS = 8;

export interface Lab {
  folder: string;
  workbench: string;
  provider: ProviderName;
  env: Readonly<Record<string, string>>;
  boxes: PreparedBoxes;
  /** Everything that notebox printed. */
  transcript: string[];
}

/** Other services, say; told of the workbench's folder and of the first port that nothing has yet, too. */
export type Change = (document: Document, workbench: string, port: number) => void;

/**
 * Makes the lab's folders and its share; no machine is started. The workbench is what `change` makes of hello; the box is
 * prepared for that, or for what `prepared` makes of it.
 */
export async function makeLab(
  { name: provider, env: given }: { name: ProviderName; env: Readonly<Record<string, string>> },
  change: Change = () => {},
  prepared: Change = change,
): Promise<Lab> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `notebox-${provider}-`));
  const workbench = path.join(folder, "workbench");
  const share = path.join(folder, "share");
  layOut(workbench, FIRST_PORT.box, prepared);
  const boxes = await prepareBoxes(workbench);
  fs.rmSync(workbench, { recursive: true });
  layOut(workbench, FIRST_PORT[provider], change, { share, version: boxes.version });
  // A file of the user's that has a library module's name must not keep the gateway from starting.
  fs.writeFileSync(path.join(workbench, "api", "secrets.py"), 'raise SystemExit("this is not the library")\n');
  fs.mkdirSync(share);
  const box = path.join(boxes.folder, `${provider}.box`);
  const args = [program, "box", "publish", box, "--share", share, "--name", BOX_NAME, "--version", boxes.version];
  await must(process.execPath, args, { seconds: 300 });
  const env = { ...given, VAGRANT_HOME: path.join(folder, "vagrant-home"), NO_COLOR: "1", CI: "true" };
  return { folder, workbench, provider, env, boxes, transcript: [] };
}

/** A copy of examples/hello with ports of the tests' own and, unless it is for making a box, the share's box. */
function layOut(workbench: string, firstPort: number, change: Change, box?: { share: string; version: string }): void {
  fs.cpSync(path.join(checkout, "examples", "hello"), workbench, { recursive: true });
  const file = path.join(workbench, "workbench.yaml");
  const document = parseDocument(fs.readFileSync(file, "utf8"));
  document.set("name", WORKBENCH_NAME);
  document.setIn(["box", "name"], BOX_NAME);
  document.deleteIn(["box", "version"]);
  document.deleteIn(["box", "shares"]);
  if (box !== undefined) {
    document.setIn(["box", "version"], `= ${box.version}`);
    document.setIn(["box", "shares"], [box.share]);
  }
  // One: of two that were emulated, a start stood still once; and labs of both providers share the computer.
  document.setIn(["machine", "cpus"], 1);
  const services = Object.keys((document.toJS() as { services: object }).services);
  services.forEach((name, index) => {
    document.setIn(["services", name, "port"], firstPort + index);
  });
  document.setIn(["services", "hello", "timeout"], `${TIMEOUT_SECONDS} s`);
  change(document, workbench, firstPort + services.length);
  fs.writeFileSync(file, String(document));
}

/** Starts notebox on the lab's workbench. */
export function startNotebox(lab: Lab, args: readonly string[], seconds = UP_SECONDS): Running {
  const running = start(process.execPath, [program, "-C", lab.workbench, ...args], { env: lab.env, seconds });
  void running.done.then(() => lab.transcript.push(running.printed()));
  return running;
}

/** Runs notebox on the lab's workbench, whatever comes out. */
export async function notebox(lab: Lab, args: readonly string[], seconds = UP_SECONDS): Promise<Outcome> {
  return await startNotebox(lab, args, seconds).done;
}

/** Runs notebox, which must succeed; returns the result of its JSON envelope. */
export async function mustNotebox(lab: Lab, args: readonly string[], seconds = UP_SECONDS): Promise<unknown> {
  const outcome = await notebox(lab, ["--json", ...args], seconds);
  if (outcome.code !== 0) throw new Error(told(`notebox ${args.join(" ")}`, outcome));
  return (JSON.parse(outcome.stdout) as { result: unknown }).result;
}

/** Without --json, so that a failure shows how far it came. */
export async function up(lab: Lab): Promise<void> {
  const outcome = await notebox(lab, ["up", "--provider", lab.provider]);
  if (outcome.code !== 0) throw new Error(told("notebox up", outcome));
}

/** Ends whatever still runs, with Vagrant alone, so that a broken notebox leaves nothing behind. */
export async function clearLab(lab: Lab, keep: boolean): Promise<void> {
  if (fs.existsSync(path.join(lab.workbench, "Vagrantfile")))
    await run("vagrant", ["destroy", "-f"], { cwd: lab.workbench, env: lab.env, seconds: 180 });
  if (!keep) fs.rmSync(lab.folder, { recursive: true, force: true });
}
