/** Questions to the guest over SSH, with the key and port that the last start wrote down. */
import type { Deps, SshTarget } from "../ports.ts";

const CONNECT_MS = 8000;

export interface GuestAnswer {
  code: number;
  stdout: string;
  stderr: string;
}

/** undefined when the guest cannot be reached. `input` is the script, so nothing has to be quoted. */
export async function askGuest(
  deps: Pick<Deps, "ssh" | "signal" | "log">,
  target: SshTarget,
  script: string,
  timeoutMs = 20_000,
): Promise<GuestAnswer | undefined> {
  try {
    const session = await deps.ssh.connect(target, { timeoutMs: CONNECT_MS, signal: deps.signal });
    try {
      return await session.exec("bash -s", { input: script, timeoutMs });
    } finally {
      await session.close();
    }
  } catch (error) {
    if (deps.signal.aborted) throw error;
    deps.log.write("guest", { unreachable: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

const PROVISIONED = `cat /var/lib/notebox/provisioned.json 2>/dev/null || true
[[ ! -e /run/notebox-resting ]] || echo resting
`;

/**
 * Whether the guest answers, and the hash of the workbench that it was set up for; none where services rest since a backup
 * or a restore was killed (provision/keep.sh), for setting up starts them.
 */
export async function askProvisioned(
  deps: Pick<Deps, "ssh" | "signal" | "log">,
  target: SshTarget | undefined,
): Promise<{ answers: boolean; hash: string | undefined }> {
  const answer = target && (await askGuest(deps, target, PROVISIONED));
  if (answer === undefined) return { answers: false, hash: undefined };
  if (/^resting$/m.test(answer.stdout)) return { answers: true, hash: undefined };
  return { answers: true, hash: /"workbench"\s*:\s*"([0-9a-f]{64})"/.exec(answer.stdout)?.[1] };
}
