/**
 * What planBundle makes of a workbench: values reach Ruby, Bash and the guest's data files as data, over a
 * thousand hostile workbenches with the real ruby and bash; and the plan is the same whenever it is made.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { catalogAddress } from "../../src/boxes/doors.ts";
import { readAssets } from "../../src/bundle/assets.ts";
import { planBundle, workbenchHash } from "../../src/bundle/plan.ts";
import type { PlannedFile } from "../../src/bundle/planned-file.ts";
import { UserError } from "../../src/errors.ts";
import { isGateway, pageOf } from "../../src/services/index.ts";
import { loadWorkbench } from "../../src/workbench/load.ts";
import type { KernelGatewayService, Workbench } from "../../src/workbench/model.ts";
import { hostileText, hostileWorkbench } from "./bundle-hostile.ts";

const root = path.resolve(import.meta.dirname, "../..");
const assets = readAssets(root);
const marks: KernelGatewayService = {
  kind: "kernel-gateway",
  name: "marks",
  port: 8889,
  notebook: "api/marks.ipynb",
  origins: ["https://lms.example.edu"],
  kernels: 1,
  timeoutSeconds: 30,
};
const plain: Workbench = {
  folder: "/w",
  file: "/w/workbench.yaml",
  name: "hello",
  title: "Hello",
  box: { name: "notebox/debian-13", version: ">= 13.1", shares: ["/srv/boxes"], registry: false },
  machine: { cpus: 2, memoryMiB: 2048 },
  services: [{ kind: "jupyter", name: "jupyter", port: 8888 }, marks],
  packages: { apt: ["graphviz"], python: ["pandas", "matplotlib>=3.9"] },
  folders: ["data"],
  language: "en",
  handout: { allow: [], patterns: [] },
  origins: new Map(),
};

let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-plan-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const content = (files: readonly PlannedFile[], name: string): string =>
  files.find((file) => file.path === name)?.content.toString("utf8") ?? `${name} is missing`;

describe("a thousand hostile workbenches", () => {
  const planned = fc.sample(hostileWorkbench, 1200).flatMap((workbench) => {
    try {
      return [{ workbench, files: planBundle({ workbench, assets }) }];
    } catch (error) {
      if (!(error instanceof UserError && ["invalid", "usage"].includes(error.code))) throw error;
      return [];
    }
  });

  test("most are not refused", () => {
    expect(planned.length).toBeGreaterThan(1000);
  });

  test("Ruby reads the Vagrantfile without a warning, and finds every value byte for byte", () => {
    const vagrantfiles = planned.map(({ files }) => content(files, "Vagrantfile"));
    const place = fs.mkdtempSync(path.join(folder, "ruby-"));
    const run = spawnSync("ruby", ["-w", "-e", READER], {
      cwd: place,
      input: JSON.stringify(vagrantfiles),
      maxBuffer: 2 ** 28,
    });
    expect(run.stderr.toString()).toBe("");
    expect(run.status).toBe(0);
    expect(fs.readdirSync(place)).toEqual([]);
    const read = JSON.parse(run.stdout.toString()) as unknown[];
    expect(read).toEqual(planned.map(({ workbench }) => inVagrantfile(workbench)));
  });

  test("ruby -wc says nothing about a handful of them", () => {
    for (const [at, { files }] of planned.slice(0, 10).entries()) {
      const file = path.join(folder, `Vagrantfile-${at}`);
      fs.writeFileSync(file, content(files, "Vagrantfile"));
      const run = spawnSync("ruby", ["-wc", file], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], LC_ALL: "C" },
      });
      expect([run.stderr, run.stdout]).toEqual(["", "Syntax OK\n"]);
    }
  });

  test("the guest's files hold every value byte for byte", () => {
    for (const { workbench, files } of planned) {
      const lines = (name: string): string[] => content(files, `provision/workbench/${name}`).split("\n").slice(0, -1);
      expect(lines("title")).toEqual([workbench.title]);
      expect(lines("apt.txt")).toEqual(workbench.packages.apt);
      expect(lines("python.txt")).toEqual(workbench.packages.python);
      expect(lines("folders.txt")).toEqual(["notebooks", "api", ...workbench.folders]);
      for (const service of workbench.services) {
        const data = JSON.parse(content(files, `provision/workbench/services/${service.name}.json`));
        const { timeoutSeconds, ...rest } = service as Workbench["services"][number] & { timeoutSeconds?: number };
        expect(data).toEqual(timeoutSeconds === undefined ? rest : { ...rest, timeout: timeoutSeconds });
      }
    }
  });

  test("Stop.sh says the title as it is, and runs nothing of it", () => {
    const place = fs.mkdtempSync(path.join(folder, "bash-"));
    const programs = path.join(place, "bin");
    fs.mkdirSync(programs);
    fs.writeFileSync(path.join(programs, "vagrant"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    const own = /^(?:Stop\.sh|Vagrantfile|launchers\/.*|vagrant\/(?:faults\.json|notebox\.rb))$/;
    const long = planned.filter(({ workbench }) => workbench.title.length > 20).slice(0, 40);
    expect(long.length).toBe(40);
    for (const { workbench, files } of long) {
      const bundle = path.join(place, "bundle");
      for (const file of files.filter(({ path: name }) => own.test(name))) {
        fs.mkdirSync(path.dirname(path.join(bundle, file.path)), { recursive: true });
        fs.writeFileSync(path.join(bundle, file.path), file.content);
      }
      const run = spawnSync("bash", ["Stop.sh"], {
        cwd: bundle,
        encoding: "utf8",
        env: { PATH: `${programs}:/usr/bin:/bin`, HOME: place, LC_ALL: "C.UTF-8" },
        stdio: ["ignore", "pipe", "pipe"],
      });
      expect(run.stderr).toBe("");
      expect(run.stdout.startsWith(`Stopping ${workbench.title}.\n`)).toBe(true);
      expect(run.stdout).toContain(`${workbench.title} is stopped. Your work is kept`);
      expect(fs.readdirSync(bundle).sort()).toEqual([".notebox", "Stop.sh", "Vagrantfile", "launchers", "vagrant"]);
      fs.rmSync(bundle, { recursive: true });
    }
    expect(fs.readdirSync(place).sort()).toEqual([".vagrant.d", "bin"]);
  });
});

describe("a thousand hostile files, each with one value that is made to break out", () => {
  const at: Record<string, (text: string) => object> = {
    name: (text) => ({ ...FILE, name: text }),
    title: (text) => ({ ...FILE, title: text }),
    "box.name": (text) => ({ ...FILE, box: { ...FILE.box, name: text } }),
    "box.version": (text) => ({ ...FILE, box: { ...FILE.box, version: text } }),
    "box.shares": (text) => ({ ...FILE, box: { ...FILE.box, shares: [`/srv/${text}`] } }),
    services: (text) => ({ ...FILE, services: { [text]: { kind: "jupyter" } } }),
    "services.api.notebook": (text) => ({ ...FILE, services: { api: { ...GATEWAY, notebook: `api/${text}.ipynb` } } }),
    "services.api.origins": (text) => ({ ...FILE, services: { api: { ...GATEWAY, origins: [`https://${text}`] } } }),
    "packages.apt": (text) => ({ ...FILE, packages: { apt: [text] } }),
    "packages.python": (text) => ({ ...FILE, packages: { python: [`pandas${text}`] } }),
    folders: (text) => ({ ...FILE, folders: [text] }),
  };
  const FILE = {
    version: 1,
    name: "hello",
    title: "Hello",
    box: { name: "lab/tiny", version: ">= 1.0", shares: ["/srv"] },
    services: { jupyter: {} },
  };
  const GATEWAY = { kind: "kernel-gateway", notebook: "api/a.ipynb" };

  test("a value arrives byte for byte or is refused, from the file to Ruby and to the guest", async () => {
    const place = fs.mkdtempSync(path.join(folder, "files-"));
    const accepted: { key: string; text: string; workbench: Workbench; files: PlannedFile[] }[] = [];
    let refused = 0;
    for (const [key, make] of Object.entries(at)) {
      for (const text of fc.sample(hostileText, 100)) {
        const given = make(text);
        // JSON is YAML; other ways to write the same value are the YAML reader's business.
        fs.writeFileSync(path.join(place, "workbench.yaml"), JSON.stringify(given));
        try {
          const workbench = await loadWorkbench(place, { files: false });
          accepted.push({ key, text, workbench, files: planBundle({ workbench, assets }) });
          expect([key, fileAgain(workbench)]).toEqual([key, expect.objectContaining(given)]);
        } catch (error) {
          if (!(error instanceof UserError && error.code === "invalid")) throw error;
          refused++;
        }
      }
    }
    expect(accepted.length + refused).toBe(1100);
    expect(accepted.length).toBeGreaterThan(20);
    const vagrantfiles = accepted.map(({ files }) => content(files, "Vagrantfile"));
    const run = spawnSync("ruby", ["-w", "-e", READER], {
      cwd: place,
      input: JSON.stringify(vagrantfiles),
      maxBuffer: 2 ** 28,
    });
    expect([run.stderr.toString(), run.status]).toEqual(["", 0]);
    expect(JSON.parse(run.stdout.toString())).toEqual(accepted.map(({ workbench }) => inVagrantfile(workbench)));
    for (const { workbench, files } of accepted) {
      expect(content(files, "provision/workbench/title")).toBe(`${workbench.title}\n`);
      expect(content(files, "provision/workbench/python.txt")).toBe(
        workbench.packages.python.map((p) => `${p}\n`).join(""),
      );
    }
    expect(fs.readdirSync(place)).toEqual(["workbench.yaml"]);
  });
});

/** The file that a workbench was read from, as far as the hostile values go. */
function fileAgain({ name, title, box, services, packages, folders }: Workbench): object {
  const { version, shares } = box;
  return {
    version: 1,
    name,
    title,
    box: { name: box.name, version, shares },
    services: Object.fromEntries(
      services.map((service) =>
        !isGateway(service)
          ? [service.name, service.name === "jupyter" ? {} : { kind: "jupyter" }]
          : [
              service.name,
              {
                kind: service.kind,
                notebook: service.notebook,
                ...(service.origins.length ? { origins: service.origins } : {}),
              },
            ],
      ),
    ),
    packages: Object.fromEntries(Object.entries(packages).filter(([, list]) => list.length > 0)),
    folders,
  };
}

// Reads Vagrantfiles as Vagrant would, but for what they do: only `workbench` is of interest.
const READER = `
require "json"
module Vagrant
  def self.require_version(*) = nil
  def self.configure(*) = nil
end
module Notebox
  module Launcher
    def self.begin(*) = nil
  end
  module Upgrade
    def self.finish(*) = nil
  end
end
def require_relative(*) = nil
$stdin.set_encoding("UTF-8")
puts JSON.generate(JSON.parse($stdin.read).map { |text|
  scope = TOPLEVEL_BINDING.dup
  scope.eval(text, "Vagrantfile")
  scope.local_variable_get(:workbench)
})
`;

function pageIn(service: Workbench["services"][number]): object {
  const page = pageOf(service);
  return page === undefined ? {} : { page };
}

function inVagrantfile({ name, title, box, machine, folders, services }: Workbench): object {
  return {
    name,
    title,
    box: {
      name: box.name,
      version: box.version ?? null,
      doors: box.shares.map((door) => catalogAddress(door, box.name)),
      registry: !box.name.startsWith("notebox/") && (box.registry || box.shares.length === 0),
    },
    cpus: machine.cpus,
    memory: machine.memoryMiB,
    folders: ["notebooks", "api", ...folders],
    services: Object.fromEntries(
      services.map((s) => [s.name, { kind: s.kind, port: s.port, scheme: "http", ...pageIn(s) }]),
    ),
  };
}

describe("the plan", () => {
  const files = planBundle({ workbench: plain, assets });

  test("is sorted, has no file twice, and is the same each time", () => {
    const names = files.map((file) => file.path);
    expect(names).toEqual([...new Set(names)].sort());
    expect(planBundle({ workbench: plain, assets: new Map([...assets].reverse()) })).toEqual(files);
  });

  test("holds the kinds in use and no others", () => {
    const kinds = (workbench: Workbench): string[] => {
      const found = planBundle({ workbench, assets }).map(
        (file) => /^provision\/services\/([^/]+)\//.exec(file.path)?.[1],
      );
      return [...new Set(found.filter((kind) => kind !== undefined))].sort();
    };
    const one = { ...plain, services: plain.services.slice(0, 1) };
    expect(kinds(one)).toEqual(["jupyter"]);
    expect(kinds(plain)).toEqual(["jupyter", "kernel-gateway"]);
  });

  test("holds the door before programs where a service stands behind one, and nowhere else", () => {
    const doors = (services: Workbench["services"]): number =>
      planBundle({ workbench: { ...plain, services }, assets }).filter(({ path: name }) =>
        /provision\/gate\//.test(name),
      ).length;
    const home = { kind: "home", name: "home", port: 8880 } as Workbench["services"][number];
    expect(doors(plain.services)).toBe(0);
    expect(doors([...plain.services, home])).toBeGreaterThan(3);
  });

  test("has Windows line ends and ASCII alone in batch files, and LF alone elsewhere", () => {
    const odd = planBundle({ workbench: { ...plain, title: "Übung" }, assets });
    for (const { path: name, content: bytes } of odd) {
      const text = bytes.toString("latin1");
      if (name.endsWith(".cmd"))
        expect([name, text.replaceAll("\r\n", "").match(/[\r\n\x80-\xff]/g)]).toEqual([name, null]);
      else expect([name, text.includes("\r")]).toEqual([name, false]);
    }
  });

  test("marks what is to be executed", () => {
    const executable = files.filter((file) => file.executable).map((file) => file.path);
    expect(executable).toEqual(
      expect.arrayContaining(["Start.command", "Start.sh", "Start.desktop", "provision/run.sh"]),
    );
    expect(executable.filter((name) => /\.(cmd|rb|json|txt|service)$|^Vagrantfile$/.test(name))).toEqual([]);
  });

  test("never asks the public registry for a name under notebox/", () => {
    const registry = (box: Workbench["box"]): string =>
      /registry: (\w+)/.exec(content(planBundle({ workbench: { ...plain, box }, assets }), "Vagrantfile"))?.[1] ?? "";
    expect(registry({ name: "notebox/debian-13", shares: [], registry: true })).toBe("false");
    expect(registry({ name: "debian/bookworm64", shares: [], registry: false })).toBe("true");
    expect(registry({ name: "debian/bookworm64", shares: ["/srv"], registry: false })).toBe("false");
    expect(registry({ name: "debian/bookworm64", shares: ["/srv"], registry: true })).toBe("true");
  });
});

describe("the workbench's hash", () => {
  const hash = (workbench: Workbench, lock?: Buffer): string => workbenchHash({ workbench, assets, lock });

  test("stands in the bundle", () => {
    expect(content(planBundle({ workbench: plain, assets }), "provision/workbench/hash")).toBe(`${hash(plain)}\n`);
    expect(hash(plain)).toMatch(/^[0-9a-f]{64}$/);
  });

  test("changes with what the guest is provisioned from", () => {
    const others: Workbench[] = [
      { ...plain, packages: { ...plain.packages, apt: [] } },
      { ...plain, title: "Other" },
      { ...plain, folders: [] },
      { ...plain, services: plain.services.slice(1) },
    ];
    expect(new Set([plain, ...others].map((workbench) => hash(workbench))).size).toBe(5);
    const changed = new Map(assets).set("provision/run.sh", Buffer.from("#!/bin/bash\n"));
    expect(workbenchHash({ workbench: plain, assets: changed })).not.toBe(hash(plain));
  });

  test("does not change with the size of the machine, the share, or the lock that the guest sends back", () => {
    expect(hash({ ...plain, machine: { cpus: 4, memoryMiB: 4096 } })).toBe(hash(plain));
    expect(hash({ ...plain, box: { ...plain.box, shares: [] } })).toBe(hash(plain));
    expect(hash(plain, Buffer.from("pandas==2.2.3\n"))).toBe(hash(plain));
  });
});
