/**
 * What an author says about a route for those who try it: which request to send, which status to expect, whether it
 * changes something. In comment lines of its cell, or in the cell's metadata under `notebox`; the metadata wins.
 *   # example: /hello/Ada?times=2             {"notebox": {"example": "/hello/Ada?times=2"}}
 *   # example body: {"points": 3}             {"notebox": {"example": {"path": "/x", "body": {"points": 3}, "status": 201}}}
 *   # example status: 404                     {"notebox": {"writes": false}}
 *   # writes: no
 * Pure. What a request is made of is in example-request.ts.
 */
import * as z from "zod";

export interface Notes {
  /** Path and query, as the author wrote them. */
  path?: string;
  /** JSON text. */
  body?: string;
  /** The status that the example is answered with. */
  status?: number;
  /** Whether the route changes something. */
  writes?: boolean;
}

const status = z.int().min(100).max(599);
const schema = z.strictObject({
  example: z
    .union([z.string(), z.strictObject({ path: z.string().optional(), body: z.unknown(), status: status.optional() })])
    .optional(),
  writes: z.boolean().optional(),
});

/** Notes from a cell's metadata, or what is wrong with them. Undefined: there are none. */
export function notesOfMetadata(value: unknown): Notes | { wrong: string } | undefined {
  if (value === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const at = parsed.error.issues[0]?.path.join(".") ?? "";
    return { wrong: `the metadata notebox${at === "" ? "" : `.${at}`} is not as it should be` };
  }
  const { example, writes } = parsed.data;
  const given = typeof example === "string" ? { path: example, body: undefined } : example;
  return {
    ...(given?.path === undefined ? {} : { path: given.path }),
    ...(given?.body === undefined ? {} : { body: JSON.stringify(given.body) }),
    ...(given?.status === undefined ? {} : { status: given.status }),
    ...(writes === undefined ? {} : { writes }),
  };
}

const KEYS = "example|example body|example status|writes";

/** Whether this line of a comment, without its prefix, is such a note. */
export function isNote(text: string): boolean {
  return new RegExp(`^(?:${KEYS}):`).test(text);
}

/** Notes from the comment lines of a cell. */
export function notesOfSource(source: string): Notes {
  const path = commentValue(source, "example");
  const body = commentValue(source, "example body");
  const given = Number(commentValue(source, "example status"));
  const writes = commentValue(source, "writes");
  return {
    ...(path === undefined ? {} : { path }),
    ...(body === undefined ? {} : { body }),
    ...(status.safeParse(given).success ? { status: given } : {}),
    // Whatever else it says, it is a warning not to call the route just to see whether it answers.
    ...(writes === undefined ? {} : { writes: !/^(?:no|false)$/i.test(writes) }),
  };
}

function commentValue(source: string, key: string): string | undefined {
  return new RegExp(`^(?:#|//)[ \\t]*${key}:[ \\t]*(\\S.*?)[ \\t\\r]*$`, "m").exec(source)?.[1];
}
