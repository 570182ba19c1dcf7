/** `validate` for people, when all is well; problems are told by error.ts. */
import type { ValidateResult } from "../../commands/validate.ts";

export function text(result: ValidateResult): string {
  const lines = [`${result.file} is sound.`];
  for (const service of result.services) {
    const kind = service.kind === service.name ? "" : ` (${service.kind})`;
    const place = service.port === undefined ? "inside the VM" : `on port ${service.port}`;
    lines.push(`  ${service.name}${kind} ${place}`);
    if (service.lacks) lines.push(`    warning: ${service.lacks.message} ${service.lacks.hint}`);
    for (const route of service.routes ?? []) lines.push(`    ${route.method} ${route.path}`);
    for (const { id, cell, line, message } of service.warnings ?? []) {
      const where = cell === undefined ? "" : ` cell ${cell}${line === undefined ? "" : `, line ${line}`}`;
      lines.push(`    warning ${id}: ${service.notebook}${where}: ${message}`);
    }
  }
  return lines.join("\n");
}
