/**
 * The probe itself, run by the real python3 as root in a mount namespace that looks like a provisioned guest: an
 * account, tokens, a venv, shared folders; systemctl, journalctl and sudo are small scripts that say what theirs say.
 */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GuestAnswer, readAnswer } from "../../src/checks/guest-answer.ts";
import { probe } from "../../src/checks/probe/whole.ts";

const TOKEN = "5".repeat(48);
const UNIT = "jupyter@jupyter.service";
const isRoot = process.getuid?.() === 0;

let folder: string;
let answer: GuestAnswer;
let leftovers: string;
const server = net.createServer();

const questions = {
  services: [
    { name: "jupyter", unit: UNIT, port: 8888 },
    { name: "lost", unit: "kernel-gateway@lost.service", port: 0 },
    { name: "db", unit: "postgres@db.service", port: 0 },
    // Such as a notebook could make in place of the file in which its service says what is wrong.
    ...["link", "pipe", "garbage", "surrogate"].map((name) => ({
      name,
      unit: `kernel-gateway@${name}.service`,
      port: 1,
    })),
  ],
  folders: ["notebooks", "api", "locked", "other"],
  nonce: "abc123",
};

const dist = (name: string, record: string) =>
  `mkdir -p "$site/${name}.dist-info"; printf '${record}' >"$site/${name}.dist-info/RECORD"`;

/** Everything is mounted over this machine's own files in the namespace only. */
const script = (at: string) => `
set -Eeuo pipefail
mount -t tmpfs tmpfs /usr/local/sbin; mount -t tmpfs tmpfs /home; mount -t tmpfs tmpfs /opt
mkdir -p ${at}/lib; mount --bind ${at}/lib /var/lib
for file in passwd group shadow; do cp /etc/$file ${at}/$file; done
grep -v ^notebox: /etc/passwd >${at}/passwd; echo 'notebox:x:1900:1900::/home/notebox:/bin/bash' >>${at}/passwd
grep -v ^notebox: /etc/group >${at}/group; printf 'notebox:x:1900:\\nlxd:x:1901:notebox\\n' >>${at}/group
printf 'root:*:1::::::\\nvagrant:$6$x:1::::::\\nnotebox:!:1::::::\\n' >${at}/shadow
for file in passwd group shadow; do mount --bind ${at}/$file /etc/$file; done
mkdir -p /var/lib/notebox/tokens; printf ${TOKEN} >/var/lib/notebox/tokens/jupyter; chmod 600 /var/lib/notebox/tokens/jupyter
printf '{"workbench":"%064d","finished":"2026-11-20T09:00:00Z"}' 7 >/var/lib/notebox/provisioned.json
mkdir -p /var/lib/notebox-{lost,link,pipe,garbage,surrogate}
printf '{"message":"cell 3 of api/x.ipynb fails at the start: ${TOKEN}","cell":3,"serving":false,"at":"now"}' >/var/lib/notebox-lost/problem.json
mount -t tmpfs tmpfs /run; mkdir -p /run/notebox/problems
printf '{"message":"sql/1.sql was not loaded","cell":null,"serving":true}' >/run/notebox/problems/db.json
printf '{"message":"only root may read this"}' >/var/lib/notebox/hidden; ln -s /var/lib/notebox/hidden /var/lib/notebox-link/problem.json
mkfifo /var/lib/notebox-pipe/problem.json; printf '\\377{' >/var/lib/notebox-garbage/problem.json
printf '{"message":"\\\\ud800","cell":true,"serving":1}' >/var/lib/notebox-surrogate/problem.json
site=/opt/notebox/venv/lib/python3.13/site-packages; mkdir -p $site/numpy $site/pandas
${dist("numpy-2.1.0", "numpy/a.py,,\\nnumpy-2.1.0.dist-info/RECORD,,\\n../../bin/f2py,,\\n")}
${dist("pandas-2.3.0", "pandas/a.py,,\\n")}
${dist("jupyter_server-2.21.1", "jupyter_server/a.py,,\\n")}
for name in numpy-2.1.0 pandas-2.2.0 jupyter_server-2.21.1 Seaborn.Extra-1.0; do echo "$site/$name.dist-info/RECORD"; done >/var/lib/notebox/python-packages
mkdir -p /home/notebox/{notebooks,api,locked,other}; chown -R 1900:1900 /home/notebox
mount -t tmpfs -o uid=1900,gid=1900 tmpfs /home/notebox/notebooks; printf abc123 >/home/notebox/notebooks/.notebox-verify-abc123-host
mount -t tmpfs -o ro,uid=1900 tmpfs /home/notebox/api
mount -t tmpfs -o uid=0,mode=755 tmpfs /home/notebox/locked
cat >/usr/local/sbin/systemctl <<'X'
#!/bin/sh
case $1 in
show) printf 'Id=${UNIT}\\nLoadState=loaded\\nActiveState=activating\\nSubState=auto-restart\\nResult=exit-code\\nNRestarts=3\\nMainPID=0\\nExecMainStatus=1\\nActiveEnterTimestampMonotonic=1\\n\\nId=kernel-gateway@lost.service\\nLoadState=not-found\\nActiveState=inactive\\nSubState=dead\\nResult=success\\n' ;;
list-units) printf 'cron.service loaded failed failed Regular jobs\\n' ;;
esac
X
printf '#!/bin/sh\\nprintf "http://x/?token=${TOKEN} asked\\\\n"\\n' >/usr/local/sbin/journalctl
printf '#!/bin/sh\\nid -u >&2; exit 1\\n' >/usr/local/sbin/sudo
chmod 755 /usr/local/sbin/*
{ echo 'import json; ASKED = json.loads("""${JSON.stringify(questions)}""")'; cat ${at}/probe.py; } | python3 -I -S -
echo LEFT; find /home/notebox -name '.notebox*'
`;

beforeAll(async () => {
  if (!isRoot) return;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-probe-"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  fs.writeFileSync(path.join(folder, "probe.py"), probe);
  for (const service of questions.services) service.port ||= (server.address() as net.AddressInfo).port;
  const child = spawn("unshare", ["-m", "--propagation", "private", "bash", "-c", script(folder)]);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  await new Promise((resolve) => child.on("close", resolve));
  const found = readAnswer(stdout);
  if ("wrong" in found) throw new Error(`${found.wrong}: ${stdout}${stderr}`);
  answer = found;
  leftovers = stdout.split("LEFT\n")[1] ?? "?";
});
afterAll(() => {
  server.close();
  if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true });
});

test("is Python that every version from 3.9 on can read", () => {
  const check = "import ast, sys; ast.parse(sys.stdin.read(), feature_version=(3, 9))";
  expect(spawnSync("python3", ["-c", check], { input: probe, encoding: "utf8" }).stderr).toBe("");
});

// Mounting needs root.
const asRoot = test.skipIf(!isRoot);

asRoot("every section answers", () => {
  expect(answer.problems).toEqual({});
  expect(answer.provisioned?.workbench).toBe("7".padStart(64, "0"));
  expect(Math.abs(answer.epoch - Date.now() / 1000)).toBeLessThan(60);
  expect(answer.memory?.total).toBe(os.totalmem());
});

asRoot("tokens come with their rights, a missing one as null, and none in a journal", () => {
  expect(answer.tokens).toMatchObject({ jupyter: { value: TOKEN, mode: 0o600, uid: 0 }, lost: null });
  expect(answer.journals?.[UNIT]).toEqual(["http://x/?token=[token] asked"]);
});

asRoot("what a service says of its trouble, and nothing that a notebook puts in its place to read other files", () => {
  expect(answer.said).toEqual({
    lost: { message: "cell 3 of api/x.ipynb fails at the start: [token]", cell: 3, serving: false },
    surrogate: { message: "?", cell: null, serving: false },
    db: { message: "sql/1.sql was not loaded", cell: null, serving: true },
  });
});

asRoot("packages that are missing, damaged or of another version are told apart", () => {
  expect(answer.packages).toEqual({
    python: "3.13",
    checked: 4,
    missing: ["seaborn-extra"],
    damaged: ["jupyter-server"],
    different: [{ name: "pandas", wanted: "2.2.0", found: "2.3.0" }],
  });
});

asRoot("folders are tried as the account: both ways, read-only, not its own, not mounted", () => {
  const { notebooks, api, locked, other } = answer.folders ?? {};
  expect(notebooks).toMatchObject({ kind: "tmpfs", ok: true, error: null });
  expect(notebooks?.steps[0]).toBe("read what the host wrote");
  expect(api).toMatchObject({ kind: "tmpfs", ok: false, error: "Read-only file system" });
  expect(locked).toMatchObject({ kind: "tmpfs", ok: false, error: "Permission denied" });
  expect(other).toMatchObject({ kind: null, ok: true });
  expect(leftovers).toBe("");
});

asRoot("the account's groups, passwords and sudo, asked as the account itself", () => {
  expect(answer.account).toMatchObject({
    uid: 1900,
    groups: ["notebox", "lxd"],
    locked: { root: true, vagrant: false, notebox: true },
    sudo: false,
    sudoSaid: "1900",
  });
});

asRoot("units as systemctl shows them", () => {
  expect(answer.units?.[UNIT]).toMatchObject({ active: "activating", sub: "auto-restart", restarts: 3, exit: 1 });
  expect(answer.units?.[UNIT]?.activeSeconds).toBeGreaterThan(0);
  expect(answer.units?.["kernel-gateway@lost.service"]).toMatchObject({ load: "not-found", activeSeconds: null });
  expect(answer.failed).toEqual(["cron.service"]);
});

asRoot("sockets with who holds them", () => {
  const { port } = server.address() as net.AddressInfo;
  const mine = answer.sockets?.find((socket) => socket.port === port);
  expect(mine).toMatchObject({ protocol: "tcp", address: "127.0.0.1", pid: process.pid });
});
