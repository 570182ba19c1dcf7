/** A rebuilt box: the lab's own under the next version, in its share, and a workbench that asks for it. */
import fs from "node:fs";
import path from "node:path";
import { type Document, parseDocument } from "yaml";
import { BOX_NAME, type Lab } from "./lab.ts";
import { program } from "./places.ts";
import { must } from "./programs.ts";

/** Gives back its version. `change` is what else becomes of workbench.yaml. */
export async function publishNewer(lab: Lab, change: (document: Document) => void = () => {}): Promise<string> {
  const file = path.join(lab.workbench, "workbench.yaml");
  const document = parseDocument(fs.readFileSync(file, "utf8"));
  const before = String(document.getIn(["box", "version"])).replace(/^= /, "");
  const version = before.replace(/\d+$/, (last) => String(Number(last) + 1));
  const share = String(document.getIn(["box", "shares", 0]));
  const box = path.join(lab.boxes.folder, `${lab.provider}.box`);
  const args = [program, "box", "publish", box, "--share", share, "--name", BOX_NAME, "--version", version];
  await must(process.execPath, args, { seconds: 300 });
  document.setIn(["box", "version"], `= ${version}`);
  change(document);
  fs.writeFileSync(file, String(document));
  return version;
}
