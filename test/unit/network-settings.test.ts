/** The mark by which `up` notices that this computer has moved to another network. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { networkMark } from "../../src/vagrant/network-settings.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-network-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const ca = path.join(folder, "ca.pem");
fs.writeFileSync(ca, "one");
const campus = { https_proxy: "http://u:secret@proxy.example.edu:3128", SSL_CERT_FILE: ca, PATH: "/bin" };

test("is the same for the same settings, whatever else the environment holds", () => {
  expect(networkMark({ ...campus, PATH: "/other", TERM: "dumb", no_proxy: "" })).toBe(networkMark(campus));
});

test.each([
  ["no proxy any more", { https_proxy: undefined }],
  ["another password", { https_proxy: "http://u:other@proxy.example.edu:3128" }],
  ["another exception", { NO_PROXY: ".example.edu" }],
  ["another index", { PIP_INDEX_URL: "https://pip.example.edu/simple" }],
  ["a proxy for apt", { NOTEBOX_APT_PROXY: "http://apt.example.edu:3142" }],
  ["no certificates any more", { SSL_CERT_FILE: "" }],
  ["certificates that cannot be read", { SSL_CERT_FILE: path.join(folder, "none.pem") }],
])("is another with %s", (_, difference) => {
  expect(networkMark({ ...campus, ...difference })).not.toBe(networkMark(campus));
});

test("is another when the certificates in the same file are others", () => {
  const before = networkMark(campus);
  fs.writeFileSync(ca, "two");
  expect(networkMark(campus)).not.toBe(before);
});

test("gives away nothing of a password", () => {
  expect(networkMark(campus)).toMatch(/^[0-9a-f]{6}$/);
});
