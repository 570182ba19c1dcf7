/**
 * `api userscript`: a script for Tampermonkey, Violentmonkey and Greasemonkey that calls a notebook's API from pages of
 * the learning platform. The script itself is made in src/notebooks/user-script.ts.
 */
import path from "node:path";
import { UserError } from "../errors.ts";
import { activityRoute, userScript } from "../notebooks/user-script.ts";
import type { Deps } from "../ports.ts";
import { servedNotebook } from "../workbench/served-notebook.ts";
import { originComplaint } from "../workbench/values.ts";
import { addressOf, readTemplate, refuseUnserved, writeOutput } from "./api-openapi.ts";

export interface ApiUserscriptOptions {
  folder: string;
  notebook: string;
  /** Pages on which it runs; those of the workbench when not given. */
  origin?: readonly string[];
  template?: "sample" | "activity";
  transport?: "auto" | "gm" | "fetch";
  /** The file to write, relative to the current folder; standard output when not given. */
  out?: string;
}

export interface ApiUserscriptResult {
  script: string;
  origins: readonly string[];
  /** Absolute. */
  file?: string;
}

/** Throws UserError `usage` for origins that are none, `invalid` for a notebook that cannot be served. */
export async function apiUserscript(deps: Deps, options: ApiUserscriptOptions): Promise<ApiUserscriptResult> {
  const found = await servedNotebook(options.folder, options.notebook);
  refuseUnserved(found);
  const service = found.served?.service;
  const origins = options.origin ?? service?.origins ?? [];
  refuseOrigins(origins);
  const template = options.template ?? "sample";
  if (template === "activity" && activityRoute(found.notebook) === undefined) {
    throw new UserError({
      code: "invalid",
      message: `${found.file} has no route for the template activity.`,
      hint: "It needs one such as POST /activity, which gets the links of a page and returns a number for each: see examples/activity.",
    });
  }
  const name = path.basename(found.file, ".ipynb");
  const script = userScript(found.notebook, {
    ...{ name, service: service?.name ?? name, url: addressOf(found) ?? "http://127.0.0.1:8889/", origins },
    timeoutMs: (service?.timeoutSeconds ?? 30) * 1000 + 5000,
    transport: options.transport ?? "auto",
    templates: {
      script: await readTemplate(deps, "userscript.js"),
      main: await readTemplate(deps, `main-${template}.js`),
    },
  });
  tellUnlisted(deps, origins, service?.origins);
  if (options.out === undefined) return { script, origins };
  const file = path.resolve(options.out);
  await writeOutput(file, script);
  return { script, origins, file };
}

function refuseOrigins(origins: readonly string[]): void {
  const problems = origins.flatMap((origin) => {
    const complaint = originComplaint(origin);
    if (complaint === undefined) return [];
    const hint = complaint.hint === undefined ? {} : { hint: complaint.hint };
    return [{ id: "bad-value", message: `--origin ${complaint.message}.`, value: origin, ...hint }];
  });
  if (problems.length > 0) throw new UserError({ code: "usage", message: "The script cannot be made:", problems });
  if (origins.length > 0) return;
  throw new UserError({
    code: "usage",
    message: "On which pages shall the script run?",
    hint: "Give --origin https://lms.example.edu, or list it under the service's origins in workbench.yaml.",
  });
}

/** The script works all the same, by the script manager; a page's own fetch will not. */
function tellUnlisted(deps: Deps, origins: readonly string[], listed: readonly string[] | undefined): void {
  const missing = origins.filter((origin) => listed !== undefined && !listed.includes(origin));
  if (missing.length === 0) return;
  const text = `${missing.join(", ")}: not under origins in workbench.yaml, so only the script manager can call the API from there.`;
  deps.reporter.emit({ type: "say", level: "warning", text });
}
