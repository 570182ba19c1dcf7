// Writes the codes of docs/errors.md from the table of faults (templates/vagrant/faults.json), between its two marks.
// Drift fails the tests.
import fs from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const BEGIN = "<!-- from templates/vagrant/faults.json; npm run errors writes it -->";
const END = "<!-- end -->";
const SYSTEMS = { windows: "Windows", macos: "macOS", linux: "Linux" };

export function codesText() {
  const { faults, exits } = JSON.parse(fs.readFileSync(path.join(root, "templates/vagrant/faults.json"), "utf8"));
  return faults
    .map((fault) => {
      const { code, title, systems, exit, cause, user, it, sentences, symptoms, classes, id } = fault;
      const where = systems.length === 3 ? "everywhere" : systems.map((name) => SYSTEMS[name]).join(", ");
      const seen = [...(symptoms ?? []), ...(classes ?? [])].map((text) => `\`${text}\``);
      return [
        `### ${code}: ${title}`,
        "",
        `> ${sentences
          .map((text) =>
            text
              .replace(/\{[a-z]+\|([^}]*)\}/g, "$1")
              .replace(/ +/g, " ")
              .replace(/ (?=[.,;](?: |$))/g, ""),
          )
          .join(" ")}`,
        "",
        `- Id \`${id}\`, ${where}; exit code ${exits[exit]} (\`${exit}\`).`,
        `- Cause: ${cause}`,
        `- For the user: ${user}`,
        `- For IT: ${it}`,
        ...(seen.length === 0 ? [] : [`- Seen as: ${seen.join(", ")}`]),
        "",
      ].join("\n");
    })
    .join("\n");
}

/** docs/errors.md with the codes in it. */
export function withCodes(page) {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`docs/errors.md lacks its marks ${BEGIN} … ${END}`);
  return `${before}${BEGIN}\n\n${codesText()}\n${END}${after}`;
}

if (process.argv[1] === import.meta.filename) {
  const file = path.join(root, "docs", "errors.md");
  fs.writeFileSync(file, withCodes(fs.readFileSync(file, "utf8")));
  process.stdout.write(`${path.relative(root, file)}\n`);
}
