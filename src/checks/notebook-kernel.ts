/**
 * One Python kernel of the workbench's Jupyter, as notebooks have it, for all checks of a round that want to know what a
 * notebook can do. It starts when it is first asked; what it is asked runs one after the other.
 */
import { UserError } from "../errors.ts";
import { type JupyterDeps, type JupyterTarget, type OwnKernel, startKernel } from "../jupyter/client.ts";
import type { Run } from "../jupyter/messages.ts";

export interface NotebookKernel {
  /** The checks that have to pass before a kernel can be had. */
  needs: readonly string[];
  /** Runs Python code; what it printed is in `text`. Throws UserError `unreachable` when the kernel gives no answer. */
  run(code: string): Promise<Run>;
  /** Ends it if it was started; never throws. */
  close(): Promise<void>;
}

/** A VM in software emulation needs up to half a minute for a kernel's first answer. */
const KERNEL_MS = 120_000;

export function notebookKernel(
  deps: JupyterDeps,
  target: () => JupyterTarget,
  needs: readonly string[],
): NotebookKernel {
  let kernel: Promise<OwnKernel> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return {
    needs,
    async run(code) {
      kernel ??= startKernel(deps, target(), "python3", KERNEL_MS);
      const started = await kernel;
      const run = last.then(() => started.run(code));
      last = run.catch(() => {});
      return await run;
    },
    async close() {
      const started = await kernel?.catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
        return undefined;
      });
      await last;
      await started?.close();
    },
  };
}
