/** `notebox config …`: what notebox makes of workbench.yaml. */
import type { Command } from "commander";
import { addGroup, type On, verb } from "./verb.ts";

export function addConfigVerbs(program: Command, on: On): void {
  const config = addGroup(program, "config", "what notebox makes of workbench.yaml");
  on(
    config.command("show").description("the resolved workbench, with the origin of each value"),
    "config show",
    verb(
      async () => (await import("../commands/config-show.ts")).configShow,
      async () => (await import("./text/config-show.ts")).text,
    ),
  );
  on(
    config.command("schema").description("the JSON Schema of workbench.yaml"),
    "config schema",
    verb(
      async () => (await import("../commands/config-schema.ts")).configSchema,
      async () => (await import("./text/config-schema.ts")).text,
    ),
  );
}
