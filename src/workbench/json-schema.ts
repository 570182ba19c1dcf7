/** The JSON Schema of workbench.yaml, for editors: made from the one zod schema, checked in as schema/workbench.schema.json. */
import * as z from "zod";
import { KINDS } from "../services/index.ts";
import { workbenchSchema } from "./schema.ts";
import { NAME_PATTERN } from "./values.ts";

type Json = Record<string, unknown>;

// Draft 7, because that is what the YAML language server of most editors takes.
const OPTIONS = { target: "draft-7", io: "input", unrepresentable: "any", reused: "inline" } as const;

/** A plain JSON object. */
export function workbenchJsonSchema(): Json {
  const schema = z.toJSONSchema(workbenchSchema, OPTIONS) as Json;
  const properties = schema["properties"] as Record<string, Json>;
  for (const key of ["machine", "packages", "folders", "handout"]) allowEmpty(properties[key]);
  const inner = (key: string): Record<string, Json> => properties[key]?.["properties"] as Record<string, Json>;
  for (const group of [
    inner("packages")["apt"],
    inner("packages")["python"],
    inner("box")["shares"],
    inner("handout")["allow"],
    inner("handout")["patterns"],
  ])
    allowEmpty(group);
  properties["services"] = servicesSchema();
  const { $schema, ...rest } = schema;
  return {
    $schema,
    title: "workbench.yaml",
    description: "A workbench: a VM with Jupyter and notebooks as APIs.",
    ...rest,
  };
}

/** As the file that is checked in and that lies beside a workbench. */
export function workbenchJsonSchemaText(): string {
  return `${JSON.stringify(workbenchJsonSchema(), null, 2)}\n`;
}

function servicesSchema(): Json {
  const kinds = KINDS.map((kind) => {
    const { $schema: _draft, ...schema } = z.toJSONSchema(kind.options, OPTIONS) as Json;
    const options = schema["properties"] as Json;
    const required = (schema["required"] as string[] | undefined) ?? [];
    const withKind = { kind: { const: kind.kind, description: kind.description }, ...options };
    return { name: kind.kind, required, schema: { ...schema, description: kind.description, properties: withKind } };
  });
  return {
    type: "object",
    description: "What runs in the VM; the key is the service's name.",
    minProperties: 1,
    maxProperties: 20,
    propertyNames: { pattern: NAME_PATTERN },
    // A service that is called like its kind needs no `kind`, and nothing at all if every option has a default.
    properties: Object.fromEntries(
      kinds.map(({ name, required, schema }) => [
        name,
        required.length === 0 ? { anyOf: [schema, { type: "null" }] } : schema,
      ]),
    ),
    additionalProperties: {
      anyOf: kinds.map(({ required, schema }) => ({ ...schema, required: ["kind", ...required] })),
    },
  };
}

/** Lets a group stand empty (`packages:` and nothing below), as load.ts does. */
function allowEmpty(schema: Json | undefined): void {
  if (schema) schema["type"] = [schema["type"], "null"];
}
