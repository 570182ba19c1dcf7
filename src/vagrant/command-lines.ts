/** The argument lists of every Vagrant command that notebox runs, and the environment they get. Pure. */

export type Provider = "virtualbox" | "libvirt";

const MACHINE = "--machine-readable";

export const commandLines = {
  version: (): string[] => ["--version"],
  plugins: (): string[] => ["plugin", "list", MACHINE],
  status: (): string[] => ["status", MACHINE],
  /** Keeps a half-made VM: the next `up` goes on with it, and its logs can be read. */
  up: (provider: Provider): string[] => ["up", "--provider", provider, "--no-destroy-on-error", MACHINE],
  /** Starts a VM that is there already, as it is: what it holds is to be read, not changed. */
  wake: (provider: Provider): string[] => ["up", "--provider", provider, "--no-provision", MACHINE],
  provision: (): string[] => ["provision", MACHINE],
  reload: (): string[] => ["reload", "--provision", MACHINE],
  halt: (force: boolean): string[] => ["halt", ...(force ? ["--force"] : []), MACHINE],
  destroy: (): string[] => ["destroy", "--force", MACHINE],
  port: (): string[] => ["port", MACHINE],
  /** Up to 2.3 Vagrant has no word for architectures. */
  boxAdd: (box: { catalog: string; version: string; provider: string; arch?: string }): string[] => [
    ...["box", "add", box.catalog, "--box-version", box.version, "--provider", box.provider],
    ...(box.arch === undefined ? [] : ["--architecture", box.arch]),
    MACHINE,
  ],
  package: (file: string): string[] => ["package", "--output", file, MACHINE],
  sshConfig: (): string[] => ["ssh-config"],
} as const;

/**
 * Variables for every Vagrant process. A person's VAGRANT_CWD or VAGRANT_VAGRANTFILE would point it to some other
 * machine; a launcher's checks (templates/vagrant/launcher.rb) are notebox's own; the check for newer versions asks a server on the internet at each start.
 */
export function vagrantEnvironment(extra: Readonly<Record<string, string | undefined>> = {}) {
  return {
    VAGRANT_CWD: undefined,
    VAGRANT_VAGRANTFILE: undefined,
    VAGRANT_DOTFILE_PATH: undefined,
    VAGRANT_PREFERRED_PROVIDERS: undefined,
    NOTEBOX_LAUNCHER: undefined,
    VAGRANT_CHECKPOINT_DISABLE: "1",
    VAGRANT_NO_COLOR: "1",
    ...extra,
  };
}
