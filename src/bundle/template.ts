/**
 * Handlebars as notebox uses it: no escaping by itself, nothing missing, no helper that is not here. Every value
 * that comes from workbench.yaml passes through the helper of the language that it ends up in.
 */
import Handlebars from "handlebars";
import type { Assets } from "./assets.ts";
import { bash, cmd, cmdText, desktop, html, rich, ruby } from "./quote.ts";

const HELPERS = { bash, cmd, cmdText, desktop, html, rich, ruby };

const handlebars = Handlebars.create();
for (const [name, quote] of Object.entries(HELPERS))
  handlebars.registerHelper(name, (value: unknown) => quote(value as never));

// Compiling takes far longer than filling in; the same text always gives the same template.
const compiled = new Map<string, Handlebars.TemplateDelegate>();

function compile(source: string): Handlebars.TemplateDelegate {
  const known = compiled.get(source);
  if (known) return known;
  const fresh = handlebars.compile(source, {
    noEscape: true,
    strict: true,
    knownHelpersOnly: true,
    knownHelpers: Object.fromEntries(Object.keys(HELPERS).map((name) => [name, true])),
  });
  compiled.set(source, fresh);
  return fresh;
}

/** Renders one template. `partials` are the pieces it may include, by name. Throws on a name that `data` lacks. */
export function renderTemplate(source: string, data: object, partials: Readonly<Record<string, string>> = {}): string {
  const pieces = Object.entries(partials).map(([name, text]) => [name, compile(text)] as const);
  return compile(source)(data, { partials: Object.fromEntries(pieces) });
}

/** The text of one of templates/. */
export function templateText(assets: Assets, name: string): string {
  const content = assets.get(`templates/${name}`);
  if (!content) throw new Error(`templates/${name} is not in the package`);
  return content.toString("utf8");
}
