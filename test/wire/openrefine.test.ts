/**
 * The door before OpenRefine, with a program that stands for it: who is let in, what passes and how, and how both end. The
 * desktop has the same door. That the real OpenRefine works behind it is tried in the VM.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../gateway/start.ts";
import { withGateway } from "../gateway/with-gateway.ts";
import { type GuestService, startService, TOKEN } from "./fakes/guest-service.ts";

const STANDIN = path.join(import.meta.dirname, "fakes/openrefine-standin.py");
const KEY = { Authorization: `Bearer ${TOKEN}` };
interface Told {
  method: string;
  path: string;
  headers: Record<string, string>;
  sha256: string;
  size: number;
  arguments: string[];
}

withGateway("the door of OpenRefine", () => {
  let service: GuestService;
  let cookie = "";
  const start = async (env: Record<string, string> = {}, more: object = {}): Promise<GuestService> =>
    await startService("openrefine", "openrefine.py", {
      settings: { memory: 700, ...more },
      env: { NOTEBOX_OPENREFINE: STANDIN, ...env },
    });
  const ready = async (one: GuestService): Promise<void> => {
    if (!(await until(async () => (await one.ask("/", { headers: KEY })).ok, 10_000))) throw new Error(one.log());
  };
  const told = async (target: string, init: RequestInit = {}): Promise<Told> =>
    (await (await service.ask(target, { headers: KEY, ...init })).json()) as Told;
  /** fetch sets some headers itself. */
  const raw = async (method: string, target: string, headers: Record<string, string>): Promise<http.IncomingMessage> =>
    await new Promise((resolve, reject) => {
      const request = http.request({ port: service.port, method, path: target, headers }, (answer) =>
        resolve(answer.resume()),
      );
      request.on("error", reject).end();
    });

  beforeAll(async () => {
    service = await start({ http_proxy: "http://proxy.example:3128/", no_proxy: "localhost,.example.edu" });
    await ready(service);
    const answer = await service.ask(`/project?project=7&token=${TOKEN}&x=a%26b`);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/project?project=7&x=a%26b"]);
    const set = answer.headers.get("set-cookie") ?? "";
    expect(set).toMatch(/^notebox-openrefine=[0-9a-f]{64}; .*HttpOnly.*SameSite=Lax/);
    expect(set).not.toContain(TOKEN);
    cookie = set.replace(/;.*/, "");
  });
  afterAll(async () => void (await service?.stop()));

  test("nothing is answered without the token, or with a wrong one; a page says what to do", async () => {
    for (const target of ["/", "/command/core/get-version", "/?token=", `/?token=${TOKEN.slice(1)}0`]) {
      for (const headers of [{}, { Authorization: "Bearer x" }, { Cookie: `notebox-openrefine=${TOKEN}` }]) {
        const answer = await service.ask(target, {
          headers: { Accept: "text/html", ...(headers as Record<string, string>) },
        });
        expect([answer.status, answer.headers.get("set-cookie")], target).toEqual([401, null]);
        expect(await answer.text()).toContain("Open it from the workbench&#x27;s page");
      }
    }
    const posted = await service.ask("/command/core/delete-project", { method: "POST", body: "project=1" });
    expect(posted.status).toBe(401);
  });

  test("the cookie lets in; not from another page, another port's page or another name of this computer", async () => {
    const own = { Host: `127.0.0.1:${service.port}`, Cookie: cookie };
    const visit = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" };
    const cases: [string, Record<string, string>, number][] = [
      ["GET", own, 200],
      ["POST", { ...own, Origin: service.url, "Sec-Fetch-Site": "same-origin" }, 200],
      ["GET", { ...own, ...visit }, 200],
      ["POST", { ...own, ...visit }, 403],
      ["GET", { ...own, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors" }, 403],
      ["POST", { ...own, Origin: "https://evil.example" }, 403],
      ["POST", { ...own, Origin: `http://127.0.0.1:${service.port + 1}` }, 403],
      ["POST", { ...own, Origin: "null" }, 403],
      ["GET", { ...own, Host: `rebound.example:${service.port}` }, 403],
    ].map(([method, headers, status]) => [String(method), headers as Record<string, string>, Number(status)]);
    for (const [method, headers, status] of cases)
      expect((await raw(method, "/x", headers)).statusCode, `${method} ${JSON.stringify(headers)}`).toBe(status);
  });

  test("no address leads away from here after the token", async () => {
    for (const target of [`//evil.example/?token=${TOKEN}`, `/\\evil.example?token=${TOKEN}`]) {
      const location = (await raw("GET", target, { Host: `127.0.0.1:${service.port}` })).headers.location;
      expect(new URL(location ?? "", service.url).origin).toBe(service.url);
    }
  });

  test("a request passes as it is, but for what is the door's alone", async () => {
    const answer = await told("/command/x?a=1&b=%20", {
      headers: { ...KEY, Cookie: `${cookie}; notebox-home=1; own=2`, "X-Own": "y", Origin: service.url },
    });
    expect(answer).toMatchObject({
      method: "GET",
      path: "/command/x?a=1&b=%20",
      headers: { "X-Own": "y", Cookie: "own=2" },
    });
    expect(JSON.stringify(answer)).not.toMatch(new RegExp(`${TOKEN}|${cookie.replace(/.*=/, "")}`));
    expect(answer.headers["Host"]).toMatch(/^127\.0\.0\.1:\d+$/);
    expect((await service.ask("/", { headers: KEY })).headers.getSetCookie()).toEqual(["one=1", "two=2"]);
    expect((await service.ask("/moved", { headers: KEY })).headers.get("location")).toBe("/project");
  });

  test("heap, folder and the computer's proxies reach the program; secrets do not", async () => {
    const { arguments: given } = await told("/");
    for (const one of [
      "-Xmx700M",
      `-Drefine.data_dir=${service.root}/state`,
      "-Drefine.interface=127.77.0.1",
      "-Dhttp.proxyHost=proxy.example",
      "-Dhttp.proxyPort=3128",
      "-Dhttp.nonProxyHosts=localhost|*.example.edu",
    ])
      expect(given).toContain(one);
    expect(given.join(" ")).not.toContain(TOKEN);
  });

  test("large uploads and answers pass piece by piece", async () => {
    const body = Buffer.alloc(150 << 20, "notebox");
    const answer = await told("/command/core/create-project-from-upload", { method: "POST", body });
    expect(answer).toMatchObject({ size: body.length, sha256: createHash("sha256").update(body).digest("hex") });
    const began = performance.now();
    const large = await service.ask("/large/150", { headers: KEY });
    const reader = large.body?.getReader();
    await reader?.read();
    expect(performance.now() - began).toBeLessThan(250);
    let size = 10;
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) size += part.value.length;
    expect(size).toBe((150 << 20) + 10);
    const status = fs.readFileSync(`/proc/${service.child.pid}/status`, "utf8");
    expect(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1])).toBeLessThan(100_000);
  });

  test("an answer that breaks off does not look whole", async () => {
    const answer = await service.ask("/broken", { headers: KEY });
    await expect(answer.text()).rejects.toThrow();
  });

  test("a release that the workbench names is started in place of the distribution's", async () => {
    const place = async (one: GuestService): Promise<string[]> => {
      await ready(one);
      const { arguments: given } = (await (await one.ask("/", { headers: KEY })).json()) as Told;
      return given.filter((word) => /openrefine/.test(word) && !word.startsWith("-Drefine.data_dir"));
    };
    const release = await start({}, { source: { url: "", sha256: "" } });
    const found = await place(release);
    expect(await release.stop()).toBeLessThan(5);
    const webapp = "/opt/notebox/openrefine/webapp";
    const named = ["/opt/notebox/openrefine/server/target/lib/*", `-Drefine.webapp=${webapp}`];
    expect(found).toEqual(expect.arrayContaining(named));
    expect(await place(service)).toEqual(expect.arrayContaining(["/usr/share/openrefine/server/*"]));
  });

  test("while it starts, a page says so and goes on by itself", async () => {
    const slow = await start({ STANDIN_WAIT: "2" });
    const answer = await slow.ask("/", { headers: { ...KEY, Accept: "text/html" } });
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringMatching(/http-equiv="refresh"[\s\S]*OpenRefine is starting/),
    ]);
    // Whoever asks without its key, such as the home page and a notebook, is told so, too, and nothing else.
    expect((await slow.ask("/")).status).toBe(503);
    await ready(slow);
    expect((await slow.ask("/")).status).toBe(401);
    expect(await slow.stop()).toBeLessThan(5);
  });

  test("asked to end, it lets the program end first; when the program ends, it ends and says so", async () => {
    const one = await start();
    await ready(one);
    one.child.kill("SIGTERM");
    await until(() => one.child.exitCode !== null, 5000);
    expect([one.child.exitCode, fs.readFileSync(path.join(one.root, "state/ended"), "utf8")]).toEqual([0, "asked"]);
    await one.stop();
    const other = await start();
    await ready(other);
    await other.ask("/end", { method: "POST", headers: KEY }).catch(() => {});
    await until(() => other.child.exitCode !== null, 5000);
    expect([other.child.exitCode, other.log()]).toEqual([1, expect.stringContaining("OpenRefine has ended (1)")]);
    await other.stop();
  });
});
