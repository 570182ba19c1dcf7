/**
 * What the probe (probe/) tells about the guest, as types, and the reading of its one JSON document.
 * A guest may be broken or hostile, so nothing is believed to have its shape before it has been looked at.
 * What is right or wrong about it is judged in guest-checks.ts and service-checks.ts.
 */
import * as z from "zod";

const provisioned = z.object({ workbench: z.string(), finished: z.string().optional() }).loose();

const token = z.object({ value: z.string(), mode: z.number(), uid: z.number() });

const unit = z.object({
  load: z.string(),
  active: z.string(),
  sub: z.string(),
  result: z.string(),
  restarts: z.number(),
  pid: z.number(),
  exit: z.number(),
  /** Seconds since it last became active, or inactive; null if it never did. */
  activeSeconds: z.number().nullable(),
  inactiveSeconds: z.number().nullable(),
});

const said = z.object({
  message: z.string(),
  /** Index in its notebook. */
  cell: z.number().nullable(),
  /** Whether it still answers, with an earlier notebook. */
  serving: z.boolean(),
});

const socket = z.object({
  protocol: z.enum(["tcp", "udp"]),
  address: z.string(),
  port: z.number(),
  pid: z.number().nullable(),
  program: z.string().nullable(),
  /** The systemd unit that holds it. */
  unit: z.string().nullable(),
});

const disk = z.object({
  path: z.string(),
  kind: z.string(),
  size: z.number(),
  free: z.number(),
  inodes: z.number(),
  inodesFree: z.number(),
});

const memory = z.object({
  total: z.number(),
  available: z.number(),
  swap: z.number(),
  swapFree: z.number(),
  oomKills: z.number(),
  cpus: z.number(),
});

const packages = z.object({
  python: z.string(),
  checked: z.number(),
  missing: z.array(z.string()),
  damaged: z.array(z.string()),
  different: z.array(z.object({ name: z.string(), wanted: z.string(), found: z.string() })),
});

const account = z.object({
  uid: z.number(),
  groups: z.array(z.string()),
  /** Account to whether its password is locked. */
  locked: z.record(z.string(), z.boolean()),
  /** Whether `sudo -n true` worked. */
  sudo: z.boolean(),
  sudoSaid: z.string(),
});

const folder = z.object({
  /** The file system mounted there; null: nothing is mounted. */
  kind: z.string().nullish(),
  ok: z.boolean(),
  steps: z.array(z.string()),
  error: z.string().nullable(),
});

/** Sizes in bytes. null: there is no such thing in the guest, or the section failed (then `problems` says why). */
const schema = z.object({
  provisioned: provisioned.nullable(),
  tokens: z.record(z.string(), token.nullable()).nullable(),
  units: z.record(z.string(), unit).nullable(),
  failed: z.array(z.string()).nullable(),
  journals: z.record(z.string(), z.array(z.string())).nullable(),
  /** Service to why it does not start, or serves an earlier notebook, in its own words; services without such trouble are not in it. */
  said: z.record(z.string(), said).nullable(),
  sockets: z.array(socket).nullable(),
  disks: z.array(disk).nullable(),
  memory: memory.nullable(),
  packages: packages.nullable(),
  systemPackages: z.array(z.string()).nullable(),
  account: account.nullable(),
  folders: z.record(z.string(), folder).nullable(),
  uptime: z.number().nullable(),
  /** Seconds that the probe took. */
  seconds: z.number(),
  /** The guest's clock, seconds since 1970. */
  epoch: z.number(),
  /** Section to why it could not be answered. */
  problems: z.record(z.string(), z.string()),
});

export type GuestAnswer = z.infer<typeof schema>;
export type UnitState = z.infer<typeof unit>;
export type GuestSocket = z.infer<typeof socket>;

const MARK = "NOTEBOX-PROBE-1 ";

/** The answer in what the guest printed (other lines may stand around it), or what is wrong with it. */
export function readAnswer(stdout: string): GuestAnswer | { wrong: string } {
  const line = stdout.split("\n").findLast((text) => text.startsWith(MARK));
  if (line === undefined) return { wrong: "no answer in what it printed" };
  let data: unknown;
  try {
    data = JSON.parse(line.slice(MARK.length));
  } catch {
    return { wrong: "an answer that is not JSON" };
  }
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  return { wrong: `an answer of another shape (${result.error.issues[0]?.path.join(".") ?? "?"})` };
}
