/**
 * The counted trials of provisioning in build roots of every distribution that notebox knows: from nothing, again,
 * killed, offline, behind a proxy with a CA of its own, with values that nobody should write into a workbench.
 * `npm run test:soak` runs them; what needs a booted machine is tried in virtual machines instead.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  type BuildRoot,
  inRoot,
  layProvision,
  openRoot,
  PROVISION,
  provisionEnv,
  ROOTS,
  type RootName,
  removeRoot,
  startInRoot,
} from "./build-roots.ts";
import { openProxy } from "./intercepting-proxy.ts";
import { checkout } from "./places.ts";
import { type Outcome, signalGroup, sleep, told } from "./programs.ts";
import { expect } from "./trials.ts";

export interface RootTrial {
  name: string;
  body: () => Promise<string>;
}

/** All of them; those of one root share nothing, so each can be run alone. */
export function rootTrials(): RootTrial[] {
  const bodies: [string, (root: BuildRoot) => Promise<string>][] = [
    ["from nothing, then again", twice],
    ["killed five times", killed],
    ["no index, then wheels", wheelsOnly],
    ["a proxy with its own CA", behindProxy],
    ["hostile values", hostileValues],
  ];
  return ROOTS.flatMap((name) =>
    bodies.map(([title, body]) => ({ name: `root ${name}: ${title}`, body: () => withRoot(name, body) })),
  );
}

async function withRoot(name: RootName, body: (root: BuildRoot) => Promise<string>): Promise<string> {
  const root = await openRoot(name);
  try {
    await layProvision(root, "hello");
    return await body(root);
  } finally {
    removeRoot(root);
  }
}

async function provision(root: BuildRoot, more: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return await inRoot(root, PROVISION, { env: provisionEnv(root, more), seconds: 1200 });
}

async function provisioned(root: BuildRoot, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const outcome = await provision(root, more);
  expect(outcome.code === 0, told("provisioning", outcome));
  expect(outcome.stderr === "", `provisioning wrote to standard error: ${outcome.stderr}`);
  return outcome.stdout;
}

/** The last line of a run that has to fail. */
async function refused(root: BuildRoot, code: number, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const outcome = await provision(root, more);
  const last = outcome.stdout.trim().split("\n").at(-1) ?? "";
  expect(outcome.code === code && last.startsWith("notebox: failed: "), told(`expected exit code ${code}`, outcome));
  return last;
}

function write(root: BuildRoot, name: string, text: string): void {
  fs.writeFileSync(path.join(root.folder, "root/provision/workbench", name), text);
}

const TREE = `cd / && find . -xdev \\( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run \\) -prune -o \\
  -printf '%p %y %m %U:%G %s %T@ %l\\n' | LC_ALL=C sort`;

async function tree(root: BuildRoot): Promise<string[]> {
  return (await inRoot(root, ["sh", "-c", TREE])).stdout.split("\n");
}

async function twice(root: BuildRoot): Promise<string> {
  const first = await provisioned(root);
  expect(/: done in /.test(first) && !/: unchanged/.test(first), `the first run skipped a step:\n${first}`);
  const before = await tree(root);
  const second = await provisioned(root);
  const after = await tree(root);
  expect(!/: done in /.test(second), `the second run did something:\n${second}`);
  const had = new Set(before);
  const changes = after.filter((line) => !had.has(line));
  expect(before.length === after.length && changes.length === 0, `the second run changed: ${changes.join("; ")}`);
  await holdsNothingOfTheHost(root);
  await unitsAreSound(root);
  await accountsAreClosed(root);
  return `${before.length} files as before; ${await servicesAnswer(root)}`;
}

/** A box carries no token, marker, log or setting of the computer that made it. */
async function holdsNothingOfTheHost(root: BuildRoot): Promise<void> {
  const left = [
    "var/lib/notebox/tokens",
    "var/lib/notebox/provisioned.json",
    "var/log/notebox",
    "etc/notebox/host.env",
    "etc/notebox/host-ca.pem",
    "etc/notebox/ca-bundle.pem",
    "etc/apt/apt.conf.d/90notebox-host",
    "usr/sbin/policy-rc.d",
  ].filter((file) => fs.existsSync(path.join(root.folder, file)));
  expect(left.length === 0, `the root still holds ${left.join(", ")}`);
}

async function unitsAreSound(root: BuildRoot): Promise<void> {
  const names = ["jupyter@jupyter.service", "kernel-gateway@hello.service", "notebox.target"];
  const said = await inRoot(root, ["systemd-analyze", "verify", "--man=no", ...names]);
  expect(said.stdout + said.stderr === "" && said.code === 0, told("systemd-analyze verify", said));
}

async function accountsAreClosed(root: BuildRoot): Promise<void> {
  const shadow = fs.readFileSync(path.join(root.folder, "etc/shadow"), "utf8");
  for (const name of ["root", "vagrant", "notebox"])
    expect(new RegExp(`^${name}:[!*]`, "m").test(shadow), `the password of ${name} is not locked`);
  // setpriv itself keeps root's capabilities until the next program starts: so not su directly.
  const account = ["setpriv", "--reuid=1900", "--regid=1900", "--clear-groups", "sh", "-c", "su -c id"];
  const su = await inRoot(root, account);
  expect(/Permission denied/.test(su.stderr), told("su as the service account", su));
}

/** Starts what the units start, as they start it, and asks both services in a network of their own. */
async function servicesAnswer(root: BuildRoot): Promise<string> {
  const home = path.join(root.folder, "home/notebox");
  // A build root mounts no folders: the notebook stands in for the shared one.
  const services = fs.readFileSync(path.join(root.folder, "etc/notebox/workbench/services.txt"), "utf8").trim();
  fs.writeFileSync(path.join(home, "api/probe.ipynb"), JSON.stringify(PROBE));
  const asked = services.split("\n").map((line) => {
    const [kind = "", name = "", port = ""] = line.split(" ");
    if (kind !== "jupyter") {
      const file = path.join(root.folder, `etc/notebox/workbench/services/${name}.json`);
      const data = JSON.parse(fs.readFileSync(file, "utf8"));
      fs.writeFileSync(file, JSON.stringify({ ...data, notebook: "api/probe.ipynb" }));
    }
    return { kind, name, port };
  });
  fs.copyFileSync(path.join(checkout, "test/vm/ask-services.py"), path.join(root.folder, "root/ask-services.py"));
  const answer = await inRoot(root, ["python3", "/root/ask-services.py", JSON.stringify(asked)], {
    offline: true,
    seconds: 300,
  });
  expect(answer.code === 0, told("the services in the root", answer));
  return answer.stdout.trim();
}

const PROBE = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: {},
  cells: ["import sys", "# GET /probe\nprint(6 * 7, sys.executable)"].map((source, index) => ({
    cell_type: "code",
    id: `c${index}`,
    metadata: {},
    execution_count: null,
    outputs: [],
    source,
  })),
};

/** Five moments, each later than the one before; what each killed run had done, the next may skip. */
async function killed(root: BuildRoot): Promise<string> {
  const moments: string[] = [];
  for (const [step, seconds] of [
    ["Accounts", 0.1],
    ["System packages", 4],
    ["Python packages", 3],
    ["Python packages", 8],
    ["Shared folders", 0.1],
  ] as const) {
    const running = startInRoot(root, PROVISION, { env: provisionEnv(root), seconds: 600 });
    let ended = false;
    void running.done.then(() => {
      ended = true;
    });
    while (!ended && !running.printed().includes(`] ${step} …`)) await sleep(0.05);
    if (!ended) await sleep(seconds);
    moments.push(`${running.printed().trim().split("\n").at(-1)?.slice(9) ?? "nothing"}`);
    signalGroup(running.pid, "SIGKILL");
    await running.done;
  }
  // dpkg itself says how to go on after it was killed; the step has to have done so by itself.
  await provisioned(root);
  const check = await inRoot(root, ["/opt/notebox/venv/bin/python", "-m", "pip", "check"]);
  expect(check.code === 0, told("pip check", check));
  return `at ${moments.join("; ")}; ${await servicesAnswer(root)}`;
}

async function wheelsOnly(root: BuildRoot): Promise<string> {
  write(root, "python.txt", "cowsay\n");
  const last = await refused(root, 75, { PIP_INDEX_URL: "http://127.0.0.1:9/simple" });
  expect(/Python 3\.\d+ on x86_64|aarch64/.test(last), last);
  const wheels = path.join(root.folder, "root/wheels");
  fs.mkdirSync(wheels);
  const env = provisionEnv(root);
  const certificates = env["NOTEBOX_HOST_CA"] ? { PIP_CERT: env["NOTEBOX_HOST_CA"] } : {};
  const command = "/opt/notebox/venv/bin/python -m pip download -q --only-binary :all: -d /root/wheels";
  for (const what of ["-r /root/provision/locks/base.txt", "cowsay"]) {
    const fetched = await inRoot(root, ["sh", "-c", `${command} ${what}`], { env: { ...env, ...certificates } });
    expect(fetched.code === 0, told("pip download", fetched));
  }
  const offline = await inRoot(root, PROVISION, {
    env: { NOTEBOX_BUILD_ROOT: "1", NOTEBOX_WHEELS: "/root/wheels" },
    offline: true,
    seconds: 1200,
  });
  expect(offline.code === 0, told("provisioning from wheels, offline", offline));
  const lock = fs.readFileSync(path.join(root.folder, "var/lib/notebox/workbench.lock"), "utf8");
  expect(/^cowsay==\S+ \\\n {4}--hash=sha256:[0-9a-f]{64}$/m.test(lock), `workbench.lock holds:\n${lock}`);
  // The lock comes back with the workbench: nothing is to be done.
  write(root, "workbench.lock", lock);
  const again = await inRoot(root, PROVISION, { env: { NOTEBOX_BUILD_ROOT: "1" }, offline: true });
  expect(again.code === 0 && !/: done in/.test(again.stdout), told("again with the lock, offline", again));
  // A wheel that is not the one that was locked is not taken.
  write(root, "python.txt", "cowsay\n\n");
  write(
    root,
    "workbench.lock",
    lock.replace(/sha256:[0-9a-f]/, (hash) => hash.replace(/.$/, (d) => (d === "0" ? "1" : "0"))),
  );
  await inRoot(root, ["/opt/notebox/venv/bin/python", "-m", "pip", "uninstall", "-q", "-y", "cowsay"]);
  const tampered = await refused(root, 1, { NOTEBOX_WHEELS: "/root/wheels" });
  expect(/hash differs/.test(tampered), tampered);
  return `refused with 75, then ${fs.readdirSync(wheels).length} wheels without a network; another hash refused`;
}

async function behindProxy(root: BuildRoot): Promise<string> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-proxy-"));
  const proxy = await openProxy(folder);
  try {
    fs.writeFileSync(path.join(root.folder, "root/proxy-ca.pem"), proxy.ca);
    const settings = { http_proxy: proxy.url, https_proxy: proxy.url, NOTEBOX_HOST_CA: "/root/proxy-ca.pem" };
    await provisioned(root, settings);
    const apt = proxy.asked.filter(({ agent }) => /apt/i.test(agent)).length;
    const pip = proxy.asked.filter(({ agent }) => /^pip\//.test(agent)).length;
    expect(apt > 0 && pip > 80, `the proxy was asked ${apt} times by apt and ${pip} times by pip`);
    fs.rmSync(path.join(root.folder, "root/proxy-ca.pem"));
    await holdsNothingOfTheHost(root);
    const line = proxy.ca.split("\n")[2] ?? "";
    for (const trace of [`127.0.0.1:${proxy.port}`, encodeURIComponent(proxy.password), line]) {
      const places = ["/etc", "/opt", "/usr/local", "/var", "/home", "/root", "/tmp"];
      const found = await inRoot(root, ["grep", "-rlF", "-e", trace, ...places]);
      expect(found.code === 1, `the root holds a trace of the proxy: ${found.stdout}`);
    }
    return `asked ${apt} times by apt and ${pip} times by pip; no trace of it left`;
  } finally {
    await proxy.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** File, contents, and the step that has to refuse them. */
const HOSTILE: readonly [string, string, RegExp][] = [
  ["apt.txt", "graphvizz\n", /System packages: .*no package graphvizz/],
  ["apt.txt", "$(touch /pwned)\n", /System packages: .*not the name/],
  ["apt.txt", "-oDPkg::Pre-Invoke::=touch /pwned\n", /System packages: .*not the name/],
  ["apt.txt", "sudo-\n", /System packages: .*not the name/],
  ["apt.txt", "li.*\n", /System packages: .*not the name/],
  ["apt.txt", "nano\0\n", /System packages: .*control character/],
  ["python.txt", "-r /etc/shadow\n", /Python packages: .*is not a package/],
  ["python.txt", "--index-url=http://127.0.0.1:9\n", /Python packages: .*is not a package/],
  ["python.txt", "x @ file:///root/x\n", /Python packages: .*is not a package/],
  ["python.txt", "pandas; os.system('touch /pwned')\n", /Python packages: .*is not a package/],
  ["python.txt", "no-such-package-of-notebox==1\n", /Python packages: .*there is no no-such-package-of-notebox/],
  ["python.txt", "requests==2.20.0\n", /Python packages: .*loosen the versions/],
  ["workbench.lock", "--index-url http://127.0.0.1:9\n", /Python packages: workbench\.lock: line 1/],
  ["folders.txt", "notebooks\n../../etc\n", /Shared folders: .*cannot be shared/],
  ["folders.txt", "notebooks\n/etc\n", /Shared folders: .*cannot be shared/],
  ["folders.txt", "notebooks\n.ssh\n", /Shared folders: .*cannot be shared/],
  ["services.txt", `jupyter $(touch\${IFS}/pwned) 8888\n`, /Services: .*no service/],
  ["services.txt", "../../x y 8888\n", /start: .*no service/],
];

async function hostileValues(root: BuildRoot): Promise<string> {
  await provisioned(root);
  for (const [name, text, expected] of HOSTILE) {
    await layProvision(root, "hello");
    if (name === "workbench.lock") write(root, "python.txt", "cowsay\n");
    write(root, name, text);
    const last = await refused(root, 1);
    expect(expected.test(last), `${JSON.stringify(text)} in ${name}: ${last}`);
    expect(!fs.existsSync(path.join(root.folder, "pwned")), `${JSON.stringify(text)} in ${name} ran`);
  }
  // And after all that the workbench as it was comes out as it was.
  await layProvision(root, "hello");
  await provisioned(root);
  return `${HOSTILE.length} refused; ${await servicesAnswer(root)}`;
}
