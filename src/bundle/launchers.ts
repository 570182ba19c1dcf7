/**
 * The launchers: files to double-click that start, stop or look at the workbench, for Windows, macOS and Linux.
 * What they do stands in templates/launchers/; here each gets its name and the line ends of its system.
 */
import type { Workbench } from "../workbench/model.ts";
import type { Assets } from "./assets.ts";
import { type PlannedFile, textFile } from "./planned-file.ts";
import { renderTemplate, templateText } from "./template.ts";

const VERBS = ["Start", "Stop", "Status"];

export function planLaunchers(workbench: Workbench, assets: Assets): PlannedFile[] {
  const { name, title } = workbench;
  const read = (file: string): string => templateText(assets, `launchers/${file}`);
  const bashParts = { head: read("head.sh.hbs"), addresses: read("addresses.sh.hbs") };
  const batchParts = { head: read("head.cmd.hbs"), tail: read("tail.cmd.hbs") };
  return VERBS.flatMap((verb) => {
    const script = renderTemplate(read(`${verb.toLowerCase()}.sh.hbs`), { title }, bashParts);
    const batch = renderTemplate(read(`${verb.toLowerCase()}.cmd.hbs`), { name }, batchParts);
    return [
      textFile(`${verb}.cmd`, batch.replaceAll("\n", "\r\n")),
      textFile(`${verb}.command`, script),
      textFile(`${verb}.sh`, script),
      { ...textFile(`${verb}.desktop`, renderTemplate(read("desktop.hbs"), { verb, title })), executable: true },
    ];
  });
}
