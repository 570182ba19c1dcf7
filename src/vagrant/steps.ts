/**
 * Turns what Vagrant says while it works into a few named steps. Pure: messages in, progress events out.
 * The guest's own steps come from provision/run.sh, as lines "notebox: [3/7] installing Python packages".
 */
import type { ProgressEvent } from "../ports.ts";
import { shownText, type VagrantMessage } from "./machine-readable.ts";

/** Vagrant's wording (templates/locales/en.yml, vagrant-libvirt's en.yml); the first that fits wins. */
const PHASES: readonly (readonly [RegExp, string])[] = [
  [
    /^Box '.*' could not be found\. Attempting to find|^Adding box '|^Downloading: |^Loading metadata for box/,
    "Fetching the box",
  ],
  [/^Unpacking necessary files|^Successfully added box/, "Unpacking the box"],
  [/^Uploading base box image as volume/, "Copying the box into libvirt"],
  [
    /^Importing base box|^Creating (?:image|domain)|^Cloning VM|^Matching MAC|^Setting the name of the VM/,
    "Creating the VM",
  ],
  [
    /^Clearing any previously set|^Preparing network|^Starting domain|^Resuming|^Booting VM|^Starting VM/,
    "Starting the VM",
  ],
  [/^Waiting for (?:machine to boot|domain to get an IP|SSH|machine)/, "Waiting until the VM answers"],
  [
    /^Attempting graceful shutdown|^Halting domain|^Forcing shutdown|^Discarding saved state|^Suspending/,
    "Stopping the VM",
  ],
  [/^Destroying VM|^Removing domain|^Deleting the machine/, "Deleting the VM"],
  [/^Setting hostname|^Mounting shared folders|^Configuring and enabling network/, "Connecting folders"],
  [/^Exporting VM|^Packaging domain|^Compressing package/, "Packing the VM"],
  [/^Running provisioner/, "Setting up the VM"],
];

/** "notebox: [3/9] System packages …", and at its end ": done in 6.7 s" or, if nothing had to be done, ": unchanged". */
const GUEST_STEP = /^notebox: \[(\d+)\/(\d+)\] (.*?)(?: (…)|: (?:unchanged|done in .*))$/;

export interface StepTracker {
  /** Vagrant takes a second or two before it says anything. */
  begin(): ProgressEvent[];
  take(message: VagrantMessage): ProgressEvent[];
  /** Closes the step that is open. */
  end(outcome: "done" | "failed", lastLines?: readonly string[]): ProgressEvent[];
}

/** `prefix` keeps the ids of several runs within one command apart. */
export function createStepTracker(prefix: string): StepTracker {
  let open: { id: string; title: string } | undefined;
  let count = 0;

  const close = (event: "step-done" | "step-failed", lastLines?: readonly string[]): ProgressEvent[] => {
    if (open === undefined) return [];
    const { id } = open;
    open = undefined;
    if (event === "step-done") return [{ type: event, id }];
    return [lastLines === undefined ? { type: event, id } : { type: event, id, lastLines }];
  };
  const begin = (title: string): ProgressEvent[] => {
    if (open?.title === title) return [];
    const before = close("step-done");
    count += 1;
    open = { id: `${prefix}-${count}`, title };
    return [...before, { type: "step-start", id: open.id, title }];
  };

  return {
    begin: () => begin("Starting Vagrant"),
    take(message) {
      const shown = shownText(message);
      if (shown === undefined) return [];
      return shown.lines.flatMap((line) => {
        const guest = GUEST_STEP.exec(line);
        if (guest?.[4]) return begin(`In the VM, ${guest[1]} of ${guest[2]}: ${guest[3]}`);
        const phase = PHASES.find(([pattern]) => pattern.test(line));
        if (phase) return begin(phase[1]);
        return open === undefined || !worthShowing(line)
          ? []
          : [{ type: "step-note", id: open.id, note: line.slice(0, 160) }];
      });
    },
    end: (outcome, lastLines) => close(outcome === "done" ? "step-done" : "step-failed", lastLines),
  };
}

function worthShowing(line: string): boolean {
  return (
    /[A-Za-z0-9]/.test(line) && !/^(?:SSH (?:address|username|auth method)|Vagrant insecure key detected)/.test(line)
  );
}
