/**
 * The whole life of a box through each door of a share, with the real Vagrant: added, listed, found outdated,
 * updated, removed. And what `box install` does in Vagrant's place.
 */

import { createHash } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { catalogAddress, catalogUrl } from "../../src/boxes/doors.ts";
import { freePort } from "../free-port.ts";
import {
  asVagrant,
  type BoxLab,
  installed,
  NAME,
  type Outcome,
  openBoxLab,
  type Running,
  vagrants,
} from "./box-lab.ts";

let lab: BoxLab;
let served: Running;
let web = "";

beforeAll(async () => {
  lab = openBoxLab("Übungen #1 & 100% mehr");
  const port = await freePort();
  web = `http://127.0.0.1:${port}/our boxes`;
  await lab.publish({ version: "1.0.0", doors: [web] });
  await lab.publish({ version: "1.10.0", arch: "arm64" });
  await lab.publish({ version: "1.10.0", bytes: 300_000 });
  await lab.publish({ version: "1.2.0", arch: "arm64" });
  await lab.publish({ version: "0.9.0", bytes: 50_000, holes: 1 << 20 });
  served = await lab.serve();
  await lab.nginx(port);
});
afterAll(() => lab.close());

const NOTED = "lab-VAGRANTSLASH-tiny/metadata_url";
const DOORS: [string, () => { catalog: string; env?: NodeJS.ProcessEnv }][] = [
  ["a path with blanks, umlauts, # and %", () => ({ catalog: catalogAddress(lab.share, NAME) })],
  ["box serve", () => ({ catalog: catalogAddress(served.url, NAME) })],
  ["nginx", () => ({ catalog: catalogAddress(web, NAME) })],
  ["VAGRANT_SERVER_URL of box serve", () => ({ catalog: NAME, env: { VAGRANT_SERVER_URL: served.url } })],
];

describe("nginx as box serve prints it", () => {
  const ask = async (target: string, options: http.RequestOptions = {}): Promise<{ status: number; body: string }> => {
    const { hostname, port } = new URL(web);
    return await new Promise((resolve, reject) => {
      const request = http.request({ host: hostname, port, path: target, ...options }, (response) => {
        let body = "";
        response.setEncoding("latin1").on("data", (part: string) => (body += part));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      });
      request.on("error", reject).end();
    });
  };

  test.each([
    "/boxes/../../secret.txt",
    "/our%20boxes/%2e%2e/%2e%2e/secret.txt",
    "/boxes/lab/tiny/1.0.0/link-amd64.box",
    "/whole/boxes/lab/tiny/1.0.0/link-amd64.box",
    "/boxes/lab/tiny/.hidden/virtualbox-amd64.box",
    "/boxes/lab/tiny/1.0.0/",
    "/boxes/lab/tiny/1.0.0/virtualbox-amd64.box.part",
    "/catalogs/x/../../notebox-share.lock",
    "/notebox-share.lock",
    "/",
  ])("gives nothing for %s", async (target) => {
    const folder = path.join(lab.share, "boxes/lab/tiny/1.0.0");
    fs.writeFileSync(path.join(lab.folder, "secret.txt"), "secret");
    fs.rmSync(path.join(folder, "link-amd64.box"), { force: true });
    fs.symlinkSync(path.join(lab.folder, "secret.txt"), path.join(folder, "link-amd64.box"));
    const { status, body } = await ask(target);
    fs.rmSync(path.join(folder, "link-amd64.box"));
    expect([[400, 403, 404].includes(status), body.includes("secret")]).toEqual([true, false]);
  });

  test("is read-only, and writes catalogs for the host that was asked", async () => {
    expect((await ask(`/${NAME}`, { method: "PUT" })).status).toBe(405);
    const { body } = await ask(`/api/v2/vagrant/${NAME}`, { headers: { host: "pool-3.example.edu:81" } });
    const urls = [...body.matchAll(/"url": "([^"]*)"/g)].map(([, url]) => url);
    expect(urls.length).toBeGreaterThan(2);
    for (const url of urls) expect(url).toMatch(/^http:\/\/pool-3\.example\.edu:81\/our%20boxes\/boxes\//);
  });
});

describe.each(vagrants)("%s", (vagrant) => {
  const run = (home: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
    lab.start(vagrant, args, { VAGRANT_HOME: home, ...env }).done;
  const must = async (home: string, args: string[], env?: NodeJS.ProcessEnv): Promise<string> => {
    const { code, text } = await run(home, args, env);
    if (code !== 0) throw new Error(`vagrant ${args.join(" ")}: ${text}`);
    return text;
  };
  /** Each installed version with what its Vagrantfile says. */
  const versions = (home: string): [string, string][] =>
    Object.entries(installed(home))
      .filter(([name]) => name.endsWith("Vagrantfile"))
      .map(([name, content]) => [name.split("/")[1] ?? "", content.trim()]);

  test.concurrent.each(DOORS)("%s: add, update, list, remove", async (_name, door) => {
    const { catalog, env } = door();
    const home = lab.home();
    await must(home, ["box", "add", catalog, "--provider", "virtualbox", "--box-version", "1.0.0"], env);
    await must(home, ["box", "update", "--box", NAME], env);
    // On this computer never the box for arm64, though 1.10.0 has both.
    expect(versions(home)).toEqual([
      ["1.0.0", "# 1.0.0 amd64"],
      ["1.10.0", "# 1.10.0 amd64"],
    ]);
    expect((await must(home, ["box", "list"], env)).match(/lab\/tiny \(virtualbox, 1\.\d+\.0/g)).toHaveLength(2);
    await must(home, ["box", "remove", NAME, "--all"], env);
    expect(installed(home)).toEqual({});
  });

  test.concurrent("box install leaves what vagrant box add leaves, and Vagrant takes it for its own", async () => {
    const [home, other] = [lab.home(), lab.home()];
    const env = { ...asVagrant(lab, vagrant), VAGRANT_HOME: home };
    const args = ["box", "install", NAME, "--share", lab.share, "--json"];
    const first = await lab.notebox([...args, "--version", "< 1.5"], env);
    expect(JSON.parse(first.stdout)).toMatchObject({
      ok: true,
      result: { installed: true, by: "notebox", version: "1.0.0" },
    });
    await must(other, [
      "box",
      "add",
      catalogAddress(lab.share, NAME),
      "--provider",
      "virtualbox",
      "--box-version",
      "1.0.0",
    ]);
    // Vagrant leaves some characters as they are that need no escaping in a path.
    const plain = (where: string): object => {
      const { [NOTED]: noted = "", ...files } = installed(where);
      return { ...files, noted: decodeURIComponent(noted) };
    };
    expect(plain(home)).toEqual(plain(other));
    expect(installed(home)[NOTED]).toBe(catalogUrl(lab.share, NAME));

    expect(await must(home, ["box", "outdated", "--global"])).toMatch(/outdated.* Latest: 1\.10\.0/);
    const second = await lab.notebox(args, env);
    expect(JSON.parse(second.stdout).result).toMatchObject({ installed: true, version: "1.10.0", arch: "amd64" });
    expect(await must(home, ["box", "update", "--box", NAME])).toMatch(/is running the latest version|up to date/);
    expect(versions(home).map(([, content]) => content)).toEqual(["# 1.0.0 amd64", "# 1.10.0 amd64"]);
    const third = await lab.notebox(args, env);
    expect(JSON.parse(third.stdout).result).toMatchObject({ installed: false, version: "1.10.0" });
    expect((await must(home, ["box", "list"])).match(/lab\/tiny \(virtualbox, 1\.\d+\.0/g)).toHaveLength(2);
    await must(home, ["box", "remove", NAME, "--all"]);
    expect(installed(home)).toEqual({});
  });

  // The only box of that version is for arm64. Vagrant 2.3 knows no architectures, and must not take it all the same.
  test.concurrent.each(DOORS)("%s: a version that is not for this computer", async (_name, door) => {
    const { catalog, env } = door();
    const home = lab.home();
    const only = await run(home, ["box", "add", catalog, "--provider", "virtualbox", "--box-version", "1.2.0"], env);
    expect([only.code, installed(home)]).toEqual([1, {}]);
    // A share's file is the same for all Vagrants, a server can tell them apart; from 2.4 on Vagrant says it itself.
    expect(only.text).toMatch(/only-for-arm64--needs-vagrant-2\.4|no available version|Supported versions: /);
  });

  test.concurrent("VAGRANT_SERVER_URL of nginx", async () => {
    const home = lab.home();
    await must(home, ["box", "add", NAME, "--provider", "virtualbox"], { VAGRANT_SERVER_URL: web.replace(" ", "%20") });
    expect(versions(home)).toEqual([["1.10.0", "# 1.10.0 amd64"]]);
  });

  test.concurrent("box install leaves a sparse box to Vagrant, which unpacks it as it should be", async () => {
    const home = lab.home();
    const env = { ...asVagrant(lab, vagrant), VAGRANT_HOME: home };
    const { stdout, text } = await lab.notebox(
      ["box", "install", NAME, "--share", lab.share, "--version", "0.9.0", "--json"],
      env,
    );
    expect(JSON.parse(stdout).result, text).toMatchObject({ installed: true, by: "vagrant", arch: "amd64" });
    const names = fs.readdirSync(path.join(home, "boxes"), { recursive: true, encoding: "utf8" });
    const extra = names.find((name) => name.endsWith("extra.bin")) ?? "";
    expect(fs.statSync(path.join(home, "boxes", extra)).size).toBe(50_000 + (1 << 20));
    expect(versions(home)).toEqual([["0.9.0", "# 0.9.0 amd64"]]);
  });

  // What a kill between download and unpacking leaves: Vagrant asks for the rest of what it has.
  test.concurrent.each([
    ["box serve", "whole", () => served.url],
    ["box serve", "too much", () => served.url],
    ["nginx", "whole", () => web],
  ] as const)("a download that was broken off is finished: %s, %s", async (_name, much, door) => {
    const home = lab.home();
    const catalog = catalogAddress(door(), NAME);
    const box = fs.readFileSync(path.join(lab.share, "boxes", NAME, "1.10.0/virtualbox-amd64.box"));
    const url =
      JSON.stringify(await (await fetch(catalog)).json()).match(/[^"]*1\.10\.0\/virtualbox-amd64\.box/)?.[0] ?? "";
    expect(url).not.toBe("");
    const left = {
      whole: box,
      "too much": Buffer.concat([box, Buffer.from("x")]),
    };
    fs.mkdirSync(path.join(home, "tmp"));
    fs.writeFileSync(path.join(home, "tmp", `box${createHash("sha1").update(url).digest("hex")}`), left[much]);
    await must(home, ["box", "add", catalog, "--provider", "virtualbox"]);
    expect(versions(home)).toEqual([["1.10.0", "# 1.10.0 amd64"]]);
  });
});
