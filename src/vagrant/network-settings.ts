/**
 * Whether this computer's network settings (proxies, certificates, pip's and apt's) are still those that the VM was
 * given. What they are and how they reach the VM is in templates/vagrant/host_settings.rb; here they only get a
 * short mark, which is told apart but cannot be read back.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";

const PLAIN = /^(?:https?_proxy|no_proxy|pip_(?:index_url|extra_index_url|trusted_host)|notebox_apt_.*)$/i;
// Variables that name files; their contents count.
const FILES =
  /^(?:notebox_ca_bundle|pip_cert|requests_ca_bundle|curl_ca_bundle|ssl_cert_file|node_extra_ca_certs|pip_config_file)$/i;
/** Few enough that no password can be found by trying which one fits. */
const MARK_DIGITS = 6;

/** The same settings give the same mark; a variable that is empty counts as one that is not there. */
export function networkMark(env: Readonly<Record<string, string | undefined>>): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(env).sort()) {
    const value = env[name] ?? "";
    if (value === "") continue;
    if (PLAIN.test(name)) hash.update(`${name}\0${value}\0`);
    if (FILES.test(name)) hash.update(`${name}\0${value}\0`).update(contents(value)).update("\0");
  }
  return hash.digest("hex").slice(0, MARK_DIGITS);
}

function contents(file: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
