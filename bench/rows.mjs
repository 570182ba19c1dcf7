// The rows of the benchmark: notebox beside what a person would run instead. Each says what it needs; run.mjs
// decides which can be measured and prints them.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { boxRows } from "./box-rows.mjs";
import { gatewayRow } from "./gateway-row.mjs";
import { launcherRows } from "./launcher-rows.mjs";
import { listRow } from "./list-row.mjs";
import { compare, timeProgram } from "./measure.mjs";

const root = path.resolve(import.meta.dirname, "..");
const program = path.join(root, "dist/notebox.cjs");
const notebox = (args, options) => timeProgram(process.execPath, [program, ...args], options);
const vagrant = (args, cwd) =>
  timeProgram("vagrant", args, { cwd, env: { ...process.env, VAGRANT_CHECKPOINT_DISABLE: "1" } });

const KERNEL_CHECKS = ["kernels", "root"];

// What verify's checks ask of the guest, as a person would ask it: one `vagrant ssh -c` each.
const QUESTIONS = [
  "true",
  "cat /etc/notebox/workbench/hash /var/lib/notebox/provisioned.json",
  "systemctl --failed --no-legend",
  "systemctl show -p ActiveState,NRestarts jupyter@jupyter.service",
  "systemctl show -p ActiveState,NRestarts 'kernel-gateway@*'",
  "sudo ss -Hltnp",
  "sudo df --output=avail,target / /home/notebox/notebooks",
  "free -m; nproc",
  "date +%s; timedatectl show -p NTPSynchronized",
  "dpkg --audit; /opt/notebox/venv/bin/python -m pip check",
  "sudo -u notebox sh -c 'touch /home/notebox/notebooks/.probe && rm /home/notebox/notebooks/.probe'",
  "sudo -u notebox sh -c 'touch /home/notebox/api/.probe && rm /home/notebox/api/.probe'",
  "sudo grep -E '^(notebox|vagrant):' /etc/shadow; sudo -l -U notebox",
  "sudo ls -l /var/lib/notebox/tokens",
];

export const rows = [
  {
    what: "`notebox --version`",
    beside: "`node -e 0`",
    aim: 1.5,
    measure: () =>
      compare(
        () => notebox(["--version"]),
        () => timeProgram(process.execPath, ["-e", "0"]),
        21,
      ),
  },
  {
    what: "`notebox --help`",
    beside: "`node -e 0`",
    aim: 1.5,
    measure: () =>
      compare(
        () => notebox(["--help"]),
        () => timeProgram(process.execPath, ["-e", "0"]),
        21,
      ),
  },
  {
    what: "`render` of the largest example",
    beside: "`vagrant validate` of the result",
    aim: 0.2,
    needs: () => (hasVagrant() ? undefined : "needs Vagrant"),
    measure: async () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-bench-"));
      const example = path.join(folder, "example");
      fs.cpSync(largestExample(), example, { recursive: true });
      let turn = 0;
      try {
        return await compare(
          () => notebox(["-C", example, "render", "--out", path.join(folder, String(++turn))]),
          () => vagrant(["validate", "--ignore-provider"], path.join(folder, String(turn))),
          5,
        );
      } finally {
        fs.rmSync(folder, { recursive: true, force: true });
      }
    },
  },
  listRow,
  gatewayRow,
  ...boxRows,
  ...launcherRows,
  {
    what: "`verify` of a warm VM, kernels apart",
    beside: `the same questions by \`vagrant ssh -c\`, one by one (${QUESTIONS.length} calls)`,
    aim: 0.05,
    needs: ({ vm }) => (vm ? undefined : "needs a running workbench: --vm FOLDER"),
    measure: ({ vm }) => {
      const ids = checksOf(vm).filter((id) => !KERNEL_CHECKS.includes(id.split(".")[0]));
      const only = ids.flatMap((id) => ["--only", id]);
      return compare(
        () => notebox(["-C", vm, "verify", "--quiet", ...only]),
        () => QUESTIONS.reduce((sum, question) => sum + vagrant(["ssh", "-c", `${question}; true`], vm), 0),
        2,
        false,
      );
    },
  },
  {
    what: "the kernel checks of `verify`",
    beside: "the slowest kernel check alone",
    aim: 1.2,
    needs: ({ vm }) => (vm ? undefined : "needs a running workbench: --vm FOLDER"),
    measure: ({ vm }) => {
      const kernels = checksOf(vm).filter((id) => KERNEL_CHECKS.includes(id.split(".")[0]));
      return compare(
        () => notebox(["-C", vm, "verify", "--quiet", ...kernels.flatMap((id) => ["--only", id])]),
        () => Math.max(...kernels.map((id) => notebox(["-C", vm, "verify", "--quiet", "--only", id]))),
        3,
      );
    },
  },
  {
    what: "starting a workbench whose box is prepared",
    beside: "the same Vagrantfile provisioning from nothing",
    aim: 0.2,
    needs: ({ prepared, bare }) =>
      prepared && bare ? undefined : "needs two copies of a workbench that are not up: --prepared FOLDER --bare FOLDER",
    // Once each: a start from nothing takes many minutes under software emulation. Afterwards both VMs are deleted.
    measure: ({ prepared, bare, provider }) => {
      const start = (folder) => {
        try {
          return vagrant(["up", "--provider", provider], folder);
        } finally {
          vagrant(["destroy", "-f"], folder);
        }
      };
      return compare(
        () => start(prepared),
        () => start(bare),
        1,
        false,
      );
    },
  },
];

function hasVagrant() {
  return spawnSync("vagrant", ["--version"], { stdio: "ignore" }).status === 0;
}

function checksOf(folder) {
  const done = spawnSync(process.execPath, [program, "-C", folder, "verify", "--json"], { encoding: "utf8" });
  const { ok, result } = JSON.parse(done.stdout);
  if (!ok) throw new Error(`the workbench in ${folder} is not sound: run notebox verify there`);
  return result.checks.filter(({ status }) => status === "passed").map(({ id }) => id);
}

/** The example with the longest workbench.yaml. */
function largestExample() {
  const examples = path.join(root, "examples");
  const size = (name) => fs.statSync(path.join(examples, name, "workbench.yaml")).size;
  const names = fs.readdirSync(examples).sort((a, b) => size(b) - size(a));
  return path.join(examples, names[0]);
}
