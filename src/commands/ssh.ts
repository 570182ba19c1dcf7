/**
 * `notebox ssh`: a shell in the VM, or one command. Uses the system's ssh with the VM's own key; where there is none
 * (a bare Windows), Vagrant brings one along.
 */
import { UserError } from "../errors.ts";
import type { Deps, SshTarget } from "../ports.ts";
import { vagrantEnvironment } from "../vagrant/command-lines.ts";
import { requireEndpoints } from "../vagrant/machine-files.ts";

export interface SshOptions {
  folder: string;
  /** One command, in words; empty for a shell. */
  command?: readonly string[];
  /** Nothing may be written but the result: take the output instead of passing it on. */
  json?: boolean;
}

export interface SshResult {
  /** Of the shell or the command; notebox ends with it. */
  exitCode: number;
  stdout?: string;
  stderr?: string;
}

/** ssh's own exit code for "no connection" (ssh(1), EXIT STATUS). */
const NO_CONNECTION = 255;

export async function ssh(deps: Deps, options: SshOptions): Promise<SshResult> {
  const { folder, command = [], json = false } = options;
  const { ssh: target } = requireEndpoints(folder);
  if (json && command.length === 0)
    throw new UserError({
      code: "usage",
      message: "A shell and --json do not go together.",
      hint: "Name a command: `notebox ssh --json -- uptime`.",
    });
  const program = target === undefined ? undefined : await deps.processes.which("ssh");
  const result =
    program === undefined || target === undefined
      ? await deps.processes.run("vagrant", ["ssh", ...(command.length === 0 ? [] : ["-c", command.join(" ")])], {
          cwd: folder,
          env: vagrantEnvironment(),
          terminal: !json,
          signal: deps.signal,
        })
      : await deps.processes.run(program, sshArguments(target, command, deps.platform), {
          terminal: !json,
          signal: deps.signal,
        });
  const exitCode = result.exitCode ?? 130;
  if (exitCode === NO_CONNECTION)
    throw new UserError({
      code: "vagrant",
      message: `The VM cannot be reached over SSH.${json ? ` ${result.stderr.trim()}` : ""}`,
      hint: "`notebox status` says how it is; `notebox down` and `notebox up` start it anew.",
    });
  return json ? { exitCode, stdout: result.stdout, stderr: result.stderr } : { exitCode };
}

/** The host key is new with each VM and the connection does not leave this computer, as with `vagrant ssh`. */
export function sshArguments(target: SshTarget, command: readonly string[], platform: NodeJS.Platform): string[] {
  const settings = [
    "StrictHostKeyChecking=no",
    `UserKnownHostsFile=${platform === "win32" ? "NUL" : "/dev/null"}`,
    "LogLevel=ERROR",
    "IdentitiesOnly=yes",
    "PasswordAuthentication=no",
  ].flatMap((setting) => ["-o", setting]);
  // ssh reads % in a path as a placeholder (ssh_config(5), TOKENS).
  const key = ["-i", target.privateKeyPath.replaceAll("%", "%%")];
  return [
    ...settings,
    ...key,
    "-p",
    String(target.port),
    `${target.username}@${target.host}`,
    ...(command.length === 0 ? [] : ["--", ...command]),
  ];
}
