/**
 * Progress on standard error: a task list by listr2 on a terminal, plain lines elsewhere, nothing when silent.
 * Commands emit events; how they look is decided here. Every event is also in the run's log.
 */
import type { ListrTaskWrapper } from "listr2";
import type { ProgressEvent, Reporter, RunLog } from "../ports.ts";
import {
  bytesText,
  createLineReporter,
  elapsed,
  type Painter,
  painter,
  wantsColor,
  withoutControls,
} from "./progress-lines.ts";

export type Style = "animated" | "lines" | "silent";

export interface ClosableReporter extends Reporter {
  /** Ends what is still shown (a step that never ended counts as failed), so that text may be printed below. */
  settle(): Promise<void>;
}

export function createReporter(options: { style: Style; log: RunLog }): ClosableReporter {
  const { log, style } = options;
  const shown = style === "animated" ? createAnimated() : style === "lines" ? createLines() : undefined;
  return {
    emit(event) {
      if (event.type !== "step-bytes") log.write("progress", { ...event });
      shown?.emit(withoutControls(event));
    },
    settle: async () => await shown?.settle(),
  };
}

function createLines(): ClosableReporter {
  const color = wantsColor(process.env, process.stderr.isTTY === true);
  const reporter = createLineReporter({
    write: (line) => process.stderr.write(`${line}\n`),
    color,
    now: () => Date.now(),
  });
  return { ...reporter, settle: async () => {} };
}

type Wrapper = ListrTaskWrapper<unknown, never, never>;

interface Step {
  title: string;
  started: number;
  task?: { title: string; output: string };
  note: string;
  end: (outcome: { failed: boolean; title: string }) => void;
  ended: Promise<{ failed: boolean; title: string }>;
}

/**
 * listr2 wants to know its tasks before it starts; a command tells its steps one after the other. So each step that
 * starts while nothing is shown opens a list of its own, and steps that start together share one.
 */
function createAnimated(): ClosableReporter {
  const paint = painter(wantsColor(process.env, true));
  const steps = new Map<string, Step>();
  // listr2 hides the cursor while it draws; a program that is ended in the middle must not leave it so.
  process.once("exit", () => process.stderr.write("\u001b[?25h"));
  let waiting: Step[] = [];
  let lists: Promise<void> = Promise.resolve();
  let scheduled = false;

  const show = (): void => {
    if (scheduled) return;
    scheduled = true;
    lists = lists.then(async () => {
      // Steps that are started in the same tick stand side by side.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = waiting;
      waiting = [];
      scheduled = false;
      if (batch.length > 0) await showList(batch, paint);
    });
  };
  const say = (line: string): void => {
    lists = lists.then(() => {
      process.stderr.write(`${line}\n`);
    });
  };
  const end = (id: string, failed: boolean, note?: string): void => {
    const step = steps.get(id);
    if (step === undefined) return;
    steps.delete(id);
    const time = paint.dim(elapsed(Date.now() - step.started));
    step.end({ failed, title: `${step.title}  ${time}${note ? paint.dim(`  ${note}`) : ""}` });
  };
  const note = (id: string, text: string): void => {
    const step = steps.get(id);
    if (step === undefined) return;
    step.note = text;
    if (step.task !== undefined) step.task.output = text;
  };

  return {
    emit(event: ProgressEvent) {
      switch (event.type) {
        case "step-start": {
          const step = newStep(event.title);
          steps.set(event.id, step);
          waiting.push(step);
          show();
          return;
        }
        case "step-note":
          note(event.id, event.note);
          return;
        case "step-bytes":
          note(event.id, bytesText(event.done, event.total));
          return;
        case "step-done":
          end(event.id, false, event.note);
          return;
        case "step-skipped":
          say(paint.dim(`- ${event.title}: ${event.note}`));
          return;
        case "step-failed":
          end(event.id, true);
          for (const line of event.lastLines ?? []) say(paint.dim(`    ${line}`));
          return;
        case "say":
          // Text can only be printed between lists; meanwhile it stands under the steps that run.
          for (const id of steps.keys()) note(id, event.text);
          say(event.level === "warning" ? paint.yellow(`! ${event.text}`) : event.text);
      }
    },
    async settle() {
      for (const id of [...steps.keys()]) end(id, true);
      await lists;
    },
  };
}

function newStep(title: string): Step {
  let end: Step["end"] = () => {};
  const ended = new Promise<{ failed: boolean; title: string }>((resolve) => {
    end = resolve;
  });
  return { title, started: Date.now(), note: "", end, ended };
}

async function showList(batch: readonly Step[], paint: Painter): Promise<void> {
  const { Listr, ListrLogger, ProcessOutput } = await import("listr2");
  const output = new ProcessOutput(process.stderr, process.stderr, { leaveEmptyLine: false });
  const logger = new ListrLogger({ processOutput: output, useIcons: true });
  const list = new Listr<unknown, "default", "default">(
    batch.map((step) => ({
      title: step.title,
      task: async (_context: unknown, task: unknown) => await follow(step, task as Wrapper, paint),
    })),
    {
      concurrent: true,
      exitOnError: false,
      registerSignalListeners: false,
      renderer: "default",
      fallbackRendererCondition: false,
      rendererOptions: { logger, collapseErrors: false, showErrorMessage: false },
    },
  );
  await list.run();
}

async function follow(step: Step, task: Wrapper, paint: Painter): Promise<void> {
  step.task = task;
  if (step.note !== "") task.output = step.note;
  const tick = setInterval(() => {
    task.title = `${step.title}  ${paint.dim(elapsed(Date.now() - step.started))}`;
  }, 1000);
  const outcome = await step.ended;
  clearInterval(tick);
  task.title = outcome.title;
  if (outcome.failed) throw new Error(outcome.title);
}
