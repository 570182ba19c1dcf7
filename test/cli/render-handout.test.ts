/**
 * What may not go out in a hand-out, what is listed, and the box for a stick. The built program on real files; the zips
 * are read by other programs.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { scanFiles } from "../../src/bundle/scan.ts";
import { pack } from "../../src/bundle/zip-format.ts";
import { Workbench } from "./render-workbench.ts";

const EXAMPLE = path.resolve(import.meta.dirname, "../../examples/hello");

let workbench: Workbench;
let zip = "";
beforeEach(() => {
  workbench = new Workbench();
  zip = path.join(workbench.around, "hello.zip");
});
afterEach(() => workbench.remove());

interface Envelope {
  error?: {
    code: string;
    problems: { id: string; file: string; line?: number; cell?: number; value?: string; hint: string }[];
  };
  result?: { zip: { bytes: number; content: { path: string; bytes?: number }[]; box?: { version: string } } };
}

function handOut(...args: string[]): { code: number | null; json: Envelope; text: string } {
  const run = workbench.render(["--zip", zip, "--json", ...args]);
  return { code: run.code, json: JSON.parse(run.stdout) as Envelope, text: run.stdout };
}

/** Without the program around it, which takes a second to start. */
async function scan(name: string, patterns: string[] = []) {
  return await scanFiles({ folder: workbench.folder, files: [name], allow: [], patterns });
}

function notebook(cells: { source: string; outputs?: unknown[] }[]): string {
  const kernelspec = { name: "python3", display_name: "Python 3" };
  const code = cells.map((cell) => ({ cell_type: "code", metadata: {}, execution_count: 1, outputs: [], ...cell }));
  return JSON.stringify({ cells: code, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 });
}
const stream = (text: string) => ({ output_type: "stream", name: "stdout", text });

describe("secrets", () => {
  // Put together here, so that no scanner takes this file for a leak.
  const github = `ghp_${"a1B2c3".repeat(6)}`;
  const cases: [what: string, line: string, id: string][] = [
    ["a GitHub token", `token = os.environ.get("X") or "${github}"`, "token"],
    ["an AWS key", `key = '${"AKIA"}${"ABCD1234".repeat(2)}'`, "token"],
    ["a private key", `-----BEGIN ${"OPENSSH PRIVATE"} KEY-----`, "private-key"],
    ["a password in an address", "engine = create_engine('postgresql://marks:geheim99@db.uni.de/x')", "password"],
    ["a password", 'PASSWORD = "hunter22"', "password"],
    ["a password in a dictionary", '{"db_password": "s3cr3t-one"}', "password"],
    ["a Jupyter address", `http://127.0.0.1:8888/lab?token=${"0f".repeat(24)}`, "token"],
  ];

  test.each(cases)("%s in a cell is found with its place, and hardly shown", async (_, line, id) => {
    workbench.write("notebooks/a.ipynb", notebook([{ source: "1" }, { source: `import os\n${line}\n` }]));
    const problems = await scan("notebooks/a.ipynb");
    expect(problems).toMatchObject([{ id, file: workbench.path("notebooks/a.ipynb"), cell: 1, line: 2 }]);
    expect(problems[0]?.hint).toMatch(/\w/);
    expect(JSON.stringify(problems)).not.toMatch(/geheim99|hunter22|s3cr3t-one|ghp_\w{10}|AKIA\w{8}|(?:0f){8}/);
  });

  test("files of one name are told apart by their folders", () => {
    for (const at of ["api", "notebooks/week-1"]) workbench.write(`${at}/.env`, "DB_PASSWORD=geheim-und-lang\n");
    const { stderr } = workbench.render(["--zip", zip]);
    for (const at of ["api", "notebooks/week-1"]) expect(stderr).toContain(`\n  ${at}/.env:1: holds a password`);
  });

  test("in any text file, in outputs, and even where personal data is allowed", () => {
    workbench.describe(`${workbench.read("workbench.yaml")}handout: { allow: [notebooks/a.ipynb, api] }\n`);
    workbench.write("notebooks/a.ipynb", notebook([{ source: "x", outputs: [stream(`a\nb ${github}\n`)] }]));
    workbench.write("api/settings.env", "# settings\nDB_PASSWORD=geheim-und-lang\n");
    workbench.write("api/broken.ipynb", `{"cells": [ ${github}`);
    fs.writeFileSync(zip, "old");
    const { code, json, text } = handOut();
    expect([code, json.error?.code, text.includes(github), fs.readFileSync(zip, "utf8")]).toEqual([
      3,
      "invalid",
      false,
      "old",
    ]);
    expect(json.error?.problems.map(({ id, file, cell, line }) => [id, path.basename(file), cell, line])).toEqual(
      [
        ["token", "broken.ipynb", undefined, 1],
        ["password", "settings.env", undefined, 2],
        ["token", "a.ipynb", 0, 2],
      ].sort(
        (a, b) =>
          ["a.ipynb", "broken.ipynb", "settings.env"].indexOf(String(a[1])) -
          ["a.ipynb", "broken.ipynb", "settings.env"].indexOf(String(b[1])),
      ),
    );
  });

  const KAGGLE = "0f".repeat(16);
  test.each([
    ["notebooks/.env", "API_KEY=abc123def456\n", "password"],
    ["notebooks/.env", "db_password=hunter22\n", "password"],
    ["notebooks/.env", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPx\n", "password"],
    ["api/aws/credentials", "[default]\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG\n", "password"],
    ["api/db.yaml", "db:\n  password: hunter22 # mine\n", "password"],
    ["api/.pgpass", "db.uni.de:5432:*:ada:hunter22\n", "password"],
    ["api/.netrc", "machine uni.de login ada password hunter22\n", "password"],
    ["api/kaggle.json", `{"username":"ada","key":"${KAGGLE}"}`, "token"],
    ["api/settings.json", '{"accessToken": "zx81zx81"}', "password"],
    ["api/get.sh", "curl -u ada:hunter22 https://uni.de/x\n", "password"],
    ["api/store.p12", Buffer.from([0x30, 0x82, 0, 1, 2]), "private-key"],
    // As `echo … > .env` in PowerShell writes it.
    ["notebooks/.env", Buffer.from("\ufeffDB_PASSWORD=hunter22\r\n", "utf16le"), "password"],
    ["notebooks/a.ipynb", notebook([{ source: 'os.environ["DB_PASSWORD"] = "hunter22"' }]), "password"],
    ["notebooks/a.ipynb", notebook([{ source: "%env MY_TOKEN=hunter22" }]), "password"],
    ["notebooks/a.ipynb", notebook([{ source: 'h = {"Authorization": "Bearer hunter22hunter"}' }]), "token"],
    ["notebooks/a.ipynb", notebook([{ source: 'password = "apple-pie-7"' }]), "password"],
  ])("%s with a secret in one of the ordinary ways: %j", async (name, content, id) => {
    workbench.write(name, content);
    const problems = await scan(name);
    expect(problems.map((problem) => problem.id)).toEqual([id]);
    expect(JSON.stringify(problems)).not.toMatch(/hunter22|abc123def|wJalrX|zx81zx|apple-pie|(?:0f){8}/);
  });

  test.each([
    ["notebooks/a.md", "Password: ask your teacher\npassword: required\n"],
    ["notebooks/a.py", "def f(token: str):\n    token = next(tokens)\n    secret = guess\n    compass = 'north'\n"],
    ["api/a.yaml", "auth:\n  token: $TOKEN\n  password: null\n  api_key: !env KEY\n  password: <yours>\n"],
    [
      "notebooks/a.ipynb",
      notebook([{ source: "x", outputs: [stream("plot@2x.png numpy@2.1.0.tgz git@github.com:a/b")] }]),
    ],
  ])("%s with nothing of the kind is left in peace: %j", async (name, content) => {
    workbench.write(name, content);
    expect(await scan(name)).toEqual([]);
  });

  test("placeholders, lessons and pictures are none", async () => {
    const lines = [
      'password = getpass("Password: ")',
      'password = "..."',
      "token = os.environ['TOKEN']",
      'password = "<your password>"',
      'api_key = "YOUR_API_KEY"',
      "url = f'postgresql://{user}:{password}@db/x'",
      'df["token_count"] = 5',
      'secret = "changeme"',
      'def check(password: str = "password"): ...',
    ];
    const picture = { output_type: "display_data", data: { "image/png": `${"AKIA"}${"ABCD1234".repeat(2)}` } };
    workbench.write("notebooks/a.ipynb", notebook([{ source: lines.join("\n"), outputs: [picture] }]));
    workbench.write("notebooks/a.bin", Buffer.concat([Buffer.from([0]), Buffer.from('password = "hunter22"')]));
    expect([await scan("notebooks/a.ipynb"), await scan("notebooks/a.bin")]).toEqual([[], []]);
  });
});

describe("personal data in outputs", () => {
  const shown =
    'name  mail\nAda   ada.l@uni-koeln.de\nMatrikelnummer: 1234567\nx@example.org "student_id": "s7654321"\n';
  const source = '# ask ada.l@uni-koeln.de\nprint("x")';

  test("is refused with file, cell and line; what an author writes is not looked at", () => {
    workbench.write("notebooks/a.ipynb", notebook([{ source, outputs: [stream(shown)] }]));
    const { code, json } = handOut();
    expect(code).toBe(3);
    expect(json.error?.problems.map(({ id, cell, line, value }) => [id, cell, line, value])).toEqual([
      ["email-address", 0, 2, "ada.l@uni-koeln.de"],
      ["student-number", 0, 3, "1234567"],
      ["student-number", 0, 4, "s7654321"],
    ]);
    expect(json.error?.problems[0]?.hint).toMatch(/handout: \{ allow: \[notebooks\/a\.ipynb\] \}/);
    expect(json.error?.problems[0]).toMatchObject({
      message: "its output shows an e-mail address: ada.l@uni-koeln.de",
    });
  });

  test("goes out when the file or its folder is allowed by name, and a name that is nowhere is told", () => {
    workbench.write("notebooks/a.ipynb", notebook([{ source, outputs: [stream(shown)] }]));
    workbench.write("api/deep/c.ipynb", notebook([{ source, outputs: [stream(shown)] }]));
    const allow = "[notebooks/a.ipynb, api/, notebooks/b.ipynb]";
    workbench.describe(`${workbench.read("workbench.yaml")}handout: { allow: ${allow} }\n`);
    const run = workbench.render(["--zip", zip]);
    expect([run.code, run.stderr]).toEqual([0, expect.stringMatching(/handout\.allow names notebooks\/b\.ipynb/)]);
  });

  test("the workbench's own patterns count too, and a result's HTML", async () => {
    const table = { output_type: "execute_result", data: { "text/html": ["<td>k12345678</td>", "<td>k1234567</td>"] } };
    workbench.write("notebooks/a.ipynb", notebook([{ source: "df", outputs: [table] }]));
    expect(await scan("notebooks/a.ipynb", ["\\bk[0-9]{8}\\b"])).toMatchObject([
      { id: "own-pattern", value: "k12345678", cell: 0 },
    ]);
  });
});

describe("size and content", () => {
  test("examples/hello stays small, and the same bytes come from a checkout with other line ends", () => {
    fs.cpSync(EXAMPLE, workbench.folder, { recursive: true });
    const { json } = handOut();
    const first = fs.readFileSync(zip);
    expect(json.result?.zip.bytes).toBe(first.length);
    // Most of it is what runs without notebox: the guest's steps, the checks with their texts, the launchers.
    expect(first.length).toBeLessThan(165_000);
    // A package as Windows has it after git with core.autocrlf: every text of templates/ and provision/ with CR LF.
    const other = path.join(workbench.around, "package");
    const root = path.resolve(import.meta.dirname, "../..");
    for (const name of ["dist", "schema", "package.json"])
      fs.cpSync(path.join(root, name), path.join(other, name), { recursive: true });
    for (const room of ["templates", "provision"])
      for (const name of fs.readdirSync(path.join(root, room), { recursive: true, encoding: "utf8" })) {
        const from = path.join(root, room, name);
        if (!fs.statSync(from).isFile()) continue;
        fs.mkdirSync(path.dirname(path.join(other, room, name)), { recursive: true });
        fs.writeFileSync(
          path.join(other, room, name),
          fs.readFileSync(from, "latin1").replaceAll("\n", "\r\n"),
          "latin1",
        );
      }
    const run = spawnSync(
      process.execPath,
      [path.join(other, "dist/notebox.cjs"), "-C", workbench.folder, "render", "--zip", zip],
      {
        encoding: "utf8",
        env: { ...process.env, TZ: "Asia/Kathmandu" },
      },
    );
    expect(run).toMatchObject({ status: 0 });
    expect(fs.readFileSync(zip).equals(first)).toBe(true);
  });

  test("each file of the author's is listed with its size; what other programs unpack is what went in", () => {
    workbench.write("notebooks/data.csv", "a,b\n1,2\n");
    workbench.write("notebooks/large.bin", Buffer.alloc(9 * 1024 * 1024, "large "));
    workbench.write("notebooks/none.txt", "");
    const run = workbench.render(["--zip", zip]);
    expect(run.stdout).toMatch(/^ {2}originals\/notebooks\/data\.csv +8 bytes$/m);
    expect(run.stdout).toMatch(/^ {2}the bundle: .* files\) +\d+ KiB$/m);
    const python = spawnSync("python3", ["-m", "zipfile", "-t", zip], { encoding: "utf8" });
    expect([python.status, python.stdout]).toEqual([0, "Done testing\n"]);
    const there = path.join(workbench.around, "there");
    fs.mkdirSync(there);
    expect(spawnSync("bsdtar", ["-xf", zip, "-C", there]).status).toBe(0);
    for (const name of ["large.bin", "none.txt"]) {
      const unpacked = fs.readFileSync(path.join(there, "hello/originals/notebooks", name));
      expect(unpacked.equals(fs.readFileSync(workbench.path(`notebooks/${name}`)))).toBe(true);
    }
  });

  test("a hand-out that was never started is valid: its API notebook is found where it lies; deleted, it is missing", () => {
    const gateway = "services:\n  marks: { kind: kernel-gateway, notebook: api/marks.ipynb }\n  ";
    workbench.describe(workbench.read("workbench.yaml").replace("services:\n  ", gateway));
    workbench.write("originals/api/marks.ipynb", notebook([{ source: "# GET /marks\nprint(1)" }]));
    expect(workbench.render()).toMatchObject({ code: 0 });
    workbench.write(".notebox/originals.json", JSON.stringify({ files: { "api/marks.ipynb": "a".repeat(64) } }));
    expect(workbench.render().stderr).toMatch(/there is no api\/marks\.ipynb/);
  });

  test("a hand-out that was never started is not handed on without its notebooks", () => {
    workbench.write("originals/notebooks/a.ipynb", notebook([]));
    const { code, json } = handOut();
    expect([code, json.error?.code]).toEqual([10, "refused"]);
  });

  test("what does not get smaller is stored", () => {
    expect(pack(Buffer.from("x")).deflated).toBe(false);
    expect(pack(Buffer.alloc(1000)).deflated).toBe(true);
  });
});

describe("--with-box", () => {
  function makeShare(): string {
    const share = path.join(workbench.around, "my share");
    const folder = path.join(share, "boxes/notebox/debian-13/13.1.0");
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(share, "notebox-share.json"), '{"layout":1,"doors":["/elsewhere"]}');
    for (const [provider, version] of [
      ["virtualbox", "13.1.0"],
      ["libvirt", "13.1.0"],
      ["virtualbox", "13.0.0"],
    ] as const) {
      const place = path.join(share, "boxes/notebox/debian-13", version);
      fs.mkdirSync(place, { recursive: true });
      fs.writeFileSync(path.join(place, `${provider}-amd64.box`), `box ${provider} ${version}`);
      const record = { name: "notebox/debian-13", version, provider, arch: "amd64", size: 21, sha256: "a".repeat(64) };
      const more = {
        sha1: "b".repeat(40),
        md5: "c".repeat(32),
        source: "/home/it/x.box",
        published: "2026-01-01T00:00:00Z",
        by: "notebox",
      };
      fs.writeFileSync(path.join(place, `${provider}-amd64.json`), JSON.stringify({ ...record, ...more }));
    }
    return share;
  }

  test("puts the newest box that fits beside the bundle, as a share whose catalog is relative", () => {
    const share = makeShare();
    const { code, json } = handOut("--with-box", "--box-share", share);
    expect(code).toBe(0);
    expect(json.result?.zip.box?.version).toBe("13.1.0");
    const inside = json.result?.zip.content
      .map((entry) => entry.path)
      .filter((name) => name.startsWith("hello/share/"));
    expect(inside).toEqual([
      "hello/share/boxes/notebox/debian-13/13.1.0/virtualbox-amd64.box",
      "hello/share/boxes/notebox/debian-13/13.1.0/virtualbox-amd64.json",
      "hello/share/catalogs/here/notebox/debian-13.json",
      "hello/share/notebox-share.json",
    ]);
    const catalog = spawnSync("bsdtar", ["-xOf", zip, "hello/share/catalogs/here/notebox/debian-13.json"], {
      encoding: "utf8",
    });
    const { versions } = JSON.parse(catalog.stdout) as { versions: { providers: { url: string }[] }[] };
    expect(versions[0]?.providers[0]?.url).toBe("boxes/notebox/debian-13/13.1.0/virtualbox-amd64.box");
    expect(fs.readFileSync(zip).includes("/home/it")).toBe(false);
  });

  test("says what to do where there is no such box, no folder, or no zip", () => {
    expect(handOut("--with-box", "--box-share", workbench.around)).toMatchObject({ code: 5 });
    workbench.describe(workbench.read("workbench.yaml").replace("[/srv/boxes]", "[https://boxes.example.edu/]"));
    const { code, json } = handOut("--with-box");
    expect([code, json.error?.code]).toEqual([2, "usage"]);
    expect(workbench.render(["--with-box"]).code).toBe(2);
  });
});
