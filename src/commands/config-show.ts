/** `config show`: the resolved workbench, each value with where it came from. */
import type { Deps } from "../ports.ts";
import { loadWorkbench } from "../workbench/load.ts";
import type { Origin } from "../workbench/model.ts";
import { settingsOf } from "../workbench/resolve.ts";

export interface ConfigShowResult {
  folder: string;
  file: string;
  /** In the file's order of groups; `key` is the dotted path of the setting. */
  settings: { key: string; value: unknown; origin: Origin }[];
}

export async function configShow(_deps: Deps, options: { folder: string }): Promise<ConfigShowResult> {
  // A notebook that is missing says nothing about settings, and whoever asks may be looking for that very fault.
  const workbench = await loadWorkbench(options.folder, { files: false });
  const settings = settingsOf(workbench).map(([key, value]) => ({
    key,
    value,
    origin: workbench.origins.get(key) ?? { from: "default" as const },
  }));
  return { folder: workbench.folder, file: workbench.file, settings };
}
