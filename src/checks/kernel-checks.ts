/**
 * Checks that run code in kernels: each of Jupyter's kernels computes 6*7, and one tries to become root.
 * Starting a kernel is what takes long, so all start side by side and each is used for all that is asked of it.
 */
import { UserError } from "../errors.ts";
import { type JupyterDeps, type JupyterTarget, type KernelSpec, kernelSpecs, startKernel } from "../jupyter/client.ts";
import type { Run } from "../jupyter/messages.ts";
import { type Answer, clean, failed, notApplicable, passed } from "./check.ts";

const LIST_MS = 20_000;
/** A VM in software emulation needs up to half a minute for a kernel's first answer. */
const KERNEL_MS = 120_000;

interface Tried {
  spec: KernelSpec;
  /** What 6*7 gave, or why it gave nothing. */
  run: Run | UserError;
  milliseconds: number;
}

export interface KernelTrials {
  /** Every kernel of this Jupyter runs 6*7. */
  compute(): Promise<Answer>;
  /** A kernel finds no way to root. */
  becomeRoot(): Promise<Answer>;
  /** Resolves when every kernel that was started has been ended. */
  closed(): Promise<void>;
}

/** Both checks share their kernels; nothing starts before one of them asks. */
export function kernelTrials(deps: JupyterDeps, target: () => JupyterTarget): KernelTrials {
  let trials: Promise<Trials> | undefined;
  const closing: Promise<void>[] = [];
  const go = () => {
    trials ??= tryAll(deps, target(), closing);
    return trials;
  };
  return {
    compute: async () => judgeComputing((await go()).tried),
    becomeRoot: async () => judgeRoot((await go()).root),
    closed: async () => {
      await Promise.allSettled([trials]);
      await Promise.allSettled(closing);
    },
  };
}

interface Trials {
  tried: Tried[];
  root: Run | UserError | undefined;
}

/** Every kernel that starts is ended, also when Ctrl-C comes in between: what ends it is added to `closing`. */
async function tryAll(deps: JupyterDeps, target: JupyterTarget, closing: Promise<void>[]): Promise<Trials> {
  const specs = await kernelSpecs(deps, target, LIST_MS);
  let root: Promise<Run | UserError> | undefined;
  const one = async (spec: KernelSpec): Promise<Tried> => {
    const start = deps.clock.now();
    const tried = (run: Run | UserError) => ({ spec, run, milliseconds: deps.clock.now() - start });
    const kernel = await startKernel(deps, target, spec.name, KERNEL_MS).catch(asUserError);
    if (kernel instanceof UserError) return tried(kernel);
    let attempts: Promise<Run | UserError> | undefined;
    try {
      const done = tried(await kernel.run(question(spec)).catch(asUserError));
      if (spec.language === "python" && root === undefined && !(done.run instanceof UserError)) {
        attempts = kernel.run(ATTEMPTS).catch(asUserError);
        root = attempts;
      }
      return done;
    } finally {
      closing.push(Promise.allSettled([attempts]).then(() => kernel.close()));
    }
  };
  const all = await Promise.allSettled(specs.map(one));
  const broken = all.find((outcome) => outcome.status === "rejected");
  if (broken !== undefined) throw broken.reason;
  return { tried: all.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : [])), root: await root };
}

function asUserError(error: unknown): UserError {
  if (error instanceof UserError && error.code !== "interrupted") return error;
  throw error;
}

function question({ language }: KernelSpec): string {
  return /^(bash|sh|zsh)$/i.test(language) ? "echo $((6*7))" : "6*7";
}

function judgeComputing(tried: readonly Tried[]): Answer {
  const fine = (run: Run | UserError) => !(run instanceof UserError) && run.ok && /\b42\b/.test(run.text);
  const say = ({ spec, run, milliseconds }: Tried) => {
    if (fine(run)) return `${spec.name}: 42 (${(milliseconds / 1000).toFixed(1)} s)`;
    if (run instanceof UserError) return `${spec.name}: ${run.message.replace(/\.$/, "")}`;
    return `${spec.name}: ${run.error ?? (clean(run.text, 80) || "no result")}`;
  };
  if (tried.length === 0)
    return failed("Jupyter knows no kernel", "at least python3", "Run `notebox up`: provisioning installs ipykernel.", {
      passing: false,
    });
  const bad = tried.filter(({ run }) => !fine(run));
  if (bad.length === 0) return passed(tried.map(say).join(", "));
  return failed(
    bad.map(say).join("; "),
    "6*7 gives 42 in every kernel",
    "`notebox logs` shows what Jupyter wrote when the kernel started.",
    { details: tried.map(say) },
  );
}

/**
 * Runs in a Python kernel, as whatever account kernels run as. No terminal (a new session), and for a password what
 * every Vagrant box once had. Each attempt prints the user number that it reached; 0 is root.
 */
const ATTEMPTS = `
import json as _json, os as _os, subprocess as _subprocess
def _attempt(*command):
    try:
        return _subprocess.Popen(command, stdin=_subprocess.PIPE, stdout=_subprocess.PIPE, stderr=_subprocess.STDOUT, start_new_session=True)
    except OSError as error:
        return error.strerror
def _outcome(process):
    if isinstance(process, str):
        return [None, process]
    try:
        out = process.communicate(b"vagrant\\n", timeout=20)[0].decode("utf-8", "replace").strip()
    except _subprocess.TimeoutExpired:
        process.kill()
        return [None, "no answer"]
    return [process.returncode, out[-200:]]
_running = {
    "sudo": _attempt("sudo", "-n", "id", "-u"),
    "su": _attempt("su", "root", "-c", "id -u"),
    "su vagrant": _attempt("su", "vagrant", "-c", "sudo -n id -u"),
    "pkexec": _attempt("pkexec", "--disable-internal-agent", "id", "-u"),
}
_found = {name: _outcome(process) for name, process in _running.items()}
try:
    _os.setuid(0)
    _found["setuid"] = [0, "0"]
except OSError as error:
    _found["setuid"] = [None, error.strerror]
print(_json.dumps({"uid": _os.getuid(), "attempts": _found}))
`;

function judgeRoot(run: Run | UserError | undefined): Answer {
  if (run === undefined) return notApplicable("no Python kernel ran, and the attempts are written in Python");
  const expected = "sudo, su and their like refuse";
  const again = "`notebox logs` shows what Jupyter wrote.";
  if (run instanceof UserError) return failed(run.message, expected, again);
  const found = readAttempts(run.text);
  if (found === undefined) return failed(run.error ?? "no answer from the kernel", expected, again);
  const ways = Object.entries(found.attempts).filter(([, [code, out]]) => code === 0 && /(^|\n)0$/.test(out));
  if (found.uid === 0) ways.unshift(["being root already", [0, "0"]]);
  if (ways.length === 0) return passed(`${Object.keys(found.attempts).join(", ")}: all refused`);
  return failed(
    `a notebook becomes root by ${ways.map(([name]) => name).join(", ")}`,
    expected,
    "Run `notebox up`: provisioning locks passwords and takes sudo away. If it is so again, use another box.",
    { passing: false },
  );
}

function readAttempts(text: string): { uid: number; attempts: Record<string, [number | null, string]> } | undefined {
  try {
    const data = JSON.parse(text.trim().split("\n").at(-1) ?? "") as { uid?: unknown; attempts?: unknown };
    if (typeof data.uid !== "number" || typeof data.attempts !== "object" || data.attempts === null) return undefined;
    return data as { uid: number; attempts: Record<string, [number | null, string]> };
  } catch {
    return undefined;
  }
}
