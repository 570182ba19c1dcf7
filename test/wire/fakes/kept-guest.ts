/**
 * A guest without a VM: a folder whose home/, lib/, run/, etc/ and opt/ are mounted over this machine's own, for the commands that
 * an SSH server is sent and for nobody else. The scripts, tar and accounts in it are real; systemctl is a note-taker.
 * Needs root.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

export interface KeptGuest {
  folder: string;
  /** For the SSH server. */
  program(command: string): ChildProcessWithoutNullStreams;
  /** A program that runs its argument as root in it, without a greeting. */
  shell: string;
  /** A bash script as root in it, for the test's own purposes; gives back what it printed. */
  run(script: string): string;
  /** What systemctl was told. */
  systemctl(): string[];
}

export const isRoot = process.getuid?.() === 0;

const TOKENS = { jupyter: "1".repeat(48), hello: "2".repeat(48) };

/** `folder` must not be there yet. */
export function makeKeptGuest(folder: string, tokens: Record<string, string> = TOKENS): KeptGuest {
  for (const name of ["home", "lib", "etc", "bin", "run"]) fs.mkdirSync(path.join(folder, name), { recursive: true });
  const own = (...words: string[]) => spawnSync("cp", ["-a", ...words, path.join(folder, "etc")]);
  own("/etc/pam.d", "/etc/security", "/etc/login.defs", "/etc/nsswitch.conf", "/etc/ld.so.cache", "/etc/alternatives");
  const write = (name: string, text: string, mode = 0o644): void => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text, { mode });
  };
  write(
    "etc/passwd",
    "root:x:0:0::/root:/bin/bash\nvagrant:x:1000:1000::/home/vagrant:/bin/bash\nnotebox:x:1900:1900::/home/notebox:/bin/bash\n",
  );
  write("etc/group", "root:x:0:\nvagrant:x:1000:\nnotebox:x:1900:\n");
  write("etc/shadow", "root:*:1::::::\nnotebox:!:1::::::\n", 0o600);
  write("etc/notebox/workbench/services.txt", "jupyter jupyter 8888\nkernel-gateway hello 8889\nbook ledger 0\n");
  write("etc/notebox/workbench/folders.txt", "notebooks\napi\n");
  write("lib/notebox/python-version", "3.13\n");
  for (const [name, token] of Object.entries(tokens)) write(`lib/notebox/tokens/${name}`, token, 0o600);
  // A kind of service with a database of one file.
  write("opt/notebox/lib/keep/book/save", '#!/bin/bash\nset -e\ncp "/var/lib/$2" "$1/dump"\necho saved >&2\n', 0o755);
  write("opt/notebox/lib/keep/book/load", '#!/bin/bash\nset -e\ncp "$1/dump" "/var/lib/$2"\n', 0o755);
  write("lib/ledger", "row 1\n");
  write("bin/sudo", '#!/bin/bash\n[[ $1 == -n ]] && shift\nexec "$@"\n', 0o755);
  write("bin/systemctl", '#!/bin/bash\necho "$*" >>/var/lib/systemctl\n', 0o755);
  const inside = `set -e
mount --bind ${folder}/home /home; mount --bind ${folder}/lib /var/lib; mount --bind ${folder}/etc /etc
mount --bind ${folder}/bin /usr/local/sbin; mount --bind ${folder}/opt /opt; mount --bind ${folder}/run /run
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin`;
  const script = (command: string): string => `${inside}\necho Welcome to this VM\n${command}\n`;
  const shell = path.join(folder, "shell");
  fs.writeFileSync(
    shell,
    `#!/bin/bash\nexec unshare -m --propagation private bash -c '${inside}\nset +e; bash -c "$1"' guest "$1"\n`,
    { mode: 0o755 },
  );
  const guest: KeptGuest = {
    folder,
    shell,
    program: (command) => spawn("unshare", ["-m", "--propagation", "private", "bash", "-c", script(command)]),
    run: (text) => {
      const done = spawnSync("unshare", ["-m", "--propagation", "private", "bash", "-c", script(text)], {
        encoding: "utf8",
      });
      if (done.status !== 0) throw new Error(`${text}: ${done.stderr}`);
      return done.stdout.replace(/^Welcome to this VM\n/, "");
    },
    systemctl: () => fs.readFileSync(path.join(folder, "lib/systemctl"), "utf8").trim().split("\n"),
  };
  guest.run("mkdir -p /home/notebox; chown root:notebox /home/notebox; chmod 1770 /home/notebox");
  return guest;
}
