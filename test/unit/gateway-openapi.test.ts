/**
 * The description that our gateway makes of the routes that it serves, beside `notebox api openapi` of the same
 * notebooks and an independent validator. Compared without examples, which only the command adds.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { gatewayPython } from "../../scripts/lib/gateway-python.mjs";
import { parseNotebook } from "../../src/notebooks/notebook.ts";
import { type OpenApiDocument, openApiDocument } from "../../src/notebooks/openapi/document.ts";
import { startFaults } from "../../src/notebooks/routes.ts";
import { notebookText, PYTHON } from "../gateway/start.ts";
import { withGateway } from "../gateway/with-gateway.ts";

const root = path.resolve(import.meta.dirname, "../..");
const python = gatewayPython() ?? "";

/** Cells that read REQUEST in every way that either side knows. */
const READS = [
  "request = json.loads(REQUEST)\nargs = request['args']\n",
  "# GET /a/:x\n# Words of it\n# example: /a/1\nn = int(request['args']['count'][0])",
  "# GET /b\nq = json.loads(REQUEST)['args'].get('q', ['x'])[0]\nprint(float(args.get('f', ['1.5'])[0]), args['must'])",
  "# POST /b\n'''args['in a string']''' # args['in a comment']\nprint(request['body'], request.get('args', {}).get(\"tags\"))",
  "# ResponseInfo POST /b\nprint(json.dumps({'status': 201 if request else 400, 'headers': {'Content-Type': 'text/csv'}}))",
  "# PUT /caf\u00e9/:name-x\nprint(1)",
  "def info(code):\n    'status'\n    print(json.dumps({'status': 404, \"headers\": {}}))\n@decorated\ndef other(): pass",
  "# PUT /d/:e\nprint(args.get('n', [str(1)]))",
  "# ResponseInfo PUT /d/:e\ninfo(1)",
  "# GET /u/:a\nprint(1)",
  "# DELETE /u/:b\nprint(1)",
];

function notebooks(): string[] {
  const examples = fs.readdirSync(path.join(root, "examples")).flatMap((name) => {
    const folder = path.join(root, "examples", name, "api");
    if (!fs.existsSync(folder)) return [];
    const files = fs.readdirSync(folder).filter((file) => file.endsWith(".ipynb"));
    return files.map((file) => fs.readFileSync(path.join(folder, file), "utf8"));
  });
  const options = { encoding: "utf8", maxBuffer: 1 << 28 } as const;
  const lines = execFileSync(python, [path.join(root, "test/gateway/ask-gateway.py"), "150", "810000"], options);
  const madeUp = lines
    .trim()
    .split("\n")
    .map((line, index) => {
      const { language, cells } = JSON.parse(line);
      const sources = cells.map(({ type, source }: { type: string; source: string }) =>
        type === "code" ? source : { markdown: source },
      );
      const metadata = { ...PYTHON, language_info: language === null ? undefined : { name: language } };
      return notebookText(
        [...sources, ...(index % 3 === 0 ? [READS[(index / 3) % READS.length] ?? ""] : [])],
        metadata,
      );
    });
  const reads = notebookText([
    { markdown: "# A title #\n\nWords" },
    ...READS.filter((cell) => !cell.includes(":name-x")),
  ]);
  return [...examples, reads, ...madeUp];
}

/** What both sides say of a notebook; answers' contents, and which notebook it is, are not the command's. */
function common({ info, security, paths, components }: OpenApiDocument): object {
  const operations = Object.entries(paths).map(([template, methods]) => [
    template,
    Object.entries(methods).map(([method, operation]) => {
      const { responses, ...rest } = operation as { responses: Record<string, object> };
      return [method, rest, Object.keys(responses).sort()];
    }),
  ]);
  return { info, security, components, operations };
}

withGateway("what the gateway says of its routes", () => {
  test("is what the command says, and OpenAPI 3.1", () => {
    // A hundred notebooks through the gateway's own code take a minute on a busy computer.
    const texts = notebooks();
    const input = JSON.stringify(texts);
    const options = { input, encoding: "utf8", maxBuffer: 1 << 28 } as const;
    const documents: (OpenApiDocument | null)[] = JSON.parse(
      execFileSync(python, [path.join(root, "test/gateway/describe.py")], options),
    );
    let operations = 0;
    for (const [index, text] of texts.entries()) {
      const read = parseNotebook(text);
      if (!("notebook" in read)) throw new Error(`notebook ${index}: ${read.problem.message}`);
      const theirs = documents[index] ?? null;
      expect(theirs === null, `notebook ${index}`).toBe(startFaults(read.notebook).length > 0);
      if (theirs === null) continue;
      const ours = openApiDocument(read.notebook, { name: "marks", url: "http://127.0.0.1:8889", examples: false });
      expect(common(theirs), `notebook ${index}`).toEqual(common(JSON.parse(JSON.stringify(ours))));
      operations += Object.values(theirs.paths).reduce((sum, methods) => sum + Object.keys(methods).length, 0);
    }
    // A comparison of nothing would pass as well.
    expect(operations).toBeGreaterThan(75);
    const code = `import json, sys
from openapi_spec_validator import OpenAPIV31SpecValidator as Validator
print(json.dumps([[str(fault) for fault in Validator(each).iter_errors()] for each in json.load(sys.stdin)]))`;
    const served = documents.filter((each) => each !== null).slice(0, 12);
    const wrong = {
      openapi: "3.1.0",
      info: { title: "x", version: "1" },
      paths: { "/a": { get: { responses: { 200: {} } } } },
    };
    const said = JSON.parse(
      execFileSync(python, ["-c", code], { input: JSON.stringify([...served, wrong]), encoding: "utf8" }),
    );
    expect(said.slice(0, -1)).toEqual(served.map(() => []));
    expect(said.at(-1)).not.toEqual([]);
  }, 240_000);
});
