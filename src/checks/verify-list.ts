/**
 * The list of verify's checks for a workbench, with what each needs and what would explain its failure. The order is
 * that of causes: whatever can break another thing stands before it. The questions themselves are in the other files, those
 * of one kind of service with the kind (src/services/kinds).
 */
import { UserError } from "../errors.ts";
import type { SshTarget } from "../ports.ts";
import { kindOfService } from "../services/index.ts";
import type { Service, Workbench } from "../workbench/model.ts";
import { type Check, failed } from "./check.ts";
import type { NotebookFile } from "./gateway-list.ts";
import * as guest from "./guest-checks.ts";
import { type GuestLine, guestLine } from "./guest-line.ts";
import { hostPorts } from "./host-ports.ts";
import type { VerifyDeps as Needs } from "./kind-checks.ts";
import { type NotebookKernel, notebookKernel } from "./notebook-kernel.ts";
import * as service from "./service-checks.ts";

export interface VerifyInputs {
  workbench: Workbench;
  /** How the VM is reached; or, when it is not running, in which words that is said. */
  target: SshTarget | UserError;
  /** Service to its address on this computer, with a slash at the end. */
  urls: ReadonlyMap<string, string>;
  hashes: guest.Hashes;
  /** Shared folders, relative. */
  folders: readonly string[];
  /** Service to its notebook, or to why that cannot be read. */
  notebooks: ReadonlyMap<string, NotebookFile | UserError>;
  /** Whether routes that may change something are called, too. */
  includeWrites: boolean;
  /** Called with each token as soon as it is known. */
  redact: (secret: string) => void;
}

export interface Round {
  checks: readonly Check[];
  /** Ends what the round has opened. */
  close(): Promise<void>;
}

/** One round's checks. Nothing is asked before a check is. */
export function verifyRound(deps: Needs, inputs: VerifyInputs): Round {
  const { workbench, target } = inputs;
  const names = workbench.services.map(namesOf);
  const line =
    target instanceof UserError
      ? unreachable(target)
      : guestLine(deps, {
          target,
          questions: { services: names, folders: inputs.folders },
          folder: workbench.folder,
          signal: deps.signal,
          redact: inputs.redact,
        });
  const closings: (() => Promise<void>)[] = [() => line.close()];
  const kernel = kernelOfNotebooks(deps, inputs, line);
  if (kernel !== undefined) closings.push(() => kernel.close());
  const list = workbench.services.map((one) => serviceChecks(deps, inputs, { line, kernel }, one));
  for (const { close } of list) closings.push(close);
  return {
    checks: [
      ...guestChecks(deps, inputs, line, names),
      ...list.flatMap(({ checks }) => checks),
      ...list.flatMap(({ after }) => after),
      unitsCheck(inputs, line),
    ],
    close: async () => {
      await Promise.allSettled(closings.map((close) => close()));
    },
  };
}

function namesOf({ kind, name, port, innerPort }: Service): service.ServiceNames {
  return { name, unit: `${kind}@${name}.service`, port: port ?? innerPort ?? 0, reached: port !== undefined };
}

function unreachable(error: UserError): GuestLine {
  const never = () => {
    throw error;
  };
  // Waiting will not start it.
  const connect = async () => failed(error.message, "a running VM", error.hint ?? "", { passing: false });
  return { connect, ask: never, answer: never, left: never, close: async () => {} };
}

/** A check that is answered from what the guest has told already. */
function told(id: string, title: string, suspects: readonly string[], judge: () => ReturnType<Check["ask"]>): Check {
  return { id, title, needs: ["guest"], suspects, ask: judge };
}

function guestChecks(
  deps: Needs,
  inputs: VerifyInputs,
  line: GuestLine,
  names: readonly service.ServiceNames[],
): Check[] {
  const { workbench, urls, target, folders } = inputs;
  const ports = new Map([...urls].map(([name, url]) => [Number(new URL(url).port || 80), name]));
  if (!(target instanceof UserError) && /^(127\.|localhost$|::1$)/.test(target.host)) ports.set(target.port, "SSH");
  return [
    { id: "ssh", title: "SSH answers", needs: [], suspects: [], ask: () => line.connect() },
    { id: "guest", title: "The VM answers questions", needs: ["ssh"], suspects: [], ask: () => line.ask() },
    told("disk", "The VM's disk has room", [], async () => guest.disk(line.answer())),
    told("provisioned", "The VM is provisioned for this workbench", ["disk"], async () =>
      guest.provisioned(line.answer(), inputs.hashes),
    ),
    told("memory", "The VM has memory and processors", [], async () => guest.memory(line.answer(), workbench.machine)),
    told("clock", "The VM's clock is right", [], async () => guest.clock(line.answer())),
    told("packages", "Installed packages are complete", ["disk", "provisioned"], async () =>
      guest.packages(line.answer()),
    ),
    told("account", "The services' account has no way to root", ["provisioned"], async () =>
      guest.account(line.answer()),
    ),
    ...folders.map((name) =>
      told(`folder.${name}`, `The folder ${name}/ is shared and can be written`, ["provisioned"], async () =>
        guest.folder(line.answer(), name, line.left(name)),
      ),
    ),
    told("sockets", "Nothing else listens in the VM", [], async () =>
      guest.sockets(
        line.answer(),
        names.flatMap(({ port, reached }) => (reached ? [port] : [])),
      ),
    ),
    {
      id: "host-ports",
      title: "Forwarded ports are bound to this computer only",
      needs: target instanceof UserError ? ["ssh"] : [],
      suspects: [],
      ask: () => hostPorts(deps, ports),
    },
  ];
}

/** Last, because a failed unit of a service's own is that service's news. */
function unitsCheck({ workbench }: VerifyInputs, line: GuestLine): Check {
  const own = new Map(workbench.services.map((one) => [namesOf(one).unit, `service.${one.name}`]));
  const suspects = ["disk", "memory", ...own.values()];
  return told("units", "No unit has failed", suspects, async () => guest.units(line.answer(), own));
}

/** The kernel of the workbench's Jupyter, for the checks of other services. */
function kernelOfNotebooks(deps: Needs, inputs: VerifyInputs, line: GuestLine): NotebookKernel | undefined {
  const jupyter = inputs.workbench.services.find(({ kind }) => kind === "jupyter");
  if (jupyter === undefined) return undefined;
  const { name } = jupyter;
  const target = () => ({ url: urlOf(inputs, name), token: tokenOf(line, name) });
  return notebookKernel(deps, target, ["guest", `token.${name}`, `socket.${name}`, `http.${name}`, `auth.${name}`]);
}

function urlOf(inputs: VerifyInputs, name: string): string {
  const found = inputs.urls.get(name);
  if (found !== undefined) return found;
  throw new UserError({
    code: "unreachable",
    message: `${name} has no address on this computer (.notebox/endpoints.json does not name it).`,
    hint: "The VM was started before this service was added: run `notebox up`.",
  });
}

function tokenOf(line: GuestLine, name: string): string {
  return line.answer().answer.tokens?.[name]?.value ?? "";
}

interface ServiceRound extends Round {
  /** What needs the checks of other services. */
  after: readonly Check[];
}

function serviceChecks(
  deps: Needs,
  inputs: VerifyInputs,
  { line, kernel }: { line: GuestLine; kernel: NotebookKernel | undefined },
  one: Service,
): ServiceRound {
  const names = namesOf(one);
  const { name, unit, port } = names;
  // Whose notebook lies in a folder cannot start without it; the others only save there.
  const folders = inputs.folders.map((folder) => `folder.${folder}`);
  const ground = [
    "disk",
    "provisioned",
    "packages",
    `token.${name}`,
    ...(port > 0 ? [`port.${name}`] : []),
    ...folders,
  ];
  const outside = {
    needs: ["guest", `token.${name}`, ...(port > 0 ? [`socket.${name}`] : [])],
    suspects: [`service.${name}`, ...ground, "memory"],
  };
  const own = kindOfService(one).checks?.({
    ...{ deps, service: one, unit, outside, ground, kernel },
    url: () => urlOf(inputs, name),
    token: () => tokenOf(line, name),
    told: () => line.answer(),
    notebook: inputs.notebooks.get(name),
    includeWrites: inputs.includeWrites,
  });
  const before = own?.before ?? [];
  const inside: Check[] = [
    ...before,
    told(`token.${name}`, `The token of ${name} is in its place`, ["disk", "provisioned"], async () =>
      service.token(line.answer(), names),
    ),
    ...portCheck(line, names),
    told(
      `service.${name}`,
      `The service ${name} runs`,
      [...ground, "memory", ...before.map(({ id }) => id)],
      async () =>
        service.running(line.answer(), names, { stopped: [...folders, `token.${name}`], cell: [...ground, "memory"] }),
    ),
    ...(port === 0
      ? []
      : [
          told(`socket.${name}`, `The service ${name} listens on its port`, [`service.${name}`, ...ground], async () =>
            service.listens(line.answer(), names),
          ),
        ]),
  ];
  return {
    checks: [...inside, ...(own?.checks ?? [])],
    after: own?.after ?? [],
    close: async () => await own?.close?.(),
  };
}

/** For a service that listens somewhere. */
function portCheck(line: GuestLine, names: service.ServiceNames): Check[] {
  const { name, port } = names;
  if (port === 0) return [];
  const title = `No other program holds ${name}'s port`;
  return [told(`port.${name}`, title, [], async () => service.port(line.answer(), names))];
}
