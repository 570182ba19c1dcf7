/** `box list` for people: one line a box. */
import type { BoxListResult } from "../../commands/box-list.ts";
import { age, size, table } from "./table.ts";

export function text({ boxes, doors, bytes, share, twins = [], unsound }: BoxListResult): string {
  const rows = boxes.map((box, index) => [
    // The name once, not at every version of it.
    boxes[index - 1]?.name === box.name ? "" : box.name,
    box.version,
    box.provider,
    box.arch,
    size(box.size),
    age(box.days),
    box.source,
  ]);
  const names = new Set(boxes.map(({ name }) => name)).size;
  return [
    ...(rows.length === 0
      ? []
      : table([["BOX", "VERSION", "PROVIDER", "ARCH", "SIZE", "AGE", "SOURCE"], ...rows], [4])),
    ...(rows.length === 0
      ? [`The share ${share} holds no such boxes.`]
      : ["", `${counted(boxes.length, "box", "boxes")} under ${counted(names, "name", "names")}, ${size(bytes)}`]),
    ...doors.map((door, index) => `${index === 0 ? "doors " : "      "}${door}`),
    ...(unsound === 0
      ? []
      : [`${counted(unsound, "place is", "places are")} not in order; \`notebox box verify --share DIR\` says why.`]),
    ...twins.map(
      (group) =>
        `${group.join(" and ")} differ only in capital and small letters; \`notebox box verify --share DIR\` says more.`,
    ),
  ].join("\n");
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
