/** `box build` for people. */
import type { BoxBuildResult } from "../../commands/box-build.ts";

export function text({ recipe, system, preparedFor, files }: BoxBuildResult): string {
  const forWhom = preparedFor === undefined ? "" : `, prepared for the workbench ${preparedFor}`;
  const [first] = files;
  const name = `notebox/${preparedFor ?? recipe}`;
  return [
    `Built from Debian ${system}${forWhom}:`,
    ...files.flatMap(({ file, size, sha256 }) => [`  ${file}  ${Math.round(size / 1e6)} MB`, `    SHA-256 ${sha256}`]),
    ...(first
      ? [
          "Put it into a share with:",
          `  notebox box publish ${first.file} --share DIR --name ${name} --version X.Y.Z`,
          ...(preparedFor === undefined ? [] : [`and write box.name: ${name} into its workbench.yaml.`]),
        ]
      : []),
  ].join("\n");
}
