/**
 * `init`: writes a workbench that starts as it is, from one of the examples. Questions are asked only where somebody
 * can answer, and each has a flag. Everything is made ready and checked before the first byte is written.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { type Problem, UserError } from "../errors.ts";
import { type BroughtIn, bringIn, type ImportLine } from "../import/bring-in.ts";
import type { Deps } from "../ports.ts";
import { type Lack, lackOf } from "../services/index.ts";
import { doorComplaint } from "../workbench/box-values.ts";
import { FILE_NAME } from "../workbench/file.ts";
import { workbenchJsonSchemaText } from "../workbench/json-schema.ts";
import { loadWorkbench } from "../workbench/load.ts";
import { titleComplaint } from "../workbench/schema.ts";
import { starterText, titleFrom } from "../workbench/starter.ts";
import type { Complaint } from "../workbench/units.ts";
import { nameComplaint, nameFrom } from "../workbench/values.ts";
import { isPlain } from "../workbench/yaml-text.ts";
import { type Content, type NewFile, writeNew } from "./write-new.ts";

export interface InitOptions {
  folder: string;
  dir?: string;
  template?: string;
  /** A folder, a zip or a git repository's address, instead of a template. */
  from?: string;
  name?: string;
  title?: string;
  share?: readonly string[];
  force?: boolean;
}

export interface InitResult {
  folder: string;
  template?: string;
  /** What was brought in from where, line by line. */
  from?: string;
  lines?: readonly ImportLine[];
  name: string;
  title: string;
  box: { name: string; version?: string; shares: readonly string[] };
  /** The day on which the public registry stops, for a box that comes from there. */
  registryCloses?: string;
  /** Whether that day has come. */
  registryClosed?: boolean;
  /** What somebody has to provide before `up` can start a service; left out where nothing is missing. */
  lacks?: readonly ({ service: string } & Lack)[];
  files: NewFile[];
}

/** The box that `box build` makes and that shares hold. */
const SHARED_BOX = "notebox/debian-13";

/** What each template copies from the example of the same name, beside its workbench.yaml. */
const TEMPLATES: Readonly<Record<string, { says: string; files: readonly string[] }>> = {
  hello: {
    says: "Jupyter, and a first notebook that answers over HTTP",
    files: ["notebooks/welcome.ipynb", "api/hello.ipynb"],
  },
  api: {
    says: "a notebook as an API for a page of a learning platform",
    files: ["notebooks/explore.ipynb", "api/marks.ipynb"],
  },
  scotch: {
    says: "an API that recommends whiskies from a small table",
    files: ["api/scotch.ipynb", "api/whiskies.csv"],
  },
  activity: {
    says: "an API that counts the clicks on a course page's links, and such a page",
    files: ["api/activity.ipynb", "api/clicks.csv", "page/course.html"],
  },
  tm351: {
    says: "Jupyter, OpenRefine, PostgreSQL and MongoDB, with a notebook that tries them all",
    files: ["notebooks/install-test.ipynb"],
  },
};

const GITIGNORE =
  "# Made by notebox and Vagrant on each computer.\n.notebox/\n.vagrant/\nbackups/\n.ipynb_checkpoints/\n";

/** Throws UserError `usage` for unfit answers, `refused` when there is a workbench already. */
export async function init(deps: Deps, given: InitOptions): Promise<InitResult> {
  const folder = path.resolve(given.folder, given.dir ?? ".");
  // On the command line ./boxes means the folder there; in the file a door must mean the same to everybody.
  const share = given.share?.map((door) => (/^\.{1,2}([/\\]|$)/.test(door) ? path.resolve(given.folder, door) : door));
  const options = share === undefined ? given : { ...given, share };
  refuseUnfit(options);
  await refuseOccupied(folder, options.force ?? false);
  const brought = options.from === undefined ? undefined : await bringIn(deps, options.from, given.folder);
  try {
    return await fill(deps, folder, options, brought);
  } finally {
    await brought?.close();
  }
}

async function fill(deps: Deps, folder: string, options: InitOptions, brought?: BroughtIn): Promise<InitResult> {
  const { template, name, title, shares } = await answers(deps, folder, options, brought);
  const publicBox = await readPublicBox(deps.assets);
  const box =
    shares.length > 0 ? { name: SHARED_BOX, shares } : { name: publicBox.name, version: publicBox.version, shares };
  const plan = new Map<string, Content>();
  if (brought === undefined) {
    const example = path.join(deps.assets, "examples", template);
    plan.set(FILE_NAME, starterText(await fs.readFile(path.join(example, FILE_NAME), "utf8"), { name, title, box }));
    for (const file of TEMPLATES[template]?.files ?? [])
      plan.set(file, await fs.readFile(path.join(example, ...file.split("/"))));
  } else {
    plan.set(FILE_NAME, brought.workbenchText({ name, title, box }));
    for (const { to, file } of brought.files) plan.set(to, () => file.read());
  }
  plan.set(".gitignore", GITIGNORE);
  plan.set(".notebox/workbench.schema.json", workbenchJsonSchemaText());
  const files = await writeNew(folder, plan);
  const { registryCloses } = publicBox;
  const registryClosed = deps.clock.now() >= Date.parse(registryCloses);
  const registry = shares.length > 0 ? {} : { registryCloses, registryClosed };
  const { services } = await loadWorkbench(folder, { files: false });
  const lacks = services.flatMap((one) => {
    const lack = lackOf(one);
    return lack === undefined ? [] : [{ service: one.name, ...lack }];
  });
  const origin = brought === undefined ? { template } : { from: options.from ?? "", lines: brought.lines };
  return { folder, ...origin, name, title, box, ...registry, ...(lacks.length === 0 ? {} : { lacks }), files };
}

function refuseUnfit(options: InitOptions): void {
  const problems: Problem[] = [];
  const look = (flag: string, value: string | undefined, check: (value: string) => Complaint | undefined): void => {
    const complaint = value === undefined ? undefined : check(value);
    if (!complaint) return;
    const { message, hint } = complaint;
    problems.push({ id: "bad-value", message: `${flag} ${message}.`, value, ...(hint === undefined ? {} : { hint }) });
  };
  look("--name", options.name, nameComplaint);
  look("--title", options.title, titleComplaint);
  look("--from", options.from, fromComplaint);
  for (const share of options.share ?? []) look("--share", share, doorComplaint);
  if (options.template !== undefined && !Object.hasOwn(TEMPLATES, options.template)) {
    const hint = `Templates: ${Object.keys(TEMPLATES).join(", ")}.`;
    problems.push({ id: "bad-value", message: "--template is not known.", value: options.template, hint });
  }
  if (options.template !== undefined && options.from !== undefined)
    problems.push({ id: "bad-value", message: "--template and --from exclude each other.", value: options.from });
  if (problems.length === 0) return;
  throw new UserError({ code: "usage", message: "The workbench cannot be written like this:", problems });
}

/** Without this, nothing would mean the folder in which notebox runs. */
function fromComplaint(from: string): Complaint | undefined {
  if (from.trim() !== "") return undefined;
  return {
    message: "is empty",
    hint: "Name a folder (. is this one), a zip, or a git repository's address that begins with https://.",
  };
}

async function refuseOccupied(folder: string, force: boolean): Promise<void> {
  const stats = await fs.stat(folder).catch(() => undefined);
  if (stats && !stats.isDirectory()) {
    throw new UserError({ code: "usage", message: `${folder} is a file.`, hint: "Name a folder, or one to be made." });
  }
  const there = await fs.lstat(path.join(folder, FILE_NAME)).catch(() => undefined);
  if (there?.isDirectory()) {
    throw new UserError({
      code: "refused",
      message: `${path.join(folder, FILE_NAME)} is a folder.`,
      hint: "Rename it.",
    });
  }
  if (there === undefined || force) return;
  throw new UserError({
    code: "refused",
    message: `There is a workbench in ${folder} already.`,
    hint: `Name another folder, or use --force: it writes a new ${FILE_NAME} and keeps the notebooks that are there.`,
  });
}

async function answers(deps: Deps, folder: string, options: InitOptions, brought?: BroughtIn) {
  const { prompts } = deps;
  const ask = prompts.interactive;
  const template =
    options.template ??
    (ask && brought === undefined
      ? await prompts.select({
          message: "What shall it start from?",
          options: Object.entries(TEMPLATES).map(([value, { says }]) => ({ value, label: value, hint: says })),
        })
      : "hello");
  const guess = nameFrom(path.basename(folder));
  const fit = (name: string | undefined): name is string => name !== undefined && nameComplaint(name) === undefined;
  const guesses = [guess, brought && nameFrom(brought.name)];
  const initialName = guesses.find(fit) ?? `${template}-workbench`;
  const question = (check: (value: string) => Complaint | undefined) => (value: string) => {
    const complaint = check(value);
    return complaint && `This ${complaint.message}. ${complaint.hint ?? ""}`.trim();
  };
  const name =
    options.name ??
    (ask
      ? await prompts.text({
          message: "A short name (a-z, 0-9 and -)",
          initial: initialName,
          validate: question(nameComplaint),
        })
      : initialName);
  // The folder's own name keeps its umlauts.
  const own = titleFrom(path.basename(folder).trim());
  const initialTitle = name === guess && isPlain(own) && titleComplaint(own) === undefined ? own : titleFrom(name);
  const title =
    options.title ??
    (ask
      ? await prompts.text({
          message: "The name that people read",
          initial: initialTitle,
          validate: question(titleComplaint),
        })
      : initialTitle);
  return { template, name, title, shares: options.share ?? (ask ? await askShare(deps, question(doorComplaint)) : []) };
}

async function askShare(deps: Deps, validate: (value: string) => string | undefined): Promise<string[]> {
  const door = await deps.prompts.text({
    message: "The share with boxes: a folder, //server/share or an address (empty: the public registry)",
    initial: "",
    validate: (value) => (value === "" ? undefined : validate(value)),
  });
  return door === "" ? [] : [door];
}

interface PublicBox {
  name: string;
  version: string;
  registryCloses: string;
}

async function readPublicBox(assets: string): Promise<PublicBox> {
  return JSON.parse(await fs.readFile(path.join(assets, "boxes", "public.json"), "utf8")) as PublicBox;
}
