/** `validate` for people, when all is well; problems are told by error.ts. */
import type { ValidateResult } from "../../commands/validate.ts";

export function text(result: ValidateResult): string {
  const lines = [`${result.file} is sound.`];
  for (const service of result.services) {
    const kind = service.kind === service.name ? "" : ` (${service.kind})`;
    lines.push(`  ${service.name}${kind} on port ${service.port}`);
    for (const route of service.routes ?? []) lines.push(`    ${route.method} ${route.path}`);
  }
  return lines.join("\n");
}
