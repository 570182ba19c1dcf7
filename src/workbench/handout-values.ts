/**
 * What workbench.yaml says about the hand-out: whom to ask, the page's language, what may travel although it looks like
 * personal data. Values only; looking for personal data is for src/bundle/scan.ts.
 */
import * as z from "zod";
import type { Complaint } from "./units.ts";
import { checkedText, listOf } from "./values.ts";

/** Languages that READ-ME-FIRST.html is written in: templates/read-me/LANGUAGE.json. */
export const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];

export const contact = checkedText(contactComplaint, {
  description: "Whom to ask, as READ-ME-FIRST.html shows it: a name, an address, a room.",
  examples: ["Ada Example, ada@example.edu, room 12"],
  maxLength: 300,
});

export const language = z
  .enum(LANGUAGES)
  .meta({ description: "Language of READ-ME-FIRST.html, the page for those who get the hand-out." });

export const handout = z
  .strictObject({
    allow: listOf(
      checkedText(pathComplaint, {
        description: "A file or folder whose outputs may go out although they look like personal data.",
        examples: ["notebooks/synthetic.ipynb"],
        maxLength: 300,
      }),
      200,
      "Files and folders that may travel although they look like personal data.",
    ).default([]),
    patterns: listOf(
      checkedText(patternComplaint, {
        description: "A regular expression for what counts as personal data here, beside e-mail addresses.",
        examples: ["\\bs[0-9]{7}\\b"],
        maxLength: 200,
      }),
      20,
      "What counts as personal data here, such as the form of student numbers.",
    ).default([]),
  })
  .meta({ description: "What `render --zip` lets go out." });

function contactComplaint(value: string): Complaint | undefined {
  if (value.trim() === "") return { message: "is empty", hint: "Write whom to ask, or leave contact out." };
  if (value.trim() !== value) return { message: "begins or ends with a space", hint: "Take the space away." };
  if (/\p{Cc}/u.test(value)) return { message: "is more than one line", hint: "Write it on one line." };
  if ([...value].length > 300) return { message: "is longer than 300 characters", hint: "Shorten it." };
  return undefined;
}

function pathComplaint(value: string): Complaint | undefined {
  const hint = "Write it like notebooks/synthetic.ipynb.";
  const parts = value.replace(/\/$/, "").split("/");
  if (value.length > 300 || value.includes("\\") || parts.some((part) => part === "" || part === "." || part === ".."))
    return { message: "is no path below the workbench folder", hint };
  return undefined;
}

function patternComplaint(value: string): Complaint | undefined {
  const hint = "Write it as JavaScript does, such as \\bs[0-9]{7}\\b.";
  if (value.length > 200) return { message: "is longer than 200 characters", hint };
  try {
    if (new RegExp(value, "u").test("")) return { message: "is found in every text, even in none", hint };
  } catch {
    return { message: "is no regular expression", hint };
  }
  return undefined;
}
