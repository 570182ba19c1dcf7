/** `init --from`: what people have becomes a sound workbench, every line is accounted for, and nothing of it runs. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProcesses } from "../../src/adapters/execa.ts";
import { centralDirectory, localHeader, type Member, pack } from "../../src/bundle/zip-format.ts";
import type { UserError } from "../../src/errors.ts";
import type { ImportLine } from "../../src/import/bring-in.ts";
import { openFolder } from "../../src/import/folder-source.ts";
import { checkAddress, openGit } from "../../src/import/git-source.ts";
import { loadWorkbench } from "../../src/workbench/load.ts";

const program = path.resolve(import.meta.dirname, "../../dist/notebox.cjs");
const NOTEBOOK = JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [] });
let folder: string;
let count = 0;
beforeAll(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "notebox-init-from-")));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function lay(files: Readonly<Record<string, string | Buffer>>): string {
  const source = path.join(folder, `source-${++count}`);
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(source, name)), { recursive: true });
    fs.writeFileSync(path.join(source, name), content);
  }
  return source;
}

/** Asynchronous, because the git server may be in this process. */
async function bring(from: string, env: NodeJS.ProcessEnv = {}) {
  const to = `to-${++count}`;
  const child = spawn(process.execPath, [program, "init", to, `--from=${from}`, "--share", "/srv/boxes", "--json"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  let out = "";
  child.stdout.on("data", (data) => (out += data));
  const code = await new Promise((resolve) => child.once("close", resolve));
  const json = JSON.parse(out);
  const lines: ImportLine[] = json.result?.lines ?? [];
  return {
    ...{ code, json, at: path.join(folder, to) },
    /** "file:line what → verdict", and what is said of it. */
    said: Object.fromEntries(
      lines.map((one) => [
        `${one.file}${one.line === undefined ? "" : `:${one.line}`} ${one.what}`,
        `${one.verdict}: ${one.message}`,
      ]),
    ),
    workbench: async () => await loadWorkbench(path.join(folder, to), { lint: true }),
  };
}
const matching = (expected: Record<string, RegExp>) =>
  Object.fromEntries(Object.entries(expected).map(([key, words]) => [key, expect.stringMatching(words)]));

describe("Binder's files", () => {
  test("requirements.txt, apt.txt, runtime.txt and postBuild, line by line", async () => {
    const source = lay({
      "requirements.txt":
        "\uFEFF# for the course\r\npandas==2.2.3 # pinned\r\nscikit-learn\\\r\n>=1,<2\r\n\r\nrequests\r\n-r more.txt\r\n--index-url https://x\r\n" +
        "a @ git+https://forge.example/a.git\r\npandas\r\npandas<2\r\nnumpy==2.1 --hash=sha256:ab --hash=sha256:cd\r\n$(id)\r\n-e .\r\n",
      "apt.txt": "graphviz # drawing\npandoc=2.9-1 rm-\n",
      "runtime.txt": "python-3.7\n",
      postBuild: "#!/bin/bash\nset -e\npip install -U jupyterlab-git bokeh\ntouch ran\napt-get install tree\n",
      start: "touch ran\n",
      "install.R": "x",
      "a.ipynb": NOTEBOOK,
    });
    const { code, said, workbench, at } = await bring(source);
    expect(code).toBe(0);
    expect(said).toEqual(
      matching({
        "requirements.txt:2 pandas==2.2.3": /^took: /,
        "requirements.txt:3 scikit-learn >=1,<2": /^took: /,
        "requirements.txt:6 requests": /^changed: Left out: every workbench has it/,
        "requirements.txt:7 -r more.txt": /^could-not-take: .*copy them/,
        "requirements.txt:8 --index-url https://x": /^could-not-take: An option of pip/,
        "requirements.txt:9 a @ git+https://forge.example/a.git": /^could-not-take: .*wheels\/.*write a under/,
        "requirements.txt:10 pandas": /^took: It is listed already/,
        "requirements.txt:11 pandas<2": /^could-not-take: .*holds pandas==2\.2\.3 already/,
        "requirements.txt:12 numpy==2.1 --hash=sha256:ab --hash=sha256:cd": /^changed: Taken without its options/,
        "requirements.txt:13 $(id)": /^could-not-take: It is not a Python requirement/,
        "requirements.txt:14 -e .": /^could-not-take: Make a wheel/,
        "apt.txt:1 graphviz": /^took: /,
        "apt.txt:2 pandoc=2.9-1": /^changed: .*without its version/,
        "apt.txt:2 rm-": /^could-not-take: It is not the name of a Debian package/,
        "runtime.txt:1 python-3.7": /^changed: .*3\.11 to 3\.13/,
        "postBuild:3 pip install -U jupyterlab-git bokeh":
          /^could-not-take: It is never run. Write jupyterlab-git, bokeh under packages: python/,
        "postBuild:4 touch ran": /^could-not-take: It is never run/,
        "postBuild:5 apt-get install tree": /^could-not-take: It is never run. Write tree under packages: apt/,
        "start:1 touch ran": /^could-not-take: It is never run/,
        "install.R install.R": /^could-not-take: .*Python kernels only/,
        "a.ipynb a.ipynb": /^took: Copied to notebooks\/a\.ipynb/,
      }),
    );
    const { packages, services, box } = await workbench();
    expect(packages).toEqual({
      apt: ["graphviz", "pandoc"],
      python: ["pandas==2.2.3", "scikit-learn >=1,<2", "numpy==2.1"],
    });
    expect([services.map(({ kind }) => kind), box.shares]).toEqual([["jupyter"], ["/srv/boxes"]]);
    expect([fs.existsSync(path.join(source, "ran")), fs.existsSync(path.join(at, "ran"))]).toEqual([false, false]);
  });

  test("what real repositories hold: lists within lists, libraries of conda, long lines, addresses with passwords", async () => {
    const environment = [
      "dependencies:",
      "  - libgcc-ng=13.2=h8",
      "  - _openmp_mutex=4.5=2_gnu",
      "  - librosa",
      "  - constructor",
      "  - pip:",
      "      - -r more.txt",
      "      - -e .",
      "      - --extra-index-url https://me:hunter2@pypi.example.edu/simple",
      "      - git+https://hunter2@forge.example/a.git",
      "      - null",
    ];
    const source = lay({
      "binder/environment.yml": environment.join("\n"),
      "binder/postBuild":
        "sudo apt-get install -y tree \\\n  jq && rm -rf /x\npip install -r more.txt -U \\\n  bokeh\nconda install -c conda-forge flask\n",
      "setup.py": "x",
      Dockerfile: "x",
      "a.ipynb": NOTEBOOK,
    });
    const { said, json, workbench } = await bring(source);
    expect(said).toEqual(
      matching({
        "binder/environment.yml:2 libgcc-ng=13.2=h8": /^changed: Left out: .*bring such libraries along/,
        "binder/environment.yml:3 _openmp_mutex=4.5=2_gnu": /^changed: Left out: .*bring such libraries along/,
        "binder/environment.yml:4 librosa": /^changed: .*as librosa, from PyPI/,
        "binder/environment.yml:5 constructor": /^changed: .*as constructor, from PyPI/,
        "binder/environment.yml:7 -r more.txt": /^could-not-take: Another file's lines are not followed/,
        "binder/environment.yml:8 -e .": /^could-not-take: Make a wheel of it/,
        "binder/environment.yml:9 --extra-index-url https://…@pypi.example.edu/simple":
          /^could-not-take: An option of pip/,
        "binder/environment.yml:10 git+https://…@forge.example/a.git": /^could-not-take: It comes from an address/,
        "binder/environment.yml:11 null": /^could-not-take: It is no package's name/,
        "binder/postBuild:1 sudo apt-get install -y tree jq && rm -rf /x": /Write tree, jq under packages: apt:\./,
        "binder/postBuild:3 pip install -r more.txt -U bokeh": /Write bokeh under packages: python:\./,
        "binder/postBuild:5 conda install -c conda-forge flask": /Write flask under packages: python:\./,
        "setup.py setup.py": /^could-not-take: Binder reads binder\/ alone/,
        "Dockerfile Dockerfile": /^could-not-take: Binder reads binder\/ alone/,
        "a.ipynb a.ipynb": /^took: /,
      }),
    );
    expect(JSON.stringify(json)).not.toContain("hunter2");
    expect((await workbench()).packages.python).toEqual(["librosa", "constructor"]);
  });

  test("environment.yml goes before requirements.txt, binder/ before the top, as in Binder", async () => {
    const environment = [
      "name: course",
      "channels: [conda-forge]",
      "dependencies:",
      "  - python=3.9",
      "  - numpy=1.26",
      "  - conda-forge::pandas>=2,<3",
      "  - scipy==1.13.1=py39h",
      "  - pytorch",
      "  - nodejs",
      "  - r-base",
      "  - pip",
      "  - pip: [plotly==5.24.1, ./local]",
    ];
    const source = lay({
      "binder/environment.yml": environment.join("\n"),
      "binder/requirements.txt": "flask\n",
      "requirements.txt": "django\n",
      ".binder/apt.txt": "tree\n",
    });
    const { said, workbench } = await bring(source);
    expect(said).toMatchObject(
      matching({
        ".binder/ .binder/": /^could-not-take: There is binder\/ too/,
        "requirements.txt requirements.txt": /^could-not-take: Binder reads binder\/ alone/,
        "binder/requirements.txt requirements.txt": /^could-not-take: Binder does not read it beside environment.yml/,
        "binder/environment.yml:2 channels": /^changed: Left out/,
        "binder/environment.yml:4 python=3.9": /^changed: Left out/,
        "binder/environment.yml:5 numpy=1.26": /^changed: .*numpy==1\.26\.\*, from PyPI/,
        "binder/environment.yml:10 r-base": /^could-not-take: /,
        "binder/environment.yml:12 ./local": /^could-not-take: It is an address or a file/,
      }),
    );
    expect((await workbench()).packages).toEqual({
      apt: ["nodejs"],
      python: ["numpy==1.26.*", "pandas>=2,<3", "scipy==1.13.1", "torch", "plotly==5.24.1"],
    });
  });
});

test("environment.yml: versions in brackets and alternatives are taken, or told", async () => {
  const specs = [
    "numpy[version='>=1.24,<2']",
    'scipy[build=py39h, version="1.13.*"]',
    "pandas=2.1|=2.2",
    "bokeh >=3,<4|3.5",
    "flask=3[build='0']",
    "xarray[version=2024.1,channel=conda-forge]",
    "seaborn[version='>=1",
  ];
  const { said, workbench } = await bring(
    lay({ "environment.yml": `dependencies:\n${specs.map((spec) => `  - ${JSON.stringify(spec)}\n`).join("")}` }),
  );
  expect(said).toMatchObject(
    matching({
      "environment.yml:4 pandas=2.1|=2.2":
        /^changed: .*pandas==2\.1\.\*, from PyPI.*alternatives \(=2\.1\|=2\.2\) the first/,
      "environment.yml:5 bokeh >=3,<4|3.5": /^changed: .*the first is taken/,
      "environment.yml:8 seaborn[version='>=1": /^could-not-take: It is not a Python requirement/,
    }),
  );
  expect((await workbench()).packages.python).toEqual([
    ...["numpy>=1.24,<2", "scipy==1.13.*", "pandas==2.1.*", "bokeh>=3,<4", "flask==3.*", "xarray==2024.1.*"],
  ]);
});

test("docker-compose.yml: known images become services, passwords and loose bounds go", async () => {
  const compose = `
x-common: &common { restart: always }
services:
  nb:
    <<: *common
    image: quay.io/jupyter/datascience-notebook:2024-01-01
    ports: ["0.0.0.0:8890:8888", "9000:9000"]
    environment: { JUPYTER_TOKEN: hunter2, GRANT_SUDO: "yes" }
    command: |
      start.sh
      jupyter lab
    privileged: true
    volumes: [".:/home/jovyan/work"]
  second: { image: jupyter/base-notebook }
  web: { image: nginx:latest }
  db: { image: "mysql:8" }
  own: { build: ., image: postgres }
  evil: { image: "evil.example/library/postgres" }
`;
  const { said, json, workbench } = await bring(
    lay({ "docker-compose.yml": compose, "compose.yaml": "services: 5\n" }),
  );
  expect(said).toMatchObject(
    matching({ "docker-compose.yml docker-compose.yml": /^could-not-take: Compose takes compose.yaml alone/ }),
  );
  expect((await workbench()).services).toMatchObject([{ kind: "jupyter", port: 8888 }]);
  const one = await bring(lay({ "docker-compose.yml": compose }));
  expect(one.said).toMatchObject(
    matching({
      "docker-compose.yml:6 nb: quay.io/jupyter/datascience-notebook:2024-01-01":
        /^changed: Becomes the service jupyter, without its kernels for R/,
      "docker-compose.yml:7 nb: ports: 0.0.0.0:8890:8888": /^changed: Port 8890, on this computer only/,
      "docker-compose.yml:7 nb: ports: 9000:9000": /^could-not-take: The service has its port already/,
      "docker-compose.yml:8 nb: JUPYTER_TOKEN": /^changed: Left out: the VM makes passwords/,
      "docker-compose.yml:8 nb: GRANT_SUDO": /^could-not-take: /,
      "docker-compose.yml:9 nb: command": /^could-not-take: /,
      "docker-compose.yml:12 nb: privileged": /^changed: Left out for safety/,
      "docker-compose.yml:14 second: jupyter/base-notebook": /^could-not-take: A workbench has one Jupyter/,
      "docker-compose.yml:15 web: nginx:latest": /^could-not-take: No service of a workbench/,
      "docker-compose.yml:17 own: postgres": /^could-not-take: Its image is built/,
      "docker-compose.yml:18 evil: evil.example/library/postgres": /^could-not-take: No service of a workbench/,
    }),
  );
  expect(JSON.stringify([json, one.json])).not.toContain("hunter2");
  const { services, packages } = await one.workbench();
  expect(services).toMatchObject([{ kind: "jupyter", port: 8890 }]);
  expect(packages.python).toContain("pandas");
});

test("docker-compose.yml: databases and OpenRefine, each at a port of its own", async () => {
  const compose = `
services:
  refine: { image: "docker.io/felixlohmeier/openrefine:3.8", ports: ["8888:3333"] }
  db: { image: "postgres:16", ports: [{ target: 5432, published: 5433, host_ip: 127.0.0.1 }], environment: [POSTGRES_PASSWORD=hunter2] }
  cache: { image: "library/redis" }
  docs: { image: mongo, ports: 27017, environment: MONGO_PASSWORD=hunter2 }
  none: { image: jupyter/toString }
include: [more.yml]
x-note: {}
`;
  const { json, said, workbench } = await bring(lay({ "docker-compose.yml": compose }));
  expect(said).toMatchObject(
    matching({
      "docker-compose.yml:3 refine: docker.io/felixlohmeier/openrefine:3.8": /^took: Becomes the service openrefine/,
      "docker-compose.yml:4 db: postgres:16": /^took: Becomes the service postgres/,
      'docker-compose.yml:4 db: ports: {"target":5432,"published":5433,"host_ip":"127.0.0.1"}': /^took: Port 5433/,
      "docker-compose.yml:4 db: POSTGRES_PASSWORD": /^changed: Left out/,
      "docker-compose.yml:5 cache: library/redis": /^could-not-take/,
      "docker-compose.yml:6 docs: ports": /^could-not-take: It is no list/,
      "docker-compose.yml:6 docs: environment": /^could-not-take: It is no list/,
      "docker-compose.yml:7 none: jupyter/toString": /^could-not-take: No service of a workbench/,
      "docker-compose.yml:8 include": /^could-not-take: Not read/,
    }),
  );
  expect(JSON.stringify(json)).not.toContain("hunter2");
  const { services, machine } = await workbench();
  const ports = Object.fromEntries(services.map(({ kind, port }) => [kind, port]));
  // Jupyter's usual port is taken by the container's.
  expect(ports).toEqual({ jupyter: 8889, openrefine: 8888, postgres: 5433 });
  expect(machine.memoryMiB).toBeGreaterThanOrEqual(3 * 1024);
});

test("docker-compose.yml: plain defaults of variables and names of databases are taken; .env is not read", async () => {
  const compose = `
services:
  nb: { image: "\${HUB:-quay.io}/jupyter/base-notebook:\${TAG-latest}", ports: ["\${HOST:-127.0.0.1}:\${PORT:-8890}:8888"] }
  refine: { image: openrefine/openrefine, ports: ["\${REFINE}:3333"] }
  db:
    image: postgres
    ports: [{ target: 5432, published: "\${PG:-\${OTHER-5433}}" }]
    environment: { POSTGRES_DB: "\${DB-shop}", POSTGRES_USER: me }
  docs: { image: mongo, environment: [MONGO_INITDB_DATABASE=my-notes, MONGO_INITDB_ROOT_USERNAME=me] }
`;
  const { json, said, workbench } = await bring(
    lay({ "docker-compose.yml": compose, ".env": "PORT=1\nREFINE=3456\n" }),
  );
  expect(said).toMatchObject(
    matching({
      "docker-compose.yml:3 nb: ports: ${HOST:-127.0.0.1}:${PORT:-8890}:8888":
        /^changed: Port 8890, on this computer\. It is the default of HOST, PORT: values in \.env files are not read/,
      "docker-compose.yml:4 refine: ports: ${REFINE}:3333":
        /^could-not-take: REFINE has no default here, and values in \.env/,
      "docker-compose.yml:8 db: POSTGRES_DB": /^changed: The database's name: shop\. It is the default of DB/,
      "docker-compose.yml:8 db: POSTGRES_USER": /^could-not-take: Settings/,
      "docker-compose.yml:9 docs: MONGO_INITDB_DATABASE": /^could-not-take: It is not the name of a database\. Use a-z/,
      ". .env": /^could-not-take: Not copied/,
    }),
  );
  expect(JSON.stringify(json)).not.toContain("3456");
  const services = Object.fromEntries((await workbench()).services.map(({ kind, ...rest }) => [kind, rest]));
  expect(services).toMatchObject({
    jupyter: { port: 8890 },
    openrefine: { port: 3333 },
    postgres: { port: 5433, database: "shop" },
    mongodb: { database: "workbench" },
  });
});

test("docker-compose.yml: PostgreSQL's image calls its database as its user where nothing else names it", async () => {
  const compose = "services:\n  db: { image: postgres, environment: [POSTGRES_USER=shop] }\n";
  const { said, workbench } = await bring(lay({ "docker-compose.yml": compose }));
  expect(said).toMatchObject(
    matching({ "docker-compose.yml:2 db: POSTGRES_USER": /^took: The database's name: shop\./ }),
  );
  expect((await workbench()).services).toMatchObject([{}, { kind: "postgres", database: "shop" }]);
});

test("nothing that is there is overwritten; what excludes itself or is not there is told", async () => {
  const source = lay({ "a.ipynb": NOTEBOOK });
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [program, "init", ...args], { cwd: folder, encoding: "utf8" });
  const mine = lay({ "workbench.yaml": "mine", "notebooks/a.ipynb": "mine" });
  expect(run(mine, "--from", source).status).toBe(10);
  const forced = run(mine, "--from", source, "--force");
  expect([forced.status, forced.stdout]).toEqual([
    0,
    expect.stringContaining("notebooks/a.ipynb (was there already; kept)"),
  ]);
  expect(fs.readFileSync(path.join(mine, "notebooks/a.ipynb"), "utf8")).toBe("mine");
  expect(run("x", "--from", source, "--template", "hello").status).toBe(2);
  const none = run("x", "--from", "");
  expect([none.status, none.stderr]).toEqual([2, expect.stringMatching(/--from is empty\..*Name a folder/s)]);
  expect(run("x", "--from", "nowhere").stderr).toContain("There is no folder and no zip");
  const shown = run("shown", "--from", source).stdout;
  expect(shown).toMatch(
    /^took {12}a\.ipynb\n {16}Copied to notebooks\/a\.ipynb\.\nFrom .*: 1 taken, 0 changed, 0 could not/,
  );
  expect(run("empty", "--from", lay({ "x.exe": "" })).status).toBe(0);
  const already = run("y", "--from", mine);
  expect([already.status, already.stderr, fs.existsSync(path.join(folder, "y"))]).toEqual([
    2,
    expect.stringMatching(/is a workbench already: it holds a workbench\.yaml/),
    false,
  ]);
});

test("a source or a folder whose name no workbench can have gets one that it can", async () => {
  const source = path.join(folder, "unfit", "localhost");
  fs.mkdirSync(source, { recursive: true });
  fs.writeFileSync(path.join(source, "a.ipynb"), NOTEBOOK);
  for (const [to, name, title] of [
    ["2024", "hello-workbench", "Hello workbench"],
    [" w z ", "w-z", "W z"],
    ["w\tq", "w-q", "W q"],
    ["   ", "hello-workbench", "Hello workbench"],
  ] as const) {
    const ran = spawnSync(process.execPath, [program, "init", to, "--from", source, "--json"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(JSON.parse(ran.stdout), to).toMatchObject({ ok: true, result: { name, title } });
  }
});

describe("hostile folders", () => {
  test("links, strange names, wrong encodings, bombs of aliases, what is too large or no notebook", async () => {
    const source = lay({
      "requirements.txt": Buffer.from([0xff, 0xfe, ...Buffer.from("flask\n", "utf16le")]),
      "apt.txt": Buffer.from("gr\xe4phviz", "latin1"),
      "environment.yml": `a: &a [x, x, x, x, x, x, x, x, x]\n${"bcdefghij".replace(/./g, (c, i) => `${c}: &${c} [${Array(9).fill(`*${"abcdefghi"[i]}`)}]\n`)}`,
      "compose.yml": `services: ${"[".repeat(20_000)}`,
      "runtime.txt": Buffer.alloc(2_000_000, "x"),
      "no.ipynb": "{",
      "old.ipynb": '{"nbformat": 3, "worksheets": []}',
      "fine.ipynb": NOTEBOOK,
      "FINE.ipynb": NOTEBOOK,
      "aux.csv": "x",
      ".hidden.csv": "x",
      "Start.cmd": "evil",
    });
    fs.symlinkSync("/etc/passwd", path.join(source, "passwd.csv"));
    fs.symlinkSync("/etc", path.join(source, "etc"));
    fs.symlinkSync("/etc/hostname", path.join(source, "postBuild"));
    execFileSync("mkfifo", [path.join(source, "pipe.csv")]);
    const { code, said, at } = await bring(source);
    expect(code).toBe(0);
    expect(said).toMatchObject(
      matching({
        "apt.txt apt.txt": /^could-not-take: It was not read: it is not UTF-8/,
        "environment.yml environment.yml": /^could-not-take: It was not read: its aliases/,
        "compose.yml compose.yml": /^could-not-take: It was not read: /,
        "runtime.txt runtime.txt": /^could-not-take: It was not read: it is larger than 1 MiB/,
        "no.ipynb no.ipynb": /^could-not-take: Not copied: it is no notebook/,
        "old.ipynb old.ipynb": /^could-not-take: Not copied: it is in an old format/,
        "fine.ipynb fine.ipynb": /^could-not-take: Not copied: it differs from FINE.ipynb/,
        "aux.csv aux.csv": /^could-not-take: Not copied: Windows has no such names/,
        "passwd.csv passwd.csv": /^could-not-take: Not copied: it is a link/,
        "etc etc": /^could-not-take: Not copied: it is a link/,
        "postBuild postBuild": /^could-not-take: Not copied: it is a link/,
        "pipe.csv pipe.csv": /^could-not-take: Not copied: it is neither/,
        ". .hidden.csv, Start.cmd": /^could-not-take: Not copied: no notebooks/,
      }),
    );
    expect(fs.readdirSync(path.join(at, "notebooks"))).toEqual(["FINE.ipynb"]);
    // environment.yml is there, if not sound; so requirements.txt in UTF-16 counts in another source.
    const wide = await bring(
      lay({ "requirements.txt": Buffer.from([0xff, 0xfe, ...Buffer.from("flask\n", "utf16le")]) }),
    );
    expect(wide.said).toMatchObject(
      matching({
        "requirements.txt requirements.txt": /^changed: Read as UTF-16/,
        "requirements.txt:1 flask": /^took/,
      }),
    );
  });
});

test("tens of thousands of keys are read in seconds; one that is there twice and an alias of nothing are told", async () => {
  const many = Array.from({ length: 60_000 }, (_, at) => `  s${at}: x\n`).join("");
  const { said: alias } = await bring(
    lay({ "environment.yml": "x: &there { y: 1 }\ny: *there\ndependencies: [*gone]\n" }),
  );
  expect(alias).toMatchObject(
    matching({ "environment.yml environment.yml": /line 3 holds an alias \(\*\) that stands for nothing\./ }),
  );
  const { said } = await bring(
    lay({
      "compose.yml": `services:\n  a: &a { x: 1 }\n  b: { <<: *a, <<: *a }\n${many}`,
      "environment.yml": "dependencies: []\nname: x\ndependencies: [a]\n",
    }),
  );
  expect(said).toMatchObject(
    matching({
      "compose.yml:60003 s59999": /^could-not-take: It is no service/,
      "environment.yml environment.yml": /^could-not-take: It was not read: line 3 holds a key for the second time/,
    }),
  );
}, 60_000);

test("a file that cannot be read is told, and is no fault of notebox", async () => {
  const source = lay({ "d.csv": "x" });
  const { files } = await openFolder(source);
  fs.rmSync(path.join(source, "d.csv"));
  await expect(files[0]?.read()).rejects.toMatchObject({
    code: "unreachable",
    message: `${path.join(source, "d.csv")} cannot be read (ENOENT).`,
  });
});

describe("zips", () => {
  /** Members as they are; `lie` changes what the headers say. */
  function zip(
    members: Readonly<Record<string, string | Buffer>>,
    lie: (member: Member) => Partial<Member> = () => ({}),
  ): string {
    const parts: Buffer[] = [];
    const written: Member[] = [];
    let offset = 0;
    for (const [name, text] of Object.entries(members)) {
      const content = Buffer.from(text as string);
      const { data, crc, deflated } = pack(content);
      const member = { name, mode: 0o100644, crc, packed: data.length, size: content.length, deflated, offset };
      const told = { ...member, ...lie(member) };
      const header = localHeader(told);
      parts.push(header, data);
      written.push(told);
      offset += header.length + data.length;
    }
    const file = path.join(folder, `Course ${++count}.zip`);
    fs.writeFileSync(file, Buffer.concat([...parts, centralDirectory(written, offset)]));
    return file;
  }

  test("one as code forges make it: its only folder is the source", async () => {
    const file = zip({ "course-main/requirements.txt": "flask\n", "course-main/notebooks/a.ipynb": NOTEBOOK });
    const { code, at, workbench } = await bring(file);
    expect(code).toBe(0);
    expect(fs.readFileSync(path.join(at, "notebooks/a.ipynb"), "utf8")).toBe(NOTEBOOK);
    expect((await workbench()).packages.python).toEqual(["flask"]);
  });

  test("one as macOS makes it: its own notes beside the folder are nobody's", async () => {
    const file = zip({
      "course/": "",
      "course/requirements.txt": "flask\n",
      "__MACOSX/course/._requirements.txt": "x",
      "course/a.ipynb": NOTEBOOK,
    });
    const { at, workbench } = await bring(file);
    expect(fs.readdirSync(path.join(at, "notebooks"))).toEqual(["a.ipynb"]);
    expect((await workbench()).packages.python).toEqual(["flask"]);
  });

  test("a file beside a folder of its name, and names that no disk takes, are told; the rest is written", async () => {
    const long = `${"x".repeat(201)}.csv`;
    const { code, said, at } = await bring(
      zip({ "ok.ipynb": NOTEBOOK, "d.csv": "x", "D.csv/e.csv": "x", [long]: "x", "deep/ä.csv": "x" }),
    );
    expect(code).toBe(0);
    expect(said).toMatchObject(
      matching({
        "d.csv d.csv": /^could-not-take: Not copied: a folder has the same name/,
        [`${long} ${long.slice(0, 159)}…`]: /^could-not-take: Not copied: its name is longer than 200 bytes/,
      }),
    );
    expect(fs.readdirSync(path.join(at, "notebooks")).sort()).toEqual(["D.csv", "deep", "ok.ipynb"]);
  });

  test("names that climb out, links and doubles are told and written nowhere", async () => {
    const names = [
      "../../evil.ipynb",
      "/evil2.ipynb",
      "a\\evil3.ipynb",
      "C:/evil4.ipynb",
      "a/../../evil5.ipynb",
      "ok.ipynb",
    ];
    const file = zip(Object.fromEntries([...names, "link.ipynb"].map((name) => [name, NOTEBOOK])), ({ name }) =>
      name === "link.ipynb" ? { mode: 0o120777 } : {},
    );
    const { code, json, at } = await bring(file);
    expect([code, json.result.lines.filter((one: ImportLine) => one.verdict === "took").length]).toEqual([0, 1]);
    expect(fs.readdirSync(path.join(at, "notebooks"))).toEqual(["ok.ipynb"]);
    const everywhere = fs.readdirSync(folder, { recursive: true }) as string[];
    expect(everywhere.filter((name) => path.basename(name).startsWith("evil"))).toEqual([]);
    expect(fs.existsSync(path.join(folder, "..", "evil.ipynb"))).toBe(false);
  });

  test("bombs, lies about sizes and checksums, and what is no zip end with a sentence and no workbench", async () => {
    const bomb = zip({ "requirements.txt": Buffer.alloc(30_000_000, " ") }, () => ({ size: 1000 }));
    const wrong = zip({ "requirements.txt": "flask\n".repeat(50) }, ({ crc }) => ({ crc: crc ^ 1 }));
    for (const file of [bomb, wrong]) {
      const { said } = await bring(file);
      expect(said["requirements.txt requirements.txt"]).toMatch(
        /^could-not-take: It was not read: .*damaged or larger/,
      );
    }
    const cut = path.join(folder, "cut.zip");
    fs.writeFileSync(cut, fs.readFileSync(wrong).subarray(0, 60));
    const refused = await bring(cut);
    expect([refused.code, refused.json.error.message]).toEqual([
      6,
      expect.stringContaining("is no zip, or not all of one"),
    ]);
    expect(fs.existsSync(refused.at)).toBe(false);
    // A notebook that is damaged is found out before anything is written.
    const damaged = zip({ "a.ipynb": NOTEBOOK.padEnd(2000) }, ({ crc }) => ({ crc: crc ^ 1 }));
    expect((await bring(damaged)).said["a.ipynb a.ipynb"]).toMatch(/^could-not-take: Not copied: .*damaged/);
  });
});

describe("git", () => {
  let server: http.Server;
  let url = "";
  beforeAll(async () => {
    const source = lay({
      "requirements.txt": "flask\n",
      "a.ipynb": NOTEBOOK,
      ".gitattributes": "*.ipynb filter=evil\n",
      ".gitmodules": `[submodule "x"]\npath = x\nurl = ${folder}\n`,
    });
    fs.symlinkSync("/etc/passwd", path.join(source, "passwd.csv"));
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.edu", ...args], {
        cwd: source,
        stdio: "pipe",
      });
    git("init", "--quiet");
    git("add", "--all");
    git("commit", "--quiet", "--message", "one");
    const project = path.dirname(source);
    // git's own server program, behind Node's.
    server = http.createServer((request, response) => {
      const { pathname, search } = new URL(request.url ?? "/", "http://x");
      const env = {
        PATH: process.env["PATH"],
        GIT_PROJECT_ROOT: project,
        GIT_HTTP_EXPORT_ALL: "1",
        PATH_INFO: pathname,
      };
      const more = {
        QUERY_STRING: search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers["content-type"],
      };
      const version = {
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
        HTTP_CONTENT_ENCODING: request.headers["content-encoding"],
      };
      const safe = { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "safe.directory", GIT_CONFIG_VALUE_0: "*" };
      const child = spawn("git", ["http-backend"], {
        env: { ...env, ...more, ...version, ...safe } as NodeJS.ProcessEnv,
      });
      request.pipe(child.stdin);
      const parts: Buffer[] = [];
      child.stdout.on("data", (data) => parts.push(data));
      child.once("close", () => {
        const all = Buffer.concat(parts);
        const end = all.indexOf("\r\n\r\n");
        const headers = all
          .subarray(0, end)
          .toString()
          .split("\r\n")
          .map((line) => line.split(": ") as [string, string]);
        const status = Number.parseInt(headers.find(([name]) => name === "Status")?.[1] ?? "200", 10);
        response.writeHead(status, headers.filter(([name]) => name !== "Status").flat()).end(all.subarray(end + 4));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${path.basename(source)}/.git`;
  });
  afterAll(() => void server.close());

  test("its newest state, with nothing of this computer's settings: no filter, no hook", async () => {
    const home = path.join(folder, "home");
    fs.mkdirSync(path.join(home, "hooks"), { recursive: true });
    const ran = path.join(home, "ran");
    fs.writeFileSync(path.join(home, "hooks/post-checkout"), `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
    fs.writeFileSync(
      path.join(home, ".gitconfig"),
      `[filter "evil"]\nsmudge = "touch ${ran}; cat"\nrequired = true\n[core]\nhooksPath = ${home}/hooks\n[submodule]\nrecurse = true\n`,
    );
    const { code, at, workbench } = await bring(url, { HOME: home, TMPDIR: home });
    expect(code).toBe(0);
    expect((await workbench()).packages.python).toEqual(["flask"]);
    expect(fs.readdirSync(path.join(at, "notebooks"))).toContain("a.ipynb");
    for (const name of fs.readdirSync(path.join(at, "notebooks")))
      expect(fs.lstatSync(path.join(at, "notebooks", name)).isSymbolicLink()).toBe(false);
    expect(fs.existsSync(ran)).toBe(false);
    expect(fs.readdirSync(home).sort()).toEqual([".gitconfig", "hooks"]);
  });

  test("what is too large is not brought in whole", async () => {
    const processes = createProcesses(process.env, { path: undefined, open() {}, write() {}, redact() {} });
    const signal = new AbortController().signal;
    // A clone that has written a file of 3 GiB without taking any room, and would go on.
    const grows: typeof processes.run = async (_program, args, options) => {
      const to = args.at(-1) ?? "";
      fs.mkdirSync(to);
      fs.writeFileSync(path.join(to, "large"), "");
      fs.truncateSync(path.join(to, "large"), 3 * 1024 ** 3);
      return await processes.run("sleep", ["60"], options);
    };
    const before = fs.readdirSync(os.tmpdir());
    const opened = openGit({ processes: { ...processes, run: grows }, signal }, "https://forge.example.edu/a/b");
    await expect(opened).rejects.toThrow(/could not be cloned: it is larger than 2 GiB\./);
    expect(fs.readdirSync(os.tmpdir()).filter((name) => /^notebox-from-/.test(name) && !before.includes(name))).toEqual(
      [],
    );
  });

  test("the address of a forge's page is refused, with the one to give; a repository's own is not", () => {
    const given = (address: string): string => {
      try {
        return checkAddress(address).href;
      } catch (error) {
        return /--from (\S+):/.exec((error as UserError).hint ?? "")?.[1] ?? String(error);
      }
    };
    for (const [address, repository] of [
      ["https://github.com/o/r/tree/main", "https://github.com/o/r"],
      ["https://github.com/o/r.x/blob/main/a%20b.ipynb?plain=1#L3", "https://github.com/o/r.x"],
      ["https://github.com/o/r/issues", "https://github.com/o/r"],
      ["https://github.com/o/r?tab=readme-ov-file#about", "https://github.com/o/r"],
      ["https://forge.example.edu:8443/g/h/r/-/tree/main/x", "https://forge.example.edu:8443/g/h/r"],
      ["https://gitlab.com/g/r/-/blob/main/a.ipynb", "https://gitlab.com/g/r"],
      ["https://forge.example.edu/o/r/src/branch/main", "https://forge.example.edu/o/r"],
      ...["https://github.com/o/r", "https://github.com/o/r.git/", "https://gitlab.com/g/h/r"].map((own) => [own, own]),
      ...["https://forge.example.edu/tree/blob.git", "https://forge.example.edu/g/tree/x.git"].map((own) => [own, own]),
      ...["https://forge.example.edu/r?p=1", "https://dev.azure.com/o/p/_git/r"].map((own) => [own, own]),
    ] as [string, string][])
      expect(given(address), address).toBe(repository);
  });

  test.each([
    ["file:///etc", 2, /begin with https/],
    ["ext::sh -c id", 2, /begin with https/],
    ["ssh://host/x", 2, /begin with https/],
    ["git@host:x.git", 2, /begin with https/],
    ["https://me:geheim@host.invalid/x", 2, /user name or a password/],
    ["--upload-pack=touch ran", 2, /There is no folder and no zip/],
    ["http://127.0.0.1:9/none.git", 5, /could not be cloned/],
  ])("%s: exit %i", async (from, expected, says) => {
    const { code, json, at } = await bring(from);
    expect([code, json.error.message]).toEqual([expected, expect.stringMatching(says)]);
    expect(JSON.stringify(json)).not.toContain("geheim");
    expect(fs.existsSync(at)).toBe(false);
  });
});
