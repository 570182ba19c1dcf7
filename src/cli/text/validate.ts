/** `validate` for people, when all is well; problems are told by error.ts. */
import type { ValidateResult } from "../../commands/validate.ts";

export function text(result: ValidateResult): string {
  const lines = [`${result.file} is sound.`];
  for (const service of result.services) {
    const kind = service.kind === service.name ? "" : ` (${service.kind})`;
    lines.push(`  ${service.name}${kind} on port ${service.port}`);
    for (const route of service.routes ?? []) lines.push(`    ${route.method} ${route.path}`);
    for (const { id, cell, line, message } of service.warnings ?? []) {
      const place = cell === undefined ? "" : ` cell ${cell}${line === undefined ? "" : `, line ${line}`}`;
      lines.push(`    warning ${id}: ${service.notebook}${place}: ${message}`);
    }
  }
  return lines.join("\n");
}
