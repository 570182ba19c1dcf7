/** A JSON value → a JSON Schema that it fits, and such a schema → a type as JSDoc writes it. Pure. */

export type Schema = { type?: string; [key: string]: unknown };

const DEEPEST = 8;

/** Of a list the first twenty items count; what is deeper than eight levels may be anything. */
export function inferSchema(value: unknown, depth = 0): Schema {
  if (value === null) return { type: "null" };
  if (depth > DEEPEST) return {};
  if (Array.isArray(value)) {
    const kinds = unique(value.slice(0, 20).map((item) => inferSchema(item, depth + 1)));
    return { type: "array", items: kinds.length === 1 ? kinds[0] : kinds.length === 0 ? {} : { anyOf: kinds } };
  }
  if (typeof value === "object") {
    const entries = Object.entries(value);
    return {
      type: "object",
      properties: Object.fromEntries(entries.map(([key, item]) => [key, inferSchema(item, depth + 1)])),
    };
  }
  if (typeof value === "number") return { type: Number.isInteger(value) ? "integer" : "number" };
  return { type: typeof value };
}

function unique(schemas: readonly Schema[]): Schema[] {
  return [...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values()];
}

/** As TypeScript and editors read it: {points: number[]}. `unknown` where the schema says nothing. */
export function jsdocType(schema: Schema | undefined): string {
  if (schema === undefined) return "unknown";
  const any = schema["anyOf"];
  if (Array.isArray(any)) return `(${any.map((each) => jsdocType(each as Schema)).join(" | ")})`;
  if (schema.type === "integer") return "number";
  if (schema.type === "array") return `Array<${jsdocType(schema["items"] as Schema | undefined)}>`;
  if (schema.type === "object") {
    const members = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>);
    if (members.length === 0) return "Record<string, unknown>";
    return `{ ${members.map(([key, each]) => `${memberName(key)}: ${jsdocType(each)}`).join("; ")} }`;
  }
  return schema.type ?? "unknown";
}

/** A name as a member of a type; quoted where it is no identifier. It cannot end the comment that it stands in. */
export function memberName(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key).replaceAll("*/", "*\\/");
}
