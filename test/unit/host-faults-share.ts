/** Faults of the share and on the way to it, each made on a computer of stand-ins. Each has a door of its own. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { Scenario } from "./host-faults-computer.ts";
import type { HostLab } from "./host-lab.ts";

const catalog = (change: object = {}, version = "1.0.0", name = "lab/tiny") => ({
  name,
  versions: [
    {
      version,
      providers: [
        {
          name: "virtualbox",
          url: "file:///x.box",
          checksum: "00",
          checksum_type: "sha256",
          architecture: "amd64",
          ...change,
        },
      ],
    },
  ],
});

const curl = (lab: HostLab, sh: string): void => {
  lab.doors = ["https://boxes.example.edu/"];
  lab.tool("curl", sh);
};

function stuckName(url: string): string {
  return `box${createHash("sha1").update(url).digest("hex")}`;
}

export const SHARE_FAULTS: Scenario[] = [
  {
    ...{ code: "NB-D16", system: "linux", exit: 5 },
    make: (lab) => curl(lab, "echo 'curl: (7) Failed to connect to boxes.example.edu port 443' >&2; exit 7"),
    says: "The share with the workbench's box cannot be reached from this computer.",
  },
  {
    ...{ code: "NB-D17", system: "windows", exit: 5 },
    make: (lab) => {
      lab.doors = ["//nobody.invalid/boxes"];
      lab.tool("net", '[ "$1" = view ] && echo "System error 1272 has occurred." >&2; exit 2');
    },
    says: "The share with the workbench's box does not let this account in.",
  },
  {
    ...{ code: "NB-D18", system: "linux", exit: 5 },
    make: (lab) => curl(lab, "printf 'HTTP/1.1 200 OK\\r\\n\\r\\n\\n200 text/html; charset=utf-8'"),
    says: "The web server of the share sends the list of boxes in a way that Vagrant does not understand.",
  },
  {
    ...{ code: "NB-D19", system: "linux" },
    make: (lab) => {
      const url = "https://boxes.example.edu/x.box";
      const text = JSON.stringify(catalog({ url }));
      curl(
        lab,
        `case "$*" in *--head*x.box) printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n' ;; *--head*) printf '\\n200 application/json' ;; *) echo '${text}' ;; esac`,
      );
      fs.mkdirSync(path.join(lab.vagrantHome, "tmp"), { recursive: true });
      // SHA-1 of the address, as Vagrant names the file.
      fs.writeFileSync(path.join(lab.vagrantHome, "tmp", "box6e7a63ed9dfa1b1ca9ba1d0df9d7c20a5a1a6d1d"), "");
      fs.writeFileSync(path.join(lab.vagrantHome, "tmp", stuckName(url)), "12345");
    },
    says: "An earlier download of the box was interrupted at a bad moment and now stands in Vagrant's way.",
  },
  {
    ...{ code: "NB-D20", system: "linux", exit: 5 },
    make: (lab) => curl(lab, "echo 'curl: (56) CONNECT tunnel failed, response 407' >&2; exit 56"),
    says: "The web proxy of this network does not let Vagrant through to the share.",
  },
  {
    ...{ code: "NB-D21", system: "linux", exit: 5 },
    make: (lab) =>
      curl(lab, "echo 'curl: (60) SSL certificate problem: self-signed certificate in certificate chain' >&2; exit 60"),
    says: "This computer does not trust the certificate of the share's web server.",
  },
  {
    ...{ code: "NB-D22", system: "linux", exit: 6 },
    make: (lab) => void lab.share(catalog({ checksum_type: "SHA256" })),
    says: "The box that was downloaded is not the one that the share's list names: its checksum is missing or wrong.",
  },
  {
    ...{ code: "NB-D24", system: "macos", exit: 7 },
    make: (lab) => {
      lab.env["VAGRANT_HOST_ARCHITECTURE"] = "arm64";
      lab.share(catalog());
    },
    says: "This computer has an ARM processor, and the workbench's box is for amd64.",
  },
  {
    ...{ code: "NB-D25", system: "linux", exit: 6 },
    make: (lab) => void lab.share(catalog({}, "1.0.0", "lab/other")),
    says: "The share's list of boxes does not fit this workbench: it is the list of lab/other.",
  },
  {
    ...{ code: "NB-D32", system: "linux" },
    make: (lab) => {
      lab.registry = true;
      lab.now = Date.parse("2027-06-07T08:00:00Z");
    },
    says: "The workbench's box comes from the public Vagrant registry, which has been shut down.",
  },
];
