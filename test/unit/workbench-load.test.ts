/** workbench.yaml as a file: what cannot be read, how values arrive, and that nothing but a UserError is thrown. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { UserError } from "../../src/errors.ts";
import { isGateway } from "../../src/services/index.ts";
import { loadWorkbench } from "../../src/workbench/load.ts";
import type { KernelGatewayService, Workbench } from "../../src/workbench/model.ts";

let folder: string;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-load-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

async function load(content: string | Buffer): Promise<Workbench> {
  fs.writeFileSync(path.join(folder, "workbench.yaml"), content);
  return loadWorkbench(folder);
}

async function failure(run: Promise<unknown>): Promise<UserError> {
  const error = await run.then(
    () => new Error("it was accepted"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof UserError)) throw error;
  expect(error.code).toBe("invalid");
  return error;
}

const HEAD = "version: 1\nname: lab\nbox: { name: notebox/debian-13 }\nservices: { jupyter: {} }\n";

describe("files that cannot be read", () => {
  // Without the look before it, reading these would never end; the VM can make such in api/.
  test.runIf(process.platform !== "win32")("pipes, devices, endless notebooks", async () => {
    const place = path.join(folder, "pipes");
    fs.mkdirSync(path.join(place, "api"), { recursive: true });
    execFileSync("mkfifo", [path.join(place, "workbench.yaml"), path.join(place, "api", "pipe.ipynb")]);
    expect((await failure(loadWorkbench(place))).message).toContain("is not a plain file");
    fs.rmSync(path.join(place, "workbench.yaml"));
    fs.symlinkSync("/dev/zero", path.join(place, "api", "zero.ipynb"));
    fs.writeFileSync(path.join(place, "api", "huge.ipynb"), "");
    fs.truncateSync(path.join(place, "api", "huge.ipynb"), 2 ** 40);
    const services = ["pipe", "zero", "huge"].map((name, index) =>
      [`  ${name}: { kind: kernel-gateway, notebook: api/${name}.ipynb, port: ${9000 + index} }`, ""].join("\n"),
    );
    fs.writeFileSync(path.join(place, "workbench.yaml"), HEAD.replace("{ jupyter: {} }\n", `\n${services.join("")}`));
    const { problems } = await failure(loadWorkbench(place));
    expect(problems.filter(({ id }) => id === "notebook-unreadable").map(({ message }) => message)).toEqual([
      "services.pipe.notebook: api/pipe.ipynb is not a plain file.",
      "services.zero.notebook: api/zero.ipynb is not a plain file.",
      "services.huge.notebook: api/huge.ipynb is larger than 100 MiB.",
    ]);
  });

  test("no workbench.yaml: init is named, and one further up is", async () => {
    const inner = path.join(folder, "none", "below");
    fs.mkdirSync(inner, { recursive: true });
    expect((await failure(loadWorkbench(inner))).hint).toContain("notebox init");
    fs.writeFileSync(path.join(folder, "none", "workbench.yaml"), HEAD);
    expect((await failure(loadWorkbench(inner))).hint).toContain(path.join(folder, "none"));
  });

  test("no such folder, and a file instead of a folder", async () => {
    expect((await failure(loadWorkbench(path.join(folder, "nowhere")))).message).toContain("There is no folder");
    const file = path.join(folder, "a-file");
    fs.writeFileSync(file, "");
    expect((await failure(loadWorkbench(file))).message).toContain("is a file");
  });

  test("a folder called workbench.yaml", async () => {
    const other = path.join(folder, "odd");
    fs.mkdirSync(path.join(other, "workbench.yaml"), { recursive: true });
    expect((await failure(loadWorkbench(other))).message).toContain("is a folder");
  });

  test.each<[string, string | Buffer, string]>([
    ["larger than 1 MiB", `${HEAD}#${" ".repeat(1024 * 1024)}`, "larger than 1 MiB"],
    ["Latin-1", Buffer.from(`${HEAD}title: Größe\n`, "latin1"), "not UTF-8"],
    ["UTF-16", Buffer.from(`\ufeff${HEAD}`, "utf16le"), "UTF-16"],
    ["a NUL byte", `${HEAD}#\0`, "NUL"],
    ["empty", "", "is empty"],
    ["comments only", "# nothing\n", "is empty"],
    ["a list", "- a\n", "does not hold settings"],
    ["a text", "hello", "does not hold settings"],
    ["nested too deeply", "[".repeat(200_000), "nested too deeply"],
    [
      "an alias bomb",
      `a: &a [${"x,".repeat(50)}]\nb: &b [${"*a,".repeat(50)}]\nc: &c [${"*b,".repeat(50)}]\nd: [${"*c,".repeat(50)}]\n`,
      "stand for too much",
    ],
  ])("%s", async (_what, content, words) => {
    const error = await failure(load(content));
    expect(error.message).toContain(words);
    expect(error.hint).toMatch(/\w/);
  });

  test("a second YAML document, an unknown tag and an alias for nothing are problems with a place", async () => {
    for (const [rest, line, words] of [
      ["---\na: 1\n", 5, "more than one"],
      ["title: !!python/object x\n", 5, "unknown tag"],
      ["title: *gone\n", 5, "stands for nothing"],
      ["x:\n\ty: 1\n", 6, "tab"],
    ] as const) {
      const [problem] = (await failure(load(HEAD + rest))).problems;
      expect(problem).toMatchObject({ id: "yaml", line });
      expect(problem?.message).toContain(words);
    }
  });
});

describe("files that can", () => {
  test("too little memory: fewer kernels are no advice where no API notebook has any", async () => {
    const [problem] = (
      await failure(load(`${HEAD.replace("{} }", "{}, mongodb: {} }")}machine: { memory: 512 MiB }\n`))
    ).problems;
    expect(problem?.hint).toMatch(/^Write memory: \d+ MiB or more\.$/);
  });

  test("a byte order mark and CRLF are fine", async () => {
    expect((await load(`\ufeff${HEAD.replaceAll("\n", "\r\n")}title: Lab\r\n`)).title).toBe("Lab");
  });

  test("defaults, and where each value came from", async () => {
    const workbench = await load(`${HEAD}machine:\n  memory: 3 GiB\npackages:\nfolders:\n`);
    expect(workbench).toMatchObject({
      folder,
      file: path.join(folder, "workbench.yaml"),
      title: "lab",
      box: { name: "notebox/debian-13", shares: [], registry: false },
      machine: { cpus: 2, memoryMiB: 3072 },
      services: [{ kind: "jupyter", name: "jupyter", port: 8888 }],
      packages: { apt: [], python: [] },
      folders: [],
    });
    expect(workbench.origins.get("name")).toEqual({ from: "file", line: 2 });
    expect(workbench.origins.get("machine.memory")).toEqual({ from: "file", line: 6 });
    expect(workbench.origins.get("machine.cpus")).toEqual({ from: "default" });
    expect(workbench.origins.get("services.jupyter.port")).toEqual({ from: "default" });
    expect(workbench.origins.get("title")).toEqual({ from: "default" });
  });

  test("anchors and aliases work, and faults behind them have a place", async () => {
    const anchored = HEAD.replace("box: {", "box: &b {");
    expect((await load(`${anchored}packages: { apt: &p [graphviz], python: *p }\n`)).packages).toEqual({
      apt: ["graphviz"],
      python: ["graphviz"],
    });
    const [problem] = (await failure(load(`${anchored}machine: *b\n`))).problems;
    expect(problem).toMatchObject({ id: "unknown-key", value: "name", line: 3, column: 11 });
  });

  test("the registry is asked without shares or on request, and never for names under notebox/", async () => {
    const box = async (text: string) => (await load(HEAD.replace("{ name: notebox/debian-13 }", text))).box.registry;
    expect(await box("{ name: bento/debian-12 }")).toBe(true);
    expect(await box("{ name: bento/debian-12, registry: false }")).toBe(false);
    expect(await box("{ name: bento/debian-12, shares: [/srv] }")).toBe(false);
    expect(await box("{ name: bento/debian-12, shares: [/srv], registry: true }")).toBe(true);
    expect(await box("{ name: notebox/debian-13 }")).toBe(false);
    expect(await box("{ name: Notebox/debian-13 }")).toBe(false);
  });

  test("without `files` a missing notebook keeps nobody from stopping a VM", async () => {
    const text = HEAD.replace("{ jupyter: {} }", "{ g: { kind: kernel-gateway, notebook: api/gone.ipynb } }");
    await failure(load(text));
    expect((await loadWorkbench(folder, { files: false })).services).toHaveLength(1);
  });

  test("the list of services keeps the file's order", async () => {
    const services = "{ z: { kind: jupyter }, a: { kind: kernel-gateway, notebook: api/a.ipynb, port: 9000 } }";
    fs.writeFileSync(path.join(folder, "workbench.yaml"), HEAD.replace("{ jupyter: {} }", services));
    const workbench = await loadWorkbench(folder, { files: false });
    expect(workbench.services.map((service) => service.name)).toEqual(["z", "a"]);
  });
});

function gatewayOf(workbench: Workbench): KernelGatewayService {
  const [service] = workbench.services;
  if (service === undefined || !isGateway(service)) throw new Error("not a gateway");
  return service;
}

// Pieces that have a meaning to YAML, Ruby, bash, cmd, Handlebars or systemd, between ordinary ones.
const nasty = fc.constantFrom(
  ...[
    "'",
    '"',
    "`",
    "#{x}",
    "$(id)",
    "$" + "{HOME}",
    "%PATH%",
    "%n",
    "{{x}}",
    "{{{",
    "\\",
    "\\n",
    "\n",
    "\r",
    "\t",
    "\0",
  ],
  ...[
    "\u0085",
    "\u2028",
    "\u200f",
    "\u202e",
    "ü",
    "e\u0301",
    "日本",
    "😀",
    "\ud83d",
    "\ufeff",
    "-",
    "- ",
    ": ",
    " #",
    "&a",
    "*a",
  ],
  ...[
    "!!x",
    "|",
    ">",
    "~",
    "null",
    "true",
    "0x1f",
    "1e3",
    "[",
    "]",
    "{",
    "}",
    ",",
    "?",
    "@",
    "<<",
    "..",
    "/",
    "a",
    "b",
    " ",
  ],
);
const hostile = fc.oneof(
  fc.array(nasty, { minLength: 1, maxLength: 12 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constant("x".repeat(10_000)),
);

describe("whatever stands there", () => {
  test("a title arrives unchanged or is refused with words", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(hostile, async (title) => {
        const quoted = HEAD + stringify({ title }, { defaultStringType: "QUOTE_DOUBLE", lineWidth: 0 });
        try {
          const workbench = await load(quoted);
          accepted += 1;
          expect(workbench.title).toBe(title);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
          expect(title).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
          expect(title.length).toBeLessThanOrEqual(400);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          expect(error.problems.length).toBeGreaterThan(0);
          expect(JSON.stringify(error.problems).length).toBeLessThan(3000);
        }
      }),
      { numRuns: 400 },
    );
    expect(accepted).toBeGreaterThan(60);
  });

  test("texts in every other place arrive unchanged or are refused with words", async () => {
    await fc.assert(
      fc.asyncProperty(hostile, fc.integer({ min: 0, max: 12 }), async (value, place) => {
        const base = { version: 1, name: "lab", box: { name: "a/b" }, services: { jupyter: {} } };
        const gateway = { kind: "kernel-gateway", notebook: "api/x.ipynb" };
        const put: [object, (workbench: Workbench) => unknown][] = [
          [{ name: value }, (w) => w.name],
          [{ box: { name: value } }, (w) => w.box.name],
          [{ box: { name: "a/b", version: value } }, (w) => w.box.version],
          [{ box: { name: "a/b", shares: [value] } }, (w) => w.box.shares[0]],
          [{ services: { [value]: { kind: "jupyter" } } }, (w) => w.services[0]?.name],
          [{ services: { g: { ...gateway, notebook: value } } }, (w) => gatewayOf(w).notebook],
          [{ services: { g: { ...gateway, origins: [value] } } }, (w) => gatewayOf(w).origins[0]],
          [{ packages: { apt: [value] } }, (w) => w.packages.apt[0]],
          [{ packages: { python: [value] } }, (w) => w.packages.python[0]],
          [{ folders: [value] }, (w) => w.folders[0]],
          [{ contact: value }, (w) => w.contact],
          [{ handout: { allow: [value] } }, (w) => w.handout.allow[0]],
          [{ handout: { patterns: [value] } }, (w) => w.handout.patterns[0]],
        ];
        const [given, read] = put[place] ?? [{}, () => value];
        fs.writeFileSync(path.join(folder, "workbench.yaml"), stringify({ ...base, ...given }, { lineWidth: 0 }));
        try {
          expect(read(await loadWorkbench(folder, { files: false }))).toBe(value);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          expect(error.hint).toMatch(/\w/);
        }
      }),
      { numRuns: 400 },
    );
  });

  test("any bytes, and any shape of values, give a workbench or a UserError", async () => {
    const keys = fc.constantFrom(
      ...[
        "version",
        "name",
        "title",
        "box",
        "machine",
        "services",
        "packages",
        "folders",
        "shares",
        "registry",
        "cpus",
      ],
      ...[
        "memory",
        "jupyter",
        "kind",
        "port",
        "notebook",
        "origins",
        "apt",
        "python",
        "__proto__",
        "constructor",
        "toString",
      ],
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(1, 0, -1, 8888, null, true, "jupyter", "kernel-gateway", "lab", "a/b", "2 GiB", 1.5),
        hostile,
        fc.array(tie("value"), { maxLength: 3 }),
        fc.array(fc.tuple(keys, tie("value")), { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs)),
      ),
    }));
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ unit: "binary", maxLength: 60 }).map((text) => HEAD + text),
      fc.array(nasty, { maxLength: 20 }).map((pieces) => HEAD + pieces.join("")),
      fc.dictionary(keys, value, { maxKeys: 8 }).map((map) => stringify(map)),
      fc.dictionary(keys, value, { maxKeys: 3 }).map((map) => stringify({ version: 1, name: "lab", ...map })),
    );
    await fc.assert(
      fc.asyncProperty(content, async (text) => {
        try {
          await load(text);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          expect(error.code).toBe("invalid");
          JSON.stringify(error.problems);
        }
      }),
      { numRuns: 600 },
    );
  });
});
