/**
 * The launchers: files to double-click that start, stop, look at or reset the workbench, for Windows, macOS and Linux,
 * and launchers/, the part that they share. What they do stands in templates/launchers/; here each gets its name, the
 * texts of its faults and the line ends of its system.
 */
import beginCmd from "../../templates/launchers/begin.cmd.hbs";
import beginSh from "../../templates/launchers/begin.sh.hbs";
import desktopEntry from "../../templates/launchers/desktop.hbs";
import failCmd from "../../templates/launchers/fail.cmd.hbs";
import faultCmd from "../../templates/launchers/fault.cmd.hbs";
import faultSh from "../../templates/launchers/fault.sh.hbs";
import homeCmd from "../../templates/launchers/home.cmd.hbs";
import homeSh from "../../templates/launchers/home.sh.hbs";
import launcherCmd from "../../templates/launchers/launcher.cmd.hbs";
import launcherCommand from "../../templates/launchers/launcher.command.hbs";
import launcherSh from "../../templates/launchers/launcher.sh.hbs";
import runCmd from "../../templates/launchers/run.cmd.hbs";
import runSh from "../../templates/launchers/run.sh.hbs";
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
  const all = readFaults(templateText(assets, "vagrant/faults.json"));
  const faults = FAULTS.map((id) => told(all, id));
  const [zip, network, incomplete] = ["inside-zip", "network-path", "incomplete"].map((id) => told(all, id));
  const data = { name, title, faults, zip, network, incomplete };
  const bash = (template: TemplateSpecification, more: object = {}): string =>
    renderTemplate(template, { ...data, ...more }, { fault: faultSh });
  const batch = (template: TemplateSpecification, more: object = {}): string =>
    renderTemplate(template, { ...data, ...more }, { fault: faultCmd }).replaceAll("\n", "\r\n");

  const shared = [
    textFile("launchers/begin.cmd", batch(beginCmd)),
    textFile("launchers/begin.sh", bash(beginSh)),
    textFile("launchers/home.cmd", batch(homeCmd)),
    textFile("launchers/home.sh", bash(homeSh)),
    textFile("launchers/run.cmd", batch(runCmd)),
    textFile("launchers/run.sh", bash(runSh)),
  ];
  const files = LAUNCHERS.flatMap((launcher) => {
    const words = launcher.file.replaceAll("-", " ");
    const entry = renderTemplate(desktopEntry, { ...data, ...launcher, words });
    return [
      textFile(`${launcher.file}.cmd`, batch(launcherCmd, launcher)),
      textFile(`${launcher.file}.command`, bash(launcherCommand, launcher)),
      textFile(`${launcher.file}.sh`, bash(launcherSh, launcher)),
      { ...textFile(`${launcher.file}.desktop`, entry), executable: true },
    ];
  });
  return [...files, ...shared, textFile("launchers/fail.cmd", batch(failCmd))];
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
