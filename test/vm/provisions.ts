/** The trial that a second provisioning changes nothing in the VM. */
import { inGuest } from "./guest.ts";
import type { Lab } from "./lab.ts";
import { must } from "./programs.ts";
import { expect } from "./trials.ts";

// Names, owners, modes and contents of all that provisioning may write, and when the services were started.
const FINGERPRINT = `
cd /
files() {
  find etc opt usr/local home/notebox root var/lib/notebox var/lib/dpkg/status -xdev \\
    -path home/notebox/notebooks -prune -o -path home/notebox/api -prune -o \\
    -path home/notebox/.cache -prune -o -path home/notebox/.ipython -prune -o \\
    -path var/lib/notebox/logs -prune -o -path var/lib/notebox/provisioned.json -prune -o \\
    -name __pycache__ -prune -o -type f -print0 | LC_ALL=C sort -z
}
files | xargs -0 stat -c '%a %U %G %n'
files | xargs -0 sha256sum
systemctl show -p Id -p MainPID -p ActiveEnterTimestamp 'jupyter@*' 'kernel-gateway@*'
cat /etc/passwd /etc/shadow /etc/group | sha256sum
`;

export async function secondProvisionChangesNothing(lab: Lab): Promise<string> {
  const provision = (): Promise<string> =>
    must("vagrant", ["provision"], { cwd: lab.workbench, env: lab.env, seconds: 600 });
  await provision();
  const before = await inGuest(lab.workbench, FINGERPRINT, 600);
  const said = await provision();
  const after = await inGuest(lab.workbench, FINGERPRINT, 600);
  const lines = new Set(before.split("\n"));
  const different = after.split("\n").filter((line) => !lines.has(line));
  expect(after === before, `a second provisioning changed ${different.slice(0, 8).join("; ")}`);
  const unchanged = said.match(/: unchanged$/gm)?.length ?? 0;
  return `${lines.size} lines as before; ${unchanged} steps said that nothing had to be done`;
}
