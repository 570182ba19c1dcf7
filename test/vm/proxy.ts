/**
 * The trial that a proxy on this computer's loopback, with a password and a CA of its own, is honoured from host to
 * guest, and that nothing of it stays: not in the bundle, the hand-out, the lock or a log; and not in the VM once
 * the host has no proxy any more.
 */
import fs from "node:fs";
import path from "node:path";
import { parseDocument } from "yaml";
import { inGuest } from "./guest.ts";
import { type InterceptingProxy, openProxy } from "./intercepting-proxy.ts";
import { inKernel } from "./kernel.ts";
import { type Lab, mustNotebox, up } from "./lab.ts";
import { must } from "./programs.ts";
import { CommandLines } from "./secrets.ts";
import { verified } from "./steps.ts";
import { expect } from "./trials.ts";

// Small, without dependencies, and in no prepared box: so provisioning has to fetch them.
const APT = "tree";
const PYTHON = "iniconfig";
// Another one, which a notebook fetches.
const IN_A_NOTEBOOK = "toolz";

// Whatever this computer itself needs to reach the network is not the trial's.
const NOTHING = Object.fromEntries(
  ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"]
    .concat(["NOTEBOX_CA_BUNDLE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"])
    .concat(["NODE_EXTRA_CA_CERTS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "NOTEBOX_APT_PROXY"])
    .map((name) => [name, ""]),
);

export async function proxyIsHonoured(lab: Lab): Promise<string> {
  const folder = path.join(lab.folder, "proxy");
  fs.mkdirSync(folder);
  const proxy = await openProxy(folder);
  const watched = new CommandLines();
  try {
    wantPackages(lab);
    const behind = withEnv(lab, { http_proxy: proxy.url, https_proxy: proxy.url, SSL_CERT_FILE: `${folder}/ca.pem` });
    await up(behind);
    await verified(behind);
    await fetchedByIt(behind, proxy);
    await reachesNotebooks(behind, proxy);
    const zip = path.join(lab.folder, "hand-out.zip");
    await mustNotebox(behind, ["render", "--zip", zip]);
    const found = await traces(lab, proxy, zip, watched);
    expect(found.length === 0, `the proxy or its CA stands in ${found.join(", ")}`);
    await isForgotten(withEnv(lab, {}), proxy);
    return `${proxy.asked.length} requests by way of the proxy; no trace of it left`;
  } finally {
    watched.stop();
    await proxy.close();
  }
}

/** The same lab, whose host has these network settings and no others. */
function withEnv(lab: Lab, settings: Readonly<Record<string, string>>): Lab {
  return { ...lab, env: { ...lab.env, ...NOTHING, ...settings } };
}

function wantPackages(lab: Lab): void {
  const file = path.join(lab.workbench, "workbench.yaml");
  const document = parseDocument(fs.readFileSync(file, "utf8"));
  document.setIn(["packages", "apt"], [APT]);
  document.setIn(["packages", "python"], [PYTHON]);
  fs.writeFileSync(file, String(document));
}

/** The VM's own apt and pip asked the proxy, and what they asked for is installed. */
async function fetchedByIt(lab: Lab, proxy: InterceptingProxy): Promise<void> {
  const asked = (agent: RegExp, url: RegExp): boolean =>
    proxy.asked.some((one) => agent.test(one.agent) && url.test(one.url));
  const all = proxy.asked.map(({ agent, url }) => `${agent.slice(0, 12)} ${url}`).join("\n  ");
  expect(asked(/APT-HTTP/, new RegExp(`/${APT}_[^/]+\\.deb$`)), `apt did not ask the proxy for ${APT}:\n  ${all}`);
  expect(asked(/^pip\//, new RegExp(`^https://.*/${PYTHON}/$`)), `pip did not ask the proxy for ${PYTHON}:\n  ${all}`);
  expect(
    !fs.existsSync(path.join(lab.workbench, ".notebox", "wheels")),
    "the host had to fetch wheels: the VM's pip did not get through the proxy",
  );
  await inGuest(lab.workbench, `dpkg -s ${APT} >/dev/null; /opt/notebox/venv/bin/python -c 'import ${PYTHON}'`);
}

/** A notebook's pip uses it as well: the services have its settings. */
async function reachesNotebooks(lab: Lab, proxy: InterceptingProxy): Promise<void> {
  const code = `
import subprocess, sys
done = subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "-d", "/tmp/trial", "${IN_A_NOTEBOOK}"],
                      capture_output=True, text=True)
print(done.returncode, done.stderr[-1500:])
`;
  const printed = await inKernel(lab, code);
  expect(printed.startsWith("0 "), `pip in a notebook: ${printed}`);
  expect(
    proxy.asked.some(({ url }) => url.includes(`/${IN_A_NOTEBOOK}/`)),
    "pip in a notebook went past the proxy",
  );
}

/** Every place of the host where the proxy's address, its password or a line of its CA was found. */
async function traces(lab: Lab, proxy: InterceptingProxy, zip: string, watched: CommandLines): Promise<string[]> {
  const { port, password } = proxy;
  const secret = password.split(" ").at(-1) ?? password;
  const marks = [`127.0.0.1:${port}`, `10.0.2.2:${port}`, secret, Buffer.from(`trial:${password}`).toString("base64")];
  marks.push(...proxy.ca.split("\n").filter((line) => line.length > 40 && !line.startsWith("-----")));
  const holds = (text: string): boolean => marks.some((mark) => text.includes(mark));
  const places = fs
    .readdirSync(lab.workbench, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => holds(fs.readFileSync(file, "latin1")))
    .map((file) => path.relative(lab.workbench, file));
  const lock = path.join(lab.workbench, "workbench.lock");
  expect(fs.existsSync(lock) && fs.readFileSync(lock, "utf8").includes(`${PYTHON}==`), "no workbench.lock was written");
  if (holds(await must("unzip", ["-p", zip]))) places.push("the hand-out");
  if (lab.transcript.some(holds)) places.push("what notebox printed");
  if ([...watched.seen].some(holds)) places.push("a process list of the host");
  return places;
}

/** The host has no proxy any more: the next `up` takes it out of the running VM. */
async function isForgotten(lab: Lab, proxy: InterceptingProxy): Promise<void> {
  const before = proxy.asked.length;
  await up(lab);
  const line = proxy.ca.split("\n")[2] ?? "";
  const left = `
    if grep -rslF -e ':${proxy.port}' -e '${line}' /etc/notebox /etc/apt /home/vagrant/notebox/host; then exit 1; fi
    for pid in $(systemctl show -p MainPID --value 'jupyter@*' 'kernel-gateway@*'); do
      if grep -qaF ':${proxy.port}' "/proc/$pid/environ"; then echo "process $pid"; exit 1; fi
    done`;
  await inGuest(lab.workbench, left);
  expect(proxy.asked.length === before, "something still asks the proxy");
  // This computer may have certificates of its own to hand on. On one that has none, the files go as well.
  const script = "/home/vagrant/notebox/provision/run.sh";
  await inGuest(lab.workbench, `env -i NOTEBOX_HOST_CA=/nonexistent bash ${script}`, 300);
  await inGuest(lab.workbench, "cd /etc/notebox; [[ ! -e host.env && ! -e host-ca.pem && ! -e ca-bundle.pem ]]");
  await verified(lab);
}
