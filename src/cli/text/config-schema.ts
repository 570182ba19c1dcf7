/** `config schema` for people and for files: the schema itself. */
export function text(schema: Record<string, unknown>): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
