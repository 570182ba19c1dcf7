/**
 * The text of a new workbench.yaml: an example's, comments kept, with a name, a title and a box of its own.
 * Values are set through the YAML library, so that each arrives as data, quoted where it must be. Pure.
 */
import { parseDocument } from "yaml";

export interface Starter {
  name: string;
  title: string;
  box: { name: string; version?: string; shares: readonly string[] };
}

/** Takes the text of an example's workbench.yaml. */
export function starterText(example: string, starter: Starter): string {
  const document = parseDocument(example);
  document.set("name", starter.name);
  document.set("title", starter.title);
  const { name, version, shares } = starter.box;
  const box = document.createNode({
    name,
    ...(version === undefined ? {} : { version }),
    ...(shares.length === 0 ? {} : { shares }),
  });
  document.set("box", box);
  return document.toString({ lineWidth: 0 });
}

/** "learning-analytics" → "Learning analytics". */
export function titleFrom(name: string): string {
  const words = name.replaceAll("-", " ").replace(/ +/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
