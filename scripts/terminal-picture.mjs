// Turns what a command printed into a picture for the README: node scripts/terminal-picture.mjs TITLE < text > file.svg
// Plain text only; lines that were too long for the picture are cut with an ellipsis.
import fs from "node:fs";

const COLUMNS = 100;
const CHARACTER = 8.4; // pixels, of a 14 px monospace font
const LINE = 20;
const PADDING = 16;
const BAR = 32;

const title = process.argv[2] ?? "";
const lines = fs
  .readFileSync(0, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => (line.length > COLUMNS ? `${line.slice(0, COLUMNS - 1)}…` : line));
const width = Math.ceil(COLUMNS * CHARACTER + 2 * PADDING);
const height = BAR + lines.length * LINE + 2 * PADDING;
const quote = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Green for what is done, yellow for what a step announces, white for the answer, grey for the rest. */
function colour(line) {
  if (/^\$ /.test(line)) return "#ffffff";
  if (/^\[\d+\/\d+\]/.test(line)) return "#e5c07b";
  if (/every check (has )?passed|^\s*✓|done in/.test(line)) return "#98c379";
  if (/^[{}]|^ {2}"/.test(line)) return "#61afef";
  return "#c8ccd4";
}

const text = lines.map(
  (line, index) =>
    `<text x="${PADDING}" y="${BAR + PADDING + (index + 0.75) * LINE}" fill="${colour(line)}" xml:space="preserve">${quote(line)}</text>`,
);
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${quote(title)}">
<rect width="100%" height="100%" rx="8" fill="#21252b"/>
<text x="${width / 2}" y="21" fill="#8b919c" font-family="sans-serif" font-size="13" text-anchor="middle">${quote(title)}</text>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">
${text.join("\n")}
</g>
</svg>
`);
