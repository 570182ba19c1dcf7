/** Other people's catalogs: what they offer is read, whatever else stands in them is refused and leads nowhere. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { publicAddress } from "../../src/boxes/fetch/address.ts";
import { waitFor } from "../../src/boxes/fetch/back-off.ts";
import { readCatalog } from "../../src/boxes/fetch/upstream.ts";
import { UserError } from "../../src/errors.ts";
import { mutateCatalogs } from "./catalog-mutations.ts";

const from = "https://registry.example.test/api/v2/vagrant/lab/tiny";
const provider = (more: object = {}) => ({
  name: "virtualbox",
  url: "https://registry.example.test/tiny.box",
  checksum: "a".repeat(64),
  checksum_type: "SHA256",
  architecture: "amd64",
  ...more,
});
const catalog = (...providers: unknown[]) => ({ name: "lab/tiny", versions: [{ version: "1.0.0", providers }] });
const read = (data: unknown) => readCatalog(JSON.stringify(data), from, "lab/tiny");

test("a sound one", () => {
  expect(read(catalog(provider())).boxes).toEqual([
    {
      name: "lab/tiny",
      version: "1.0.0",
      provider: "virtualbox",
      arch: "amd64",
      url: "https://registry.example.test/tiny.box",
      promised: { type: "sha256", value: "a".repeat(64) },
    },
  ]);
});

test.each<[string, unknown]>([
  ["a file of this computer", { url: "file:///etc/passwd" }],
  ["a path of this computer", { url: "C:\\box.box" }],
  ["another kind of address", { url: "ftp://example.test/x.box" }],
  ["no address", { url: 7 }],
  ["a provider with a path in it", { name: "../../virtualbox" }],
  ["an architecture with a path in it", { architecture: "../amd64" }],
  ["a checksum of an unknown type", { checksum_type: "crc32" }],
  ["a checksum of another length", { checksum: "ab" }],
])("%s is a fault, and no offer", (_, more) => {
  const { boxes, faults } = read(catalog(provider(more as object), provider({ architecture: "arm64" })));
  expect([boxes.length, faults.length]).toEqual([1, 1]);
});

test.each(["", "[]", "{}", '{"versions":7}', '{"name":"lab/other","versions":[]}', "<html>"])(
  "no catalog: %s",
  (text) => {
    expect(() => readCatalog(text, from, "lab/tiny")).toThrow(UserError);
  },
);

test("mutations: refused in words, or offers that stay in the share", () => {
  expect(mutateCatalogs(1500)).toMatch(/^1500 /);
});

test("random bytes are never a catalog, and never a crash", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(() => readCatalog(text, from, undefined)).toThrow(UserError);
    }),
  );
});

describe("how long to wait", () => {
  const now = Date.parse("2026-11-24T00:00:00Z");
  test.each<[Record<string, string>, number]>([
    [{ "retry-after": "3" }, 3000],
    [{ "retry-after": "Tue, 24 Nov 2026 00:01:00 GMT" }, 60_000],
    [{ "x-ratelimit-remaining": "0", "x-ratelimit-reset": "5" }, 5000],
    [{ "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now / 1000 + 9) }, 9000],
    [{ "x-ratelimit-remaining": "4", "x-ratelimit-reset": "500" }, 250],
    [{ "retry-after": "soon" }, 250],
  ])("%j", (headers, ms) => {
    expect(waitFor(1, headers, now, 0)).toBe(ms);
  });

  test("by itself ever longer, up to half a minute", () => {
    expect([1, 2, 3, 9, 99].map((failures) => waitFor(failures, {}, now, 1))).toEqual([
      500, 1000, 2000, 30_000, 30_000,
    ]);
  });
});

test("addresses are kept without what opens doors", () => {
  expect(publicAddress("https://me:secret@a.example/b/c.box?token=secret#x")).toBe("https://a.example/b/c.box");
  expect(publicAddress(`https://a.example/object/eyJhbGciOi.${"x".repeat(90)}`)).toBe("https://a.example/object/…");
});
