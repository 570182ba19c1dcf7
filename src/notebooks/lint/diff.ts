/** The difference between two texts that have as many lines, or nearly: a unified diff with three lines around. Pure. */

const AROUND = 3;

interface Line {
  sign: " " | "-" | "+";
  text: string;
}

/** Empty when there is no difference. Lines are those of the file, JSON as it is. */
export function lineDiff(before: string, after: string, name: string): string {
  if (before === after) return "";
  const lines = compare(before.split("\n"), after.split("\n"));
  const shown = new Set<number>();
  for (const [index, { sign }] of lines.entries()) {
    if (sign === " ") continue;
    for (let near = index - AROUND; near <= index + AROUND; near++) shown.add(near);
  }
  const out = [`--- ${name}`, `+++ ${name}`];
  let old = 0;
  let fresh = 0;
  for (const [index, { sign, text }] of lines.entries()) {
    if (shown.has(index)) {
      if (!shown.has(index - 1)) out.push(header(lines, shown, index, old + 1, fresh + 1));
      out.push(`${sign}${text}`);
    }
    if (sign !== "+") old++;
    if (sign !== "-") fresh++;
  }
  return `${out.join("\n")}\n`;
}

function header(lines: readonly Line[], shown: ReadonlySet<number>, from: number, old: number, fresh: number): string {
  let [olds, freshs] = [0, 0];
  for (let index = from; index < lines.length && shown.has(index); index++) {
    if (lines[index]?.sign !== "+") olds++;
    if (lines[index]?.sign !== "-") freshs++;
  }
  return `@@ -${old},${olds} +${fresh},${freshs} @@`;
}

/** Goes along both texts; where they part, looks for the nearest place where they meet again. */
function compare(a: readonly string[], b: readonly string[]): Line[] {
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && a[i] === b[j]) {
      lines.push({ sign: " ", text: a[i] ?? "" });
      i++;
      j++;
      continue;
    }
    const [skipA, skipB] = meeting(a, b, i, j);
    for (const text of a.slice(i, i + skipA)) lines.push({ sign: "-", text });
    for (const text of b.slice(j, j + skipB)) lines.push({ sign: "+", text });
    i += skipA;
    j += skipB;
  }
  return lines;
}

function meeting(a: readonly string[], b: readonly string[], i: number, j: number): [number, number] {
  for (let distance = 1; distance < 400; distance++) {
    for (let skipA = 0; skipA <= distance; skipA++) {
      const skipB = distance - skipA;
      if (i + skipA < a.length && j + skipB < b.length && a[i + skipA] === b[j + skipB]) return [skipA, skipB];
    }
  }
  return [a.length - i, b.length - j];
}
