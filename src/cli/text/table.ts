/** Columns, sizes and ages as people read them, for the verbs about a share. */

/** Rows in columns as wide as their widest cell; two blanks between them, none at the end of a line. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, index) =>
        right.includes(index) ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** 1234567 → "1.2 MiB". */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

export function age(days: number | undefined): string {
  if (days === undefined) return "?";
  if (days < 1) return "today";
  return days === 1 ? "1 day" : `${days} days`;
}
