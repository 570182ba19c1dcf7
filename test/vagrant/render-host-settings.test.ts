/** What of this computer's network settings reaches the VM, and how. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packGuest } from "../../src/bundle/guest-tar.ts";
import { evaluate } from "./render-ruby.ts";

let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-host-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const environment = (env: NodeJS.ProcessEnv, gateway = "10.0.2.2"): Record<string, string> =>
  evaluate("host_settings.rb", `Notebox::HostSettings.new("${gateway}").environment`, env) as Record<string, string>;
const seen = (value: string): string | undefined => environment({ PIP_INDEX_URL: value })["PIP_INDEX_URL"];

describe("proxies", () => {
  test("are none where the host has none", () => {
    expect(Object.keys(environment({})).filter((name) => /proxy$/.test(name) && name !== "NOTEBOX_APT_PROXY")).toEqual(
      [],
    );
  });

  test("are handed on, with what is reached directly", () => {
    const env = environment({
      http_proxy: "http://proxy.example.edu:3128",
      HTTPS_PROXY: "proxy.example.edu:3129",
      no_proxy: "lan, .example.edu",
    });
    expect(env["http_proxy"]).toBe("http://proxy.example.edu:3128");
    expect(env["https_proxy"]).toBe("http://proxy.example.edu:3129");
    expect(env["no_proxy"]?.split(",")).toEqual(["localhost", "127.0.0.1", "::1", "10.0.2.2", "lan", ".example.edu"]);
  });

  test("on the host's loopback are named as the VM reaches the host", () => {
    for (const [host, vm] of [
      ["http://127.0.0.1:3128", "http://10.0.2.2:3128"],
      ["http://localhost:3128/", "http://10.0.2.2:3128/"],
      ["localhost:3128", "http://10.0.2.2:3128"],
      ["http://LOCALHOST", "http://10.0.2.2"],
      ["http://[::1]:3128", "http://10.0.2.2:3128"],
      ["http://127.1.2.3:3128", "http://10.0.2.2:3128"],
      ["http://user:p%40ss@127.0.0.1:3128", "http://user:p%40ss@10.0.2.2:3128"],
      ["http://localhost.example.edu:3128", "http://localhost.example.edu:3128"],
      ["http://proxy/127.0.0.1", "http://proxy/127.0.0.1"],
    ]) {
      expect([host, environment({ http_proxy: host ?? "" })["http_proxy"]]).toEqual([host, vm]);
    }
    expect(environment({ http_proxy: "http://127.0.0.1:1" }, "192.168.121.1")["http_proxy"]).toBe(
      "http://192.168.121.1:1",
    );
  });

  test("on loopback are noticed, for VirtualBox must be told", () => {
    const loopback = (env: NodeJS.ProcessEnv): unknown =>
      evaluate("host_settings.rb", 'Notebox::HostSettings.new("x").loopback?', env);
    expect(loopback({ http_proxy: "http://127.0.0.1:3128" })).toBe(true);
    expect(loopback({ PIP_EXTRA_INDEX_URL: "https://a.example/ http://localhost:8080/" })).toBe(true);
    expect(loopback({ http_proxy: "http://proxy.example.edu:3128", no_proxy: "localhost" })).toBe(false);
  });
});

describe("pip and apt", () => {
  test("come from variables, and from pip's own files where there are none", () => {
    fs.mkdirSync(path.join(folder, ".config/pip"), { recursive: true });
    fs.writeFileSync(
      path.join(folder, ".config/pip/pip.conf"),
      "# mine\n[global]\nindex-url = https://pip.example.edu/simple\ntrusted_host: pip.example.edu\n  other.example.edu\n[freeze]\nextra-index-url = https://no.example.edu\n",
    );
    const env = environment({ HOME: folder, PIP_EXTRA_INDEX_URL: "https://one.example/ http://localhost:8080/simple" });
    expect(env["PIP_INDEX_URL"]).toBe("https://pip.example.edu/simple");
    expect(env["PIP_TRUSTED_HOST"]).toBe("pip.example.edu other.example.edu");
    expect(env["PIP_EXTRA_INDEX_URL"]).toBe("https://one.example/ http://10.0.2.2:8080/simple");
    expect(environment({ HOME: folder, PIP_INDEX_URL: "https://env.example/" })["PIP_INDEX_URL"]).toBe(
      "https://env.example/",
    );
    expect(environment({ NOTEBOX_APT_PROXY: "http://127.0.0.1:3142" })["NOTEBOX_APT_PROXY"]).toBe(
      "http://10.0.2.2:3142",
    );
  });

  test("in another encoding than UTF-8 do not stop Vagrant", () => {
    const code = `
      ENV["PIP_INDEX_URL"] = "https://a.example/\\xFC".b
      ENV["http_proxy"] = "http://u:\\xC3\\xBC@127.0.0.1:1".b
      Notebox::HostSettings.new("10.0.2.2").environment`;
    const env = evaluate("host_settings.rb", code, { LC_ALL: "C" }) as Record<string, string>;
    expect([env["PIP_INDEX_URL"], env["http_proxy"]]).toEqual([undefined, "http://u:ü@10.0.2.2:1"]);
  });

  test("with a control character are left out", () => {
    expect(seen("https://a\nb")).toBeUndefined();
  });
});

describe("certificates", () => {
  const pem = (body: string): string => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  const certificates = (env: NodeJS.ProcessEnv): string[] => {
    const text = evaluate("host_settings.rb", 'Notebox::HostSettings.new("x").certificates', env) as string | null;
    return text?.match(/(?<=BEGIN CERTIFICATE-----\n)[^-]+/g)?.map((body) => body.trim()) ?? [];
  };
  const machines = certificates({});

  test("of each file that is named, once each, and nothing else of the file", () => {
    const one = path.join(folder, "one.pem");
    const two = path.join(folder, "two.pem");
    fs.writeFileSync(
      one,
      `Subject: x\r\n${pem("AAAA").replaceAll("\n", "\r\n")}PEM\n$(touch pwned)\n${pem("BBBB")}-----BEGIN PRIVATE KEY-----\nSECRET\n`,
    );
    fs.writeFileSync(two, pem("BBBB") + pem("CCCC"));
    const found = certificates({ SSL_CERT_FILE: one, REQUESTS_CA_BUNDLE: two, PIP_CERT: "/missing.pem" });
    expect(found.filter((body) => !machines.includes(body)).sort()).toEqual(["AAAA", "BBBB", "CCCC"]);
  });

  test("that Vagrant's installers name themselves are not the host's", () => {
    const own = path.join(folder, "embedded");
    fs.mkdirSync(own);
    fs.writeFileSync(path.join(own, "cacert.pem"), pem("DDDD"));
    expect(certificates({ SSL_CERT_FILE: path.join(own, "cacert.pem"), VAGRANT_INSTALLER_EMBEDDED_DIR: own })).toEqual(
      machines,
    );
  });
});

describe("the script that runs in the VM", () => {
  /** Runs it here, with a folder in the VM's place; returns that folder and what provision/run.sh said. */
  const run = (env: NodeJS.ProcessEnv, prepare: (workbench: string, vm: string) => void = () => {}) => {
    const place = fs.mkdtempSync(path.join(folder, "vm-"));
    const workbench = path.join(place, "workbench");
    const vm = path.join(place, "vm");
    fs.mkdirSync(path.join(workbench, "provision/steps/deep"), { recursive: true });
    fs.mkdirSync(vm);
    fs.writeFileSync(path.join(workbench, "provision/run.sh"), SAY);
    fs.writeFileSync(path.join(workbench, "provision/steps/deep/x.bin"), Buffer.from([0, 13, 10, 255]));
    prepare(workbench, vm);
    const code = `Notebox::Provisioning.new(${JSON.stringify(workbench)}, "virtualbox", "10.0.2.2").script`;
    const script = evaluate("provisioning.rb", code, env) as string;
    const file = path.join(place, ".notebox-provision");
    const here = script
      .replaceAll("/home/vagrant/notebox", vm)
      .replaceAll("/home/vagrant", place)
      .replace(/-o \w+ -g \w+/, "");
    fs.writeFileSync(file, here);
    const { stdout, stderr } = spawnSync("bash", [file], { cwd: place, encoding: "utf8" });
    expect(fs.readdirSync(place).sort()).toEqual(["vm", "workbench"]);
    return { vm, stderr, said: stdout.trim().split("\n") };
  };
  const SAY = '#!/bin/bash\nprintf "%s\\n" "$NOTEBOX_PROVIDER" "$PIP_INDEX_URL" "$http_proxy"\n';

  test("hands hostile values on as they are, and runs none", () => {
    const index = "https://a.example/'\"`touch$IFS$9pwned`$(touch$IFS$9pwned)\\#{File.write(%q(pwned),'')}%41ü";
    const ca = path.join(folder, "ca.pem");
    fs.writeFileSync(ca, "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n");
    const { vm, stderr, said } = run({
      PIP_INDEX_URL: index,
      http_proxy: "http://u:$(id)'@127.0.0.1:1",
      SSL_CERT_FILE: ca,
    });
    expect([stderr, said]).toEqual(["", ["virtualbox", index, "http://u:$(id)'@10.0.2.2:1"]]);
    expect(fs.readFileSync(path.join(vm, "host/ca.pem"), "utf8")).toContain("QUJD");
  });

  test("brings provision/ as it is, and takes away what was there before", () => {
    const { vm } = run({}, (workbench, before) => {
      fs.symlinkSync("/etc/passwd", path.join(workbench, "provision/link"));
      for (const name of ["provision/old/file", "host/ca.pem", "wheels/old.whl"]) {
        fs.mkdirSync(path.dirname(path.join(before, name)), { recursive: true });
        fs.writeFileSync(path.join(before, name), "old");
      }
    });
    const files = fs.readdirSync(path.join(vm, "provision"), { recursive: true }).sort();
    expect(files).toEqual(["run.sh", "steps", "steps/deep", "steps/deep/x.bin"]);
    expect(fs.readFileSync(path.join(vm, "provision/steps/deep/x.bin"))).toEqual(Buffer.from([0, 13, 10, 255]));
    expect(fs.statSync(path.join(vm, "provision/run.sh")).mode & 0o777).toBe(0o755);
    expect(fs.existsSync(path.join(vm, "wheels"))).toBe(false);
  });

  describe("of a hand-out, whose steps are one file,", () => {
    const steps = (["locks/base.txt", "run.sh", "steps/10-a.sh"] as const).map((name) => {
      const content = Buffer.from(name === "run.sh" ? `${SAY}# of the tar\n` : "x");
      return { path: `provision/${name}`, content, executable: name === "run.sh" };
    });
    const workbenchFile = { path: "provision/workbench/name", content: Buffer.from("lab\n"), executable: false };
    const layOut = (workbench: string): void => {
      for (const { path: name, content } of packGuest([...steps, workbenchFile])) {
        fs.mkdirSync(path.dirname(path.join(workbench, name)), { recursive: true });
        fs.writeFileSync(path.join(workbench, name), content);
      }
    };
    const files = (vm: string): string[] =>
      fs
        .readdirSync(path.join(vm, "provision"), { recursive: true, encoding: "utf8" })
        .filter((name) => fs.statSync(path.join(vm, "provision", name)).isFile())
        .sort();

    test("brings these and what the workbench says, and nothing that an older one left", () => {
      // run() lays the older one's run.sh and steps/deep/x.bin there.
      const { vm, stderr, said } = run({ PIP_INDEX_URL: "i", http_proxy: "" }, layOut);
      expect([stderr, said[0]]).toEqual(["", "virtualbox"]);
      expect(files(vm)).toEqual(["locks/base.txt", "run.sh", "steps/10-a.sh", "workbench/name"]);
      expect(fs.readFileSync(path.join(vm, "provision/run.sh"), "utf8")).toMatch(/# of the tar/);
      expect(fs.statSync(path.join(vm, "provision/run.sh")).mode & 0o777).toBe(0o755);
    });

    test("is left aside where notebox has laid out the steps since", () => {
      const { vm } = run({}, (workbench) => {
        layOut(workbench);
        fs.mkdirSync(path.join(workbench, ".notebox"));
        const record = { files: { "provision/run.sh": "a".repeat(64) } };
        fs.writeFileSync(path.join(workbench, ".notebox/rendered.json"), JSON.stringify(record));
      });
      expect(files(vm)).toEqual(["guest.tar.gz", "run.sh", "steps/deep/x.bin", "workbench/name"]);
      expect(fs.readFileSync(path.join(vm, "provision/run.sh"), "utf8")).toBe(SAY);
    });
  });

  test("leaves the wheels that have just been brought", () => {
    const { vm } = run({}, (workbench, before) => {
      fs.mkdirSync(path.join(workbench, "wheels"));
      fs.mkdirSync(path.join(before, "wheels"));
    });
    expect(fs.existsSync(path.join(vm, "wheels"))).toBe(true);
  });
});
