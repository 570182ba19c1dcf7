/**
 * How this computer reaches packages: its certificates and pip's settings, for a build root. The VM gets the same
 * from the Vagrantfile; proxies and apt's settings are taken over by the recipe's scripts.
 */
import fs from "node:fs/promises";
import path from "node:path";
import type { Deps } from "../../ports.ts";

/** As templates/vagrant/host_settings.rb has it. */
const CERTIFICATE_VARIABLES = [
  "NOTEBOX_CA_BUNDLE",
  "PIP_CERT",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "SSL_CERT_FILE",
  "NODE_EXTRA_CA_CERTS",
];
const LOCAL_CERTIFICATES = "/usr/local/share/ca-certificates";
const PEM = /-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----/g;

/** All certificates that this computer's keepers added, as PEM, or undefined. */
export async function hostCertificates(env: Deps["env"]): Promise<string | undefined> {
  const named = CERTIFICATE_VARIABLES.map((name) => env[name]).filter((file) => file !== undefined && file !== "");
  const files = [...new Set([...(named as string[]), ...(await localCertificates())])];
  const found = new Set<string>();
  for (const file of files) {
    const text = await fs.readFile(file, "latin1").catch(() => "");
    for (const [pem] of text.matchAll(PEM)) found.add(pem.replaceAll("\r", ""));
  }
  return found.size === 0 ? undefined : `${[...found].join("\n")}\n`;
}

async function localCertificates(): Promise<string[]> {
  const entries = await fs.readdir(LOCAL_CERTIFICATES, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".crt"))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

/** pip's settings of this computer, as the environment variables that say the same. */
export async function pipSettings(deps: Deps): Promise<Record<string, string>> {
  const wanted = {
    PIP_INDEX_URL: "index-url",
    PIP_EXTRA_INDEX_URL: "extra-index-url",
    PIP_TRUSTED_HOST: "trusted-host",
  };
  const settings: Record<string, string> = {};
  const listed = await pipConfiguration(deps);
  for (const [variable, option] of Object.entries(wanted)) {
    const value = deps.env[variable] ?? listed.get(`install.${option}`) ?? listed.get(`global.${option}`);
    if (value) settings[variable] = value;
  }
  return settings;
}

/** `pip config list` prints global.index-url='https://…' a line, with Python's quoting. */
async function pipConfiguration(deps: Deps): Promise<Map<string, string>> {
  const python = await deps.processes.which("python3");
  if (!python) return new Map();
  const { stdout } = await deps.processes.run(python, ["-m", "pip", "config", "list"], { timeoutMs: 20_000 });
  const lines = [...stdout.matchAll(/^([a-z]+\.[a-z-]+)='([^'\n]*)'$/gm)];
  return new Map(lines.map(([, key = "", value = ""]) => [key, value.replaceAll("\\n", " ").trim()]));
}
