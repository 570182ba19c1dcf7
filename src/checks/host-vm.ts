/** Doctor's checks of what the VM needs at its start: memory, ports, nobody else at work; and what its last log tells. */
import fs from "node:fs";
import path from "node:path";
import { faultTable, matches } from "../faults.ts";
import { atWork } from "../vagrant/lock.ts";
import { whyTaken } from "../vagrant/measure.ts";
import type { Check } from "./check.ts";
import type { Computer } from "./computer.ts";
import { fails, type HostAnswer, hostCheck, notApplicable, passed } from "./host-answers.ts";

export function vmChecks(computer: Computer): Record<string, Check> {
  return {
    memory: hostCheck("memory", async () => await memory(computer)),
    busy: hostCheck("busy", () => {
      const owner = atWork(computer.deps, computer.subject.folder);
      return owner === undefined ? passed("nobody") : fails(`${owner.command}, process ${owner.process.pid}`);
    }),
    ports: hostCheck("ports", async () => await ports(computer)),
    "shared-folders": lastStart(computer, "shared-folders"),
    links: lastStart(computer, "links"),
  };
}

async function memory(computer: Computer): Promise<HostAnswer> {
  const { workbench, without } = computer.subject;
  if (workbench === undefined) return notApplicable(without ?? "there is no workbench here");
  const { running } = await computer.vm();
  const needed = workbench.machine.memoryMiB;
  const { total, free } = await computer.memory();
  const words = `${needed} MiB of memory`;
  if (needed + faultTable().needs.hostMemoryMiB > total)
    return fails(`${total} MiB in all`, { needed: words, found: `and this computer has ${total} MiB in all` });
  if (running) return notApplicable("the VM runs");
  if (free !== undefined && needed > free)
    return fails(`${free} MiB free`, { needed: words, found: `and only ${free} MiB are free now` });
  return passed(free === undefined ? `${total} MiB in all` : `${free} MiB free`);
}

async function ports(computer: Computer): Promise<HostAnswer> {
  const { workbench, without } = computer.subject;
  if (workbench === undefined) return notApplicable(without ?? "there is no workbench here");
  const vm = await computer.vm();
  // The VM's own forwarding holds them; which they are is known to `up` alone.
  if (vm.running && vm.ports.size === 0) return notApplicable("the VM runs");
  const kept = await keptRanges(computer);
  const faults: { port: number; name: string; reason: string }[] = [];
  const wanted = workbench.services.flatMap(({ name, port }) => (port === undefined ? [] : [{ name, port }]));
  for (const { name, port } of wanted) {
    if (vm.ports.has(port)) continue;
    const range = kept.find(([first, last]) => port >= first && port <= last);
    const reason =
      range === undefined ? await whyTaken(port) : `Windows keeps the ports ${range[0]} to ${range[1]} for itself`;
    if (reason !== undefined) faults.push({ port, name, reason });
  }
  const [first] = faults;
  if (first === undefined) return passed(wanted.map(({ port }) => port).join(", "));
  const seen = faults.map(({ port, name, reason }) => `port ${port} of ${name}: ${reason}`).join("; ");
  return fails(seen, { port: first.port, fault: first.reason });
}

async function keptRanges(computer: Computer): Promise<[number, number][]> {
  if (computer.system !== "windows") return [];
  const ran = await computer.run("netsh", "int", "ipv4", "show", "excludedportrange", "protocol=tcp");
  return [...(ran?.text ?? "").matchAll(/^\s*(\d+)\s+(\d+)/gm)].map(([, first, last]) => [Number(first), Number(last)]);
}

/** What only shows in the VM is told by the log of the last start. */
function lastStart(computer: Computer, id: string): Check {
  return hostCheck(id, (fault) => {
    const folder = path.join(computer.subject.folder, ".notebox", "logs");
    const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
    const newest = names
      .filter((name) => /-(up\.jsonl|start\.log)$/.test(name))
      .sort()
      .at(-1);
    if (newest === undefined) return notApplicable("nothing was started here yet");
    const text = computer.read(folder, newest) ?? "";
    const symptom = fault.symptoms?.find((one) => matches(text, one));
    if (symptom === undefined) return passed(newest);
    return fails(`${newest}: ${new RegExp(symptom, "im").exec(text)?.[0]}`);
  });
}
