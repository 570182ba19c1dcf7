/**
 * What a backup says of itself: `manifest.json`, the last member of its archive. Read by whoever restores, who believes
 * nothing of it that was not checked against the bytes.
 */
import * as z from "zod";
import { UserError } from "../errors.ts";

/** Members of the archive; those with a dot and gz are packed tars, as the VM made them. */
export const README = "READ-ME.txt";
export const MANIFEST = "manifest.json";
export const HOME = "home.tar.gz";
export const PYTHON = "python.tar.gz";
export const TOKENS = "tokens.txt";
/** What the kind's `save` wrote of that service. */
export const serviceMember = (service: string): string => `services/${service}.tar.gz`;
/** The state folder, as it lies there, of a service that the workbench had no more. */
export const leftMember = (service: string): string => `left/${service}.tar.gz`;
export const leftOfMember = (name: string): string | undefined => /^left\/([a-z][a-z0-9-]*)\.tar\.gz$/.exec(name)?.[1];
export const serviceOfMember = (name: string): string | undefined =>
  /^services\/([a-z][a-z0-9-]*)\.tar\.gz$/.exec(name)?.[1];

/** More than any VM's disk holds. */
export const UNPACKED_LIMIT = 256 * 1024 ** 3;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const text = z.string().max(4096);

const schema = z.object({
  format: z.literal("notebox-backup"),
  version: z.literal(1),
  /** ISO 8601, in UTC; it is shown to whoever is asked. */
  made: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/),
  /** notebox's version. */
  by: text,
  workbench: z.object({ name: text, title: text }),
  guest: z.object({
    /** 3.13 and x86_64; what `pip install` added in a notebook fits these only. */
    python: text,
    machine: text,
  }),
  /** Their addresses as they were; ports of this computer may have been moved. */
  services: z.array(z.object({ name: text, kind: text, url: text.optional() })).max(1000),
  members: z
    .array(
      z.object({
        name: z.string().regex(/^[A-Za-z][A-Za-z0-9./-]{0,99}$/),
        size: count,
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        /** Of a packed tar: bytes of the tar, and how many files, folders and links are in it. */
        unpacked: count.max(UNPACKED_LIMIT).optional(),
        files: count.optional(),
      }),
    )
    .max(1000),
  /** What could not be read, in words. */
  without: z.array(text).max(1000),
});

export type Manifest = z.infer<typeof schema>;
export type Member = Manifest["members"][number];

/** Throws UserError `integrity`. */
export function readManifest(bytes: Buffer, file: string): Manifest {
  let data: unknown;
  try {
    data = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw notSound(file, "its manifest cannot be read");
  }
  const version = typeof data === "object" && data !== null && "version" in data ? data.version : undefined;
  if (typeof version === "number" && version > 1)
    throw new UserError({
      code: "integrity",
      message: `${file} was made by a newer notebox.`,
      hint: "Install the newest notebox and run the same command again.",
    });
  const read = schema.safeParse(data);
  if (!read.success)
    throw notSound(file, `its manifest is wrong at ${read.error.issues[0]?.path.join(".") || "its top"}`);
  return read.data;
}

export function notSound(file: string, why: string): UserError {
  return new UserError({
    code: "integrity",
    message: `${file} is not a sound backup: ${why}.`,
    hint: "Nothing was changed. Take another backup; `backups/` in the workbench folder has those that notebox made.",
  });
}
