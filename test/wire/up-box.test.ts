/** The box that `up` needs and the computer has not: from the share at once, and by Vagrant where that cannot be. */
import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type BoxLab, installed, NAME, openBoxLab } from "../vagrant/box-lab.ts";
import { createLab, type Lab } from "./fakes/vagrant.ts";

let boxes: BoxLab;
let lab: Lab;
beforeAll(async () => {
  boxes = openBoxLab();
  await boxes.publish({ version: "1.0.0" });
  await boxes.publish({ version: "2.0.0", arch: "arm64" });
});
afterAll(() => boxes.close());
beforeEach(async () => {
  lab = await createLab();
});
afterEach(() => lab.remove());

/** Writes `box:` anew; gives back what `up` left in Vagrant's folder of boxes and what it said. */
async function up(box: string): Promise<{ files: string[]; metadataUrl: string | undefined; stderr: string }> {
  const file = path.join(lab.folder, "workbench.yaml");
  fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace(/^box:[^\n]*\n(?: +[^\n]*\n)*/m, `box: ${box}\n`));
  const { stderr } = await lab.run("up");
  const found = installed(lab.env["VAGRANT_HOME"] ?? "");
  const files = Object.keys(found).filter((name) => name.endsWith("Vagrantfile"));
  return { files, metadataUrl: found["lab-VAGRANTSLASH-tiny/metadata_url"], stderr };
}
const doors = (...list: string[]): string => `{ name: ${NAME}, version: "< 3", shares: ${JSON.stringify(list)} }`;

test("comes from the first door that has it, before Vagrant is asked for the VM", async () => {
  lab.verb(
    "up",
    'echo "$VAGRANT_HOME"/boxes/lab-VAGRANTSLASH-tiny/1.0.0/amd64/virtualbox/* >"$S/seen"; have_vm; set_state running',
  );
  const { files, metadataUrl, stderr } = await up(doors(path.join(boxes.folder, "offline"), boxes.share));
  expect(files, stderr).toEqual(["lab-VAGRANTSLASH-tiny/1.0.0/amd64/virtualbox/Vagrantfile"]);
  expect(metadataUrl).toMatch(/^file:\/\/\/.*\/lab\/tiny\.json$/);
  expect(fs.readFileSync(path.join(lab.state, "seen"), "utf8")).toContain("metadata.json");
  expect(stderr).toContain("Unpacking the box lab/tiny 1.0.0");
});

test("comes over HTTP as well", async () => {
  const server = await boxes.serve();
  const { files, metadataUrl, stderr } = await up(doors(server.url));
  expect(files, stderr).toHaveLength(1);
  expect(metadataUrl).toMatch(`${server.url}/catalogs/`);
  expect(lab.calls()).toContainEqual(expect.stringMatching(/^up /));
});

test("is left alone when one that fits is there", async () => {
  const place = path.join(lab.env["VAGRANT_HOME"] ?? "", "boxes/lab-VAGRANTSLASH-tiny/0.9.0/virtualbox");
  fs.mkdirSync(place, { recursive: true });
  fs.writeFileSync(path.join(place, "metadata.json"), "{}");
  expect((await up(doors(boxes.share))).files).toEqual([]);
});

test.each([
  ["a Vagrant of unknown layout", () => lab.verb("--version", "echo 'Vagrant 2.5.0'"), () => boxes.share],
  ["a share that does not know this door", () => {}, () => `${boxes.share}-link`],
])("%s: Vagrant does it", async (_name, prepare, share) => {
  if (!fs.existsSync(`${boxes.share}-link`)) fs.symlinkSync(boxes.share, `${boxes.share}-link`);
  prepare();
  const { files, stderr } = await up(doors(share()));
  expect(files).toEqual([]);
  expect(lab.calls(), stderr).toContainEqual(expect.stringMatching(/^up /));
});
