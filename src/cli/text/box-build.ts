/** `box build` for people. */
import type { BoxBuildResult, BoxFromVmResult } from "../../commands/box-build.ts";

export function text(result: BoxBuildResult | BoxFromVmResult): string {
  const { preparedFor, files } = result;
  const forWhom = preparedFor === undefined ? "" : `, prepared for the workbench ${preparedFor}`;
  const [first] = files;
  const name = `notebox/${preparedFor ?? ("recipe" in result ? result.recipe : "")}`;
  return [
    "fromVm" in result
      ? `Packed from the VM of ${preparedFor}, which is off now; \`notebox up\` starts it with new keys and tokens:`
      : `Built from Debian ${result.system}${forWhom}:`,
    ...files.flatMap(({ file, size, sha256 }) => [`  ${file}  ${Math.round(size / 1e6)} MB`, `    SHA-256 ${sha256}`]),
    ...(first
      ? [
          "Put it into a share with:",
          `  notebox box publish ${first.file} --share DIR --name ${name} --version X.Y.Z${"arch" in result ? ` --arch ${result.arch}` : ""}`,
          ...(preparedFor === undefined ? [] : [`and write box.name: ${name} into its workbench.yaml.`]),
        ]
      : []),
  ].join("\n");
}
