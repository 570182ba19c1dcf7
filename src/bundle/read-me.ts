/**
 * READ-ME-FIRST.html: the one page that a person who gets a hand-out reads. Every sentence is in
 * templates/read-me/LANGUAGE.json, the page itself in page.html.hbs; here the workbench's own values join them.
 */
import pageTemplate from "../../templates/read-me/page.html.hbs";
import type { Workbench } from "../workbench/model.ts";
import type { Assets } from "./assets.ts";
import { type PlannedFile, textFile } from "./planned-file.ts";
import { renderTemplate, templateText } from "./template.ts";

export const READ_ME = "READ-ME-FIRST.html";

/** What the page takes from the table of known faults. */
interface Table {
  oldestVagrant: string;
  pairs: readonly { virtualbox: string; vagrant: string }[];
  needs: { newVmBytes: number };
}

/** `folders` are the shared ones. */
export function planReadMe(workbench: Workbench, folders: readonly string[], assets: Assets): PlannedFile {
  const { title, contact, language } = workbench;
  const read = (name: string): unknown => JSON.parse(templateText(assets, name));
  const { oldestVagrant, pairs, needs } = read("vagrant/faults.json") as Table;
  const page = renderTemplate(pageTemplate, {
    ...{ title, language, folders, t: read(`read-me/${language}.json`), contact: contact ?? "" },
    room: `${Math.ceil(needs.newVmBytes / 1024 ** 3)} GB`,
    pairs: pairs.map(({ virtualbox, vagrant }) => ({ virtualbox, vagrant: newer(vagrant, oldestVagrant) })),
  });
  return textFile(READ_ME, page);
}

/** The newer of two versions of three numbers. */
function newer(a: string, b: string): string {
  const [left = [], right = []] = [a, b].map((version) => version.split(".").map(Number));
  const at = left.findIndex((number, index) => number !== right[index]);
  return at < 0 || (left[at] ?? 0) > (right[at] ?? 0) ? a : b;
}
