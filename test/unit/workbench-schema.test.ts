/** The JSON Schema: the checked-in file is what the source gives, and it knows what the loader knows. */
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { KINDS } from "../../src/services/index.ts";
import { workbenchJsonSchema, workbenchJsonSchemaText } from "../../src/workbench/json-schema.ts";
import { keysAt } from "../../src/workbench/schema.ts";

const root = path.resolve(import.meta.dirname, "../..");

interface Node {
  properties?: Record<string, Node>;
  anyOf?: Node[];
  additionalProperties?: Node | boolean;
  required?: string[];
  description?: string;
  pattern?: string;
  items?: Node;
  examples?: unknown[];
}

const schema = workbenchJsonSchema() as Node;

describe("schema/workbench.schema.json", () => {
  test("is what the source gives (npm run schema writes it anew)", () => {
    expect(fs.readFileSync(path.join(root, "schema/workbench.schema.json"), "utf8")).toBe(workbenchJsonSchemaText());
  });

  test("knows every key that the loader knows, and no other", () => {
    expect(Object.keys(schema.properties ?? {})).toEqual(keysAt([], {}));
    for (const group of ["box", "machine", "packages"]) {
      expect(Object.keys(schema.properties?.[group]?.properties ?? {})).toEqual(keysAt([group], {}));
    }
    const services = schema.properties?.["services"];
    for (const { kind } of KINDS) {
      const node = services?.properties?.[kind];
      const inner = node?.anyOf?.[0] ?? node;
      expect(Object.keys(inner?.properties ?? {})).toEqual(keysAt(["services", "x"], { services: { x: { kind } } }));
    }
    const others = (services?.additionalProperties as Node | undefined)?.anyOf ?? [];
    expect(others.map((node) => node.required?.[0])).toEqual(KINDS.map(() => "kind"));
  });

  test("describes every setting, and its examples match its patterns", () => {
    const visit = (node: Node, at: string): void => {
      for (const [key, child] of Object.entries(node.properties ?? {})) {
        expect(child.description ?? child.anyOf, `${at}.${key}`).toBeTruthy();
        visit(child, `${at}.${key}`);
      }
      for (const child of node.anyOf ?? []) visit(child, at);
      if (node.items) visit(node.items, `${at}[]`);
      if (node.pattern) for (const example of node.examples ?? []) expect(example).toMatch(new RegExp(node.pattern));
    };
    visit(schema, "");
  });
});
