/** `box install` for people. */
import type { BoxInstallResult } from "../../commands/box-install.ts";

export function text({ installed, name, version, provider, arch, box, catalog }: BoxInstallResult): string {
  return [
    `${name} ${version} for ${provider} (${arch}) ${installed ? "is installed." : "was installed already."}`,
    ...(box === undefined ? [] : [`  box      ${box}`]),
    ...(catalog === undefined ? [] : [`  updates  ${catalog}`]),
  ].join("\n");
}
