/** How the rendered Vagrantfile finds the box: the first door that answers, asked by the real Vagrant. */
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { catalogAddress } from "../../src/boxes/doors.ts";
import { Lab, VAGRANTS } from "./render-lab.ts";

let lab: Lab;
let share = "";
beforeEach(async () => {
  lab = new Lab();
  share = await lab.share();
});
afterEach(() => lab.close());

const UP = ["up", "--provider", "virtualbox"];
const BACKTRACE = /\.rb:\d+:in/;

/** The folder's share gets its catalog. */
function publish(): void {
  const file = catalogAddress(share, "lab/tiny");
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, lab.catalog(pathToFileURL(path.join(share, "tiny.box")).href));
}

describe.each(VAGRANTS)("%s", (vagrant) => {
  const installed = async (): Promise<boolean> =>
    (await lab.vagrant(vagrant, ["box", "list"])).text.includes("lab/tiny");

  test("takes the first door that answers and says why the others were passed over; then asks no more", async () => {
    publish();
    const wrongType = await lab.serve((_, response) => response.setHeader("content-type", "text/plain").end("{}"));
    const missing = await lab.serve((_, response) => response.writeHead(404).end());
    const nobody = await lab.nobody();
    const after = await lab.serve((_, response) => response.writeHead(404).end());
    await lab.describe([nobody, missing.door, wrongType.door, path.join(lab.around, "unmounted"), share, after.door]);
    const up = await lab.vagrant(vagrant, UP);
    expect(await installed()).toBe(true);
    expect(up.text).toMatch(/unmounted\S+ cannot be used: there is no such file\./);
    expect(up.text).toMatch(new RegExp(`${nobody}\\S+ cannot be used: .*connect`, "i"));
    expect(up.text).toMatch(new RegExp(`${missing.door}\\S+ cannot be used: .*404`));
    expect(up.text).toMatch(new RegExp(`${wrongType.door}\\S+ cannot be used: it answers, but as text/plain`));
    expect(up.text).not.toMatch(BACKTRACE);
    expect([missing.requests.length, wrongType.requests.length, after.requests.length]).toEqual([1, 1, 0]);

    fs.rmSync(share, { recursive: true });
    const again = await lab.vagrant(vagrant, UP);
    expect(again.text).not.toMatch(/cannot be used/);
    expect([missing.requests.length, wrongType.requests.length, after.requests.length]).toEqual([1, 1, 0]);
  });

  test("takes the box from a web server, after one that hangs", async () => {
    const good = await lab.serve((request, response) => {
      if (request.url?.endsWith(".box")) response.end(fs.readFileSync(path.join(share, "tiny.box")));
      else
        response.setHeader("content-type", "application/json; charset=utf-8").end(lab.catalog(`${good.door}tiny.box`));
    });
    const silent = await lab.silence();
    await lab.describe([silent, good.door]);
    const up = await lab.vagrant(vagrant, UP);
    expect(up.text).toMatch(new RegExp(`${silent}\\S+ cannot be used: .*timed out`, "i"));
    expect(await installed()).toBe(true);
  });

  test("names every door and why when none answers, and only commands that need the box ask at all", async () => {
    const missing = await lab.serve((_, response) => response.writeHead(404).end());
    const nobody = await lab.nobody();
    await lab.describe([nobody, missing.door, share]);
    for (const args of [["status"], ["destroy", "-f"]]) {
      const run = await lab.vagrant(vagrant, args);
      expect(run.text).not.toMatch(BACKTRACE);
      expect(run.text).not.toContain("no door of the share");
    }
    expect(missing.requests).toEqual([]);
    const up = await lab.vagrant(vagrant, UP);
    expect(up.code).toBe(1);
    expect(up.text).toMatch(/The box lab\/tiny is not on this computer yet, and no door of the share gives it:/);
    for (const door of [nobody, missing.door, share])
      expect(up.text).toContain(`  ${catalogAddress(door, "lab/tiny")}: `);
    expect(up.text).not.toMatch(BACKTRACE);
    const machine = await lab.vagrant(vagrant, [...UP, "--machine-readable"]);
    expect(machine.text).toMatch(/,error-exit,Notebox::Failure,/);
  });

  test("asks through the host's proxy, but for what no_proxy names", async () => {
    const proxy = await lab.serve((_, response) => response.writeHead(502).end());
    const direct = await lab.serve((_, response) => response.writeHead(404).end());
    await lab.describe(["http://boxes.example.invalid/", direct.door]);
    const env = { http_proxy: proxy.door, no_proxy: "127.0.0.1" };
    const up = await lab.vagrant(vagrant, UP, env);
    expect(up.code).toBe(1);
    expect(proxy.requests).toEqual([`HEAD ${catalogAddress("http://boxes.example.invalid/", "lab/tiny")}`]);
    expect(direct.requests).toHaveLength(1);
  });

  test("asks the public registry when that is allowed and no door answers", async () => {
    const registry = await lab.serve((_, response) => response.writeHead(404).end());
    await lab.describe([await lab.nobody()], "  registry: true\n");
    const up = await lab.vagrant(vagrant, UP, { VAGRANT_SERVER_URL: registry.door.replace(/\/$/, "") });
    expect(up.code).toBe(1);
    expect(up.text).toMatch(/cannot be used/);
    expect(registry.requests.some((request) => request.includes("lab/tiny"))).toBe(true);
  });

  test("never asks the public registry otherwise", async () => {
    const registry = await lab.serve((_, response) => response.writeHead(404).end());
    await lab.describe([await lab.nobody()]);
    await lab.vagrant(vagrant, UP, { VAGRANT_SERVER_URL: registry.door.replace(/\/$/, "") });
    expect(registry.requests).toEqual([]);
  });
});
