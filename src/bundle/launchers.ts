/**
 * The launchers: files to double-click that start, stop, look at or reset the workbench, for Windows, macOS and Linux,
 * and launchers/, the part that they share. What they do stands in templates/launchers/; here each gets its name, the
 * texts of its faults and the line ends of its system.
 */
import type { Workbench } from "../workbench/model.ts";
import type { Assets } from "./assets.ts";
import { type PlannedFile, textFile } from "./planned-file.ts";
import { renderTemplate, templateText } from "./template.ts";

const LAUNCHERS = [
  { file: "Start", verb: "start", about: "Starts the workbench of this folder and opens it in the browser." },
  { file: "Stop", verb: "stop", about: "Stops the workbench of this folder. Everything in it is kept." },
  { file: "Status", verb: "status", about: "Says whether the workbench of this folder is running, and where." },
  {
    file: "Check",
    verb: "check",
    about: "Looks whether this computer is ready for the workbench. It changes nothing.",
  },
  {
    file: "Reset",
    verb: "reset",
    about: "Deletes the virtual machine of this folder, after asking and saving what is inside. Notebooks are kept.",
  },
  { file: "Save-a-report", verb: "report", about: "Writes a report for the IT desk, without names and secrets." },
] as const;

/** The faults that launchers tell themselves; all others are told by the Ruby beside the Vagrantfile. */
const FAULTS = [
  ...["inside-zip", "network-path", "cloud-folder", "incomplete", "not-writable"],
  ...["vagrant-missing", "no-home", "unknown"],
];

/** A fault of templates/vagrant/faults.json, as a launcher tells it. */
interface Told {
  id: string;
  code: string;
  sentences: readonly string[];
  /** The exit code, which is notebox's own for such a fault. */
  exit: number;
}

export function planLaunchers(workbench: Workbench, assets: Assets): PlannedFile[] {
  const { name, title } = workbench;
  const read = (file: string): string => templateText(assets, `launchers/${file}`);
  const all = readFaults(templateText(assets, "vagrant/faults.json"));
  const faults = FAULTS.map((id) => told(all, id));
  const [zip, network, incomplete] = ["inside-zip", "network-path", "incomplete"].map((id) => told(all, id));
  const data = { name, title, faults, zip, network, incomplete };
  const render = (file: string, fault: string, more: object = {}): string =>
    renderTemplate(read(file), { ...data, ...more }, { fault: read(fault) });
  const bash = (file: string, more?: object): string => render(file, "fault.sh.hbs", more);
  const batch = (file: string, more?: object): string => render(file, "fault.cmd.hbs", more).replaceAll("\n", "\r\n");

  const shared = ["begin", "home", "run"].flatMap((part) => [
    textFile(`launchers/${part}.cmd`, batch(`${part}.cmd.hbs`)),
    textFile(`launchers/${part}.sh`, bash(`${part}.sh.hbs`)),
  ]);
  const files = LAUNCHERS.flatMap((launcher) => {
    const words = launcher.file.replaceAll("-", " ");
    const entry = renderTemplate(read("desktop.hbs"), { ...data, ...launcher, words });
    return [
      textFile(`${launcher.file}.cmd`, batch("launcher.cmd.hbs", launcher)),
      textFile(`${launcher.file}.command`, bash("launcher.command.hbs", launcher)),
      textFile(`${launcher.file}.sh`, bash("launcher.sh.hbs", launcher)),
      { ...textFile(`${launcher.file}.desktop`, entry), executable: true },
    ];
  });
  return [...files, ...shared, textFile("launchers/fail.cmd", batch("fail.cmd.hbs"))];
}

interface Table {
  exits: Readonly<Record<string, number>>;
  faults: readonly { id: string; code: string; exit: string; sentences: readonly string[] }[];
}

function readFaults(text: string): Table {
  return JSON.parse(text) as Table;
}

/** Launchers find out nothing that could stand in a sentence, so each `{name|words}` becomes its words. */
function told({ exits, faults }: Table, id: string): Told {
  const fault = faults.find((one) => one.id === id);
  const exit = fault && exits[fault.exit];
  if (fault === undefined || exit === undefined) throw new Error(`templates/vagrant/faults.json lacks ${id}`);
  const sentences = fault.sentences.map((sentence) => sentence.replace(/\{[a-z]+\|([^}]*)\}/g, "$1"));
  return { id, code: fault.code, sentences, exit };
}
