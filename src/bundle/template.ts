/**
 * Handlebars as notebox uses it: no escaping by itself, nothing missing, no helper that is not here. Every value
 * that comes from workbench.yaml passes through the helper of the language that it ends up in. Templates are compiled when notebox is built.
 */
import type Handlebars from "handlebars";
import runtime from "handlebars/runtime.js";
import type { Assets } from "./assets.ts";
import { bash, cmd, cmdText, desktop, html, rich, ruby } from "./quote.ts";

const HELPERS = { bash, cmd, cmdText, desktop, html, rich, ruby };

// The part of Handlebars that fills in; its types do not say what it exports.
const handlebars = (runtime as unknown as Pick<typeof Handlebars, "create">).create();
for (const [name, quote] of Object.entries(HELPERS))
  handlebars.registerHelper(name, (value: unknown) => quote(value as never));

/** Renders one template. `partials` are the pieces it may include, by name. Throws on a name that `data` lacks. */
export function renderTemplate(
  template: TemplateSpecification,
  data: object,
  partials: Readonly<Record<string, TemplateSpecification>> = {},
): string {
  const pieces = Object.entries(partials).map(([name, piece]) => [name, handlebars.template(piece)] as const);
  return handlebars.template(template)(data, { partials: Object.fromEntries(pieces) });
}

/** The text of one of templates/. */
export function templateText(assets: Assets, name: string): string {
  const content = assets.get(`templates/${name}`);
  if (!content) throw new Error(`templates/${name} is not in the package`);
  return content.toString("utf8");
}
