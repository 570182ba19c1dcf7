/** Texts and workbenches made to break out of wherever they are written. */
import fc from "fast-check";
import type { Workbench } from "../../src/workbench/model.ts";

const PIECES = [
  '"',
  "'",
  "\\",
  "\\\\",
  "`",
  "$",
  "$(touch pwned)",
  "`touch pwned`",
  '#{File.write("pwned", "")}',
  "#{",
  "}",
  "#$0",
  "#@x",
  "%",
  "%PATH%",
  "%%",
  "!x!",
  "^",
  "&",
  "|",
  ">",
  "<",
  "& echo x > pwned &",
  "; touch pwned;",
  "\n",
  "\r",
  "\r\n",
  "\t",
  "\0",
  "\x1b[2J",
  "\x7f",
  "\u0085",
  "\u2028",
  "\u2029",
  "\u202e",
  "\u200f",
  "\u2066",
  "\ufeff",
  "\u200b",
  "{{name}}",
  "{{{title}}}",
  "{{#each x}}",
  "{% x %}",
  "<%= 1 %>",
  "<script>",
  "</title>",
  "&amp;",
  "&quot;",
  "äöüß",
  "漢字",
  "🎉",
  "e\u0301",
  "PEM",
  "EOF",
  "TEXT",
  "__END__",
  "=begin",
  "\n=begin\n",
  "\n__END__\n",
  "\\u{41}",
  "\\x41",
  "\\n",
  "~",
  "*",
  "?",
  "[a]",
  "-n",
  "--",
  " ",
  "  ",
  "x",
  "1",
  ".",
  "..",
  "/",
  "%00",
  "%k",
  "%f",
  "\\s",
  ": ",
  " #",
  "- ",
  "&a",
  "*a",
  "!!python",
  "|-",
  "\ud800",
  "\udfff",
  "\u{10ffff}",
  "\uffff",
  "\u{e000}",
];

/** Pieces in any order, and now and then ten thousand characters. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 8 }).map((parts) => parts.join("")),
  },
  { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  { weight: 3, arbitrary: fc.string({ unit: "grapheme", maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(...PIECES).map((piece) => piece.repeat(Math.ceil(10_000 / piece.length))) },
);

/** The same without what a line of text cannot hold; so that most workbenches get past the refusals. */
const hostileLine = hostileText.map((text) => text.replace(/[\p{Cc}\p{Surrogate}]/gu, ""));
const mostlyLine = fc.oneof({ weight: 19, arbitrary: hostileLine }, { weight: 1, arbitrary: hostileText });

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,38}[a-z0-9]$/);
const port = fc.integer({ min: 1024, max: 65535 });

/** A resolved workbench: names as the schema lets them through, everything else as hostile as can be. */
export const hostileWorkbench: fc.Arbitrary<Workbench> = fc.record({
  folder: fc.constant("/w"),
  file: fc.constant("/w/workbench.yaml"),
  name,
  title: mostlyLine,
  box: fc.record({
    name: hostileLine,
    version: mostlyLine,
    shares: fc.array(
      hostileLine.map((text) => `/share/${text}`),
      { maxLength: 3 },
    ),
    registry: fc.boolean(),
  }),
  machine: fc.record({ cpus: fc.integer({ min: 1, max: 64 }), memoryMiB: fc.integer({ min: 512, max: 65536 }) }),
  services: fc
    .uniqueArray(name, { minLength: 1, maxLength: 4 })
    .chain((names) => fc.tuple(...names.map((each) => service(each)))),
  packages: fc.record({
    apt: fc.array(mostlyLine, { maxLength: 2 }),
    python: fc.array(mostlyLine, { maxLength: 2 }),
  }),
  folders: fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/), { maxLength: 3 }),
  contact: mostlyLine,
  language: fc.constantFrom("en" as const, "de" as const),
  handout: fc.constant({ allow: [], patterns: [] }),
  origins: fc.constant(new Map()),
});

function service(each: string): fc.Arbitrary<Workbench["services"][number]> {
  return fc.oneof(
    fc.record({ kind: fc.constant("jupyter" as const), name: fc.constant(each), port }),
    fc.record({
      kind: fc.constant("kernel-gateway" as const),
      name: fc.constant(each),
      port,
      notebook: mostlyLine,
      origins: fc.array(mostlyLine, { maxLength: 2 }),
      kernels: fc.integer({ min: 1, max: 16 }),
      timeoutSeconds: fc.integer({ min: 1, max: 3600 }),
    }),
  );
}
