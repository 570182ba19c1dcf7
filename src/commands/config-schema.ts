/** `config schema`: the JSON Schema of workbench.yaml. */
import type { Deps } from "../ports.ts";
import { workbenchJsonSchema } from "../workbench/json-schema.ts";

export async function configSchema(_deps: Deps, _options: { folder: string }): Promise<Record<string, unknown>> {
  return workbenchJsonSchema();
}
