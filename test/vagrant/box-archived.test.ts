/**
 * The day after the registry has closed: everything was archived from it in time, through redirects, rate limits and
 * without checksums; now it is gone, and the real Vagrant gets each version from the share.
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { box } from "../unit/box-bytes.ts";
import { openUpstream } from "../wire/fakes/upstream.ts";
import { type BoxLab, installed, NAME, openBoxLab, type Running, vagrants } from "./box-lab.ts";

const VERSIONS = ["1.0.0", "1.9.0", "1.10.0"];

let lab: BoxLab;
let served: Running;
beforeAll(async () => {
  lab = openBoxLab();
  const store = await openUpstream();
  const upstream = await openUpstream({ store });
  const boxes = VERSIONS.map((version) => ({
    version,
    provider: "virtualbox",
    arch: "amd64",
    bytes: box("virtualbox", { arch: "amd64", filling: randomBytes(200_000) }),
    checksum: null,
  }));
  for (const one of [upstream, store]) one.offer(...boxes);
  upstream.mood.first = [{ status: 429, headers: { "retry-after": "1" } }];
  store.mood.first = [{ status: 503 }];
  const env = { VAGRANT_SERVER_URL: upstream.url };
  const { code, text } = await lab.notebox(["box", "archive", NAME, "--all-versions", "--share", lab.share], env);
  if (code !== 0) throw new Error(text);
  // Nothing of the two is there any more; the moods show that both were met.
  expect([upstream.mood.first, store.mood.first]).toEqual([[], []]);
  for (const one of [upstream, store]) await one.close();
  served = await lab.serve();
});
afterAll(() => lab.close());

test.concurrent.each(vagrants.flatMap((vagrant) => VERSIONS.map((version) => [vagrant, version] as const)))(
  "%s gets %s",
  async (vagrant, version) => {
    const home = lab.home();
    const add = ["box", "add", NAME, "--provider", "virtualbox", "--box-version", version];
    const { code, text } = await lab.start(vagrant, add, { VAGRANT_HOME: home, VAGRANT_SERVER_URL: served.url }).done;
    expect([code, text]).toEqual([0, expect.stringContaining("Successfully added")]);
    const disk = Object.keys(installed(home)).find((name) => name.endsWith("disk.vmdk")) ?? "";
    const archived = fs.readFileSync(path.join(lab.share, "boxes", NAME, version, "virtualbox-amd64.box"));
    expect(archived.includes(fs.readFileSync(path.join(home, "boxes", disk)))).toBe(true);
    expect(disk).toContain(`/${version}/`);
  },
);
