/** Lines that look like an annotation to people and are none to the gateway. Pure; annotation-rules.ts reports them. */
import { type Annotation, annotationOf, METHODS } from "../annotations.ts";

export interface NearMiss {
  /** What keeps the gateway from seeing it, as the end of a sentence. */
  reasons: readonly string[];
  /** Of another language: a case for rule E19. */
  otherComment: boolean;
  /** Where the line begins in the source, without the blanks before it. */
  offset: number;
  /** The line without the blanks around it. */
  line: string;
  /** How it is probably meant. */
  meant: string | undefined;
  /** Whether that is sure enough to be done without asking. */
  mechanical: boolean;
}

const VERBS = "get|put|post|delete|patch|head|options";
const LINE = new RegExp(
  `^(#+|//+|--+|%|;+)?([ \\t]*)(responseinfo\\b)?([: \\t]*)\\b(${VERBS})\\b((?:[ \\t]*[,|/&][ \\t]*(?:${VERBS})\\b)*)[ \\t]*(:?)[ \\t]*(\\S.*)$`,
  "i",
);

/** Judges the first line of a source that is not blank. The source has no sound annotation. */
export function nearMiss(source: string, prefix: string): NearMiss | undefined {
  // A byte order mark counts as a blank to JavaScript and as a letter to Python: here both times as something before.
  const offset = source.length - source.trimStart().length;
  const line = (source.slice(offset).split("\n", 1)[0] ?? "").trim();
  const match = LINE.exec(line);
  if (!match) return undefined;
  const [, sign = "", gap = "", info, , verb = "", more = "", colon, rest = ""] = match;
  const method = verb.toUpperCase();
  const known = (METHODS as readonly string[]).includes(method);
  const shouted = verb === method;
  if (!isMeant(rest, { shouted: shouted || info !== undefined, sign, known, several: more !== "" })) return undefined;
  const reasons: string[] = [];
  if (offset > 0) reasons.push("something stands before it, if only a blank line");
  const own = sign.startsWith(prefix[0] ?? "#");
  if (sign === "") reasons.push(`it is no comment: the ${prefix} is missing`);
  else if (!own) reasons.push(`${sign} is not the comment sign of this notebook's language`);
  else if (sign !== prefix) reasons.push(`${sign} is not ${prefix}`);
  if (own && gap === "" && sign !== "") reasons.push(`the blank after ${sign} is missing`);
  if (info !== undefined && info !== "ResponseInfo") reasons.push("ResponseInfo is written otherwise");
  if (!known) reasons.push(`the gateway knows ${METHODS.join(", ")} only`);
  else if (!shouted) reasons.push("the method must be in capitals");
  if (more !== "") reasons.push("there can be one method only: write a cell for each");
  if (colon !== "") reasons.push("there must be no colon after the method");
  if (/^https?:/i.test(rest)) reasons.push("the path must begin with /, without scheme and host");
  else if (!rest.startsWith("/")) reasons.push("the path must begin with /");
  const path = rest.replace(/^https?:\/\/[^/]*/i, "").replace(/^(?!\/)/, "/");
  const meant =
    known && more === "" ? `${prefix} ${info === undefined ? "" : "ResponseInfo "}${method} ${path}` : undefined;
  const mechanical =
    meant !== undefined &&
    sign === prefix &&
    colon === "" &&
    path === rest &&
    annotationOf(meant, prefix) !== undefined;
  return { reasons, otherComment: sign !== "" && !own, offset, line, meant, mechanical };
}

/** Ordinary comments begin with such words too: "# get the data", "# Post /tmp files to the server". */
function isMeant(
  rest: string,
  { shouted, sign, known, several }: { shouted: boolean; sign: string; known: boolean; several: boolean },
): boolean {
  const single = !/\s/.test(rest);
  if (rest.startsWith("/")) return (single || shouted) && (sign !== "" || shouted);
  if (!shouted || sign === "" || !single) return false;
  if (/^https?:\/\//i.test(rest)) return true;
  return known && !several && /^:?[\w.-]+(?:\/:?[\w.-]*)*$/.test(rest);
}

/** Sound annotations on later lines of a source: where each begins. */
export function laterAnnotations(source: string, prefix: string): { offset: number; annotation: Annotation }[] {
  const found: { offset: number; annotation: Annotation }[] = [];
  for (let feed = source.indexOf("\n"); feed >= 0; feed = source.indexOf("\n", feed + 1)) {
    if (!source.startsWith(prefix, feed + 1)) continue;
    const line = source.slice(feed + 1).split("\n", 1)[0] ?? "";
    const annotation = annotationOf(line, prefix);
    if (annotation) found.push({ offset: feed + 1, annotation });
  }
  return found;
}
