/**
 * The kinds of value that workbench.yaml holds: names, ports, doors, origins, paths. Each is a zod schema that
 * says in words what is wrong and, where it can, what was meant. Which key takes which is for schema.ts and
 * for the kinds in src/services.
 */
import * as z from "zod";
import { isDeviceName } from "./file-names.ts";
import { type Complaint, type Measured, parseDuration, parseSize } from "./units.ts";

/** Standard texts, for editors: they end up in the JSON Schema. */
export interface Notes {
  description: string;
  examples?: readonly unknown[];
  pattern?: string;
  maxLength?: number;
  enum?: readonly string[];
}

/** A text that passes `check`; the value itself is never changed. */
export function checkedText(check: (value: string) => Complaint | undefined, notes: Notes) {
  return z
    .string()
    .superRefine((value, context) => {
      const complaint = check(value);
      if (complaint) context.addIssue({ code: "custom", ...asIssue(complaint) });
    })
    .meta({ ...notes });
}

/** A whole number in a range. */
export function wholeNumber(min: number, max: number, notes: Omit<Notes, "pattern">) {
  return z
    .int()
    .min(min, `must be between ${min} and ${max}`)
    .max(max, `must be between ${min} and ${max}`)
    .meta({ ...notes });
}

/** A list without doubles; its items have positions of their own. */
export function listOf<T extends z.ZodType<string>>(item: T, max: number, description: string) {
  return z
    .array(item)
    .max(max, `must have at most ${max} entries`)
    .superRefine((values, context) => {
      for (const [at, value] of values.entries()) {
        if (values.indexOf(value) < at)
          context.addIssue({ code: "custom", path: [at], message: "is in the list twice", params: {} });
      }
    })
    .meta({ description });
}

function measured(
  parse: (text: string) => Measured,
  range: { min: number; max: number; words: string },
  notes: Notes & { pattern: string },
) {
  return z
    .string()
    .meta({ ...notes })
    .transform((text, context) => {
      const result = parse(text);
      if (!("value" in result)) {
        context.addIssue({ code: "custom", ...asIssue(result) });
        return z.NEVER;
      }
      if (result.value < range.min || result.value > range.max) {
        context.addIssue({ code: "custom", message: `must be ${range.words}`, params: {} });
        return z.NEVER;
      }
      return result.value;
    });
}

/** Memory in MiB. */
export function memory(min: number, max: number, words: string, description = `Memory of the VM, ${words}.`) {
  return measured(
    parseSize,
    { min, max, words },
    {
      description,
      examples: ["2 GiB", "1536 MiB"],
      pattern: "^[0-9]+(\\.[0-9]+)? ?(MiB|GiB)$",
    },
  );
}

/** A time in seconds. */
export function duration(min: number, max: number, words: string, description: string) {
  return measured(
    parseDuration,
    { min, max, words },
    { description, examples: ["30 s", "2 min"], pattern: "^[0-9]+(\\.[0-9]+)? ?(s|min|h)$" },
  );
}

function asIssue(complaint: Complaint) {
  return { message: complaint.message, params: complaint.hint === undefined ? {} : { hint: complaint.hint } };
}

/** A sound name made from a folder's, or undefined where nothing is left of it. */
export function nameFrom(text: string): string | undefined {
  const name = text
    .normalize("NFKD")
    .replaceAll("ß", "ss")
    .toLowerCase()
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 40)
    .replace(/-+$/, "");
  return name === "" ? undefined : name;
}

export const NAME_PATTERN = "^[a-z][a-z0-9-]{0,39}$";

/** A name that can stand in a host name, a file name and a systemd instance. */
export function nameComplaint(value: string): Complaint | undefined {
  const rule = "Use a-z, 0-9 and -, a letter first, at most 40 characters.";
  if (!new RegExp(NAME_PATTERN).test(value)) {
    const near = value.length > 200 ? undefined : nameFrom(value);
    const suggestion = near === undefined || nameComplaint(near) ? "" : ` Did you mean ${near}?`;
    return { message: "is not a name that a host can have", hint: rule + suggestion };
  }
  if (value.endsWith("-")) return { message: "must not end with -", hint: `Did you mean ${value.replace(/-+$/, "")}?` };
  if (isDeviceName(value))
    return { message: "is a name that Windows keeps for a device", hint: "Choose another name." };
  if (value === "localhost") return { message: "already means every computer itself", hint: "Choose another name." };
  return undefined;
}

// Browsers refuse to open these: https://fetch.spec.whatwg.org/#port-blocking (those from 1024 up).
const BLOCKED_BY_BROWSERS = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/** A port on this computer and in the VM. */
export const port = wholeNumber(1024, 65535, {
  description: "Port, in the VM and on this computer (there on 127.0.0.1 only).",
  examples: [8888],
}).superRefine((value, context) => {
  if (value >= 2200 && value <= 2250) {
    const params = { hint: "Choose another port, such as 8888." };
    context.addIssue({ code: "custom", message: "is one that Vagrant uses for SSH (2200 to 2250)", params });
  }
  if (BLOCKED_BY_BROWSERS.has(value)) {
    const params = { hint: "Choose another port, such as 8888." };
    context.addIssue({ code: "custom", message: "is one that browsers refuse to open", params });
  }
});

/** A page's origin exactly as a browser sends it: scheme, host, port if it is not the usual one. */
export function originComplaint(value: string): Complaint | undefined {
  const example = "Write scheme and host only, such as https://lms.example.edu.";
  if (value === "*") return { message: "would let every page in the world call this API", hint: example };
  if (value.length > 300) return { message: "is longer than 300 characters", hint: example };
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return { message: "is not the origin of a web page", hint: example };
  }
  if (url.username !== "" || url.password !== "") return { message: "holds a user name or password", hint: example };
  if (url.origin !== value) {
    return { message: "is not an origin exactly as browsers send it", hint: `Did you mean ${url.origin}?` };
  }
  return undefined;
}

/** A notebook's path: relative, forward slashes, below api/ or notebooks/, fit for every file system. */
export function notebookPathComplaint(value: string): Complaint | undefined {
  const example = "Write it like api/marks.ipynb.";
  if (value.length > 200) return { message: "is longer than 200 characters" };
  if (value.includes("\\")) {
    return { message: "has a backslash", hint: `Did you mean ${value.replaceAll("\\", "/")}?` };
  }
  const parts = value.split("/");
  if (parts.includes("..") || parts.includes("."))
    return { message: "must not hold . or .. as a folder", hint: example };
  if (value.startsWith("/") || /^[a-z]:/i.test(value)) {
    return { message: "must be relative to the workbench folder", hint: example };
  }
  if ((parts[0] !== "api" && parts[0] !== "notebooks") || parts.length < 2) {
    return {
      message: "must lie in api/ or notebooks/, because only they are shared with the VM",
      hint: parts.length === 1 && value.endsWith(".ipynb") ? `Did you mean api/${value}?` : example,
    };
  }
  if (parts.includes("")) return { message: "holds two slashes in a row or ends with one", hint: example };
  if (!value.endsWith(".ipynb")) return { message: "is not a notebook (.ipynb)", hint: example };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const illegal = /[<>:"|?*\u0000-\u001f]/.exec(value);
  if (illegal) return { message: `holds ${illegal[0]}, which a file name on Windows cannot`, hint: "Rename the file." };
  if (parts.some((part) => /[. ]$/.test(part) || isDeviceName(part) || part.startsWith(" "))) {
    return { message: "has a part that a file on Windows cannot be called", hint: "Rename the file or folder." };
  }
  return undefined;
}
