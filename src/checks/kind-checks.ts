/**
 * What a kind of service gets to ask its questions with, and what it gives back: the seam between verify-list.ts and the
 * kinds in src/services. The questions that every service is asked are in service-checks.ts.
 */
import type { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import type { AnyService } from "../services/kind.ts";
import type { Asked } from "./ask-guest.ts";
import type { Check } from "./check.ts";
import type { NotebookFile } from "./gateway-list.ts";
import type { NotebookKernel } from "./notebook-kernel.ts";

export type VerifyDeps = Pick<Deps, "ssh" | "http" | "webSockets" | "processes" | "clock" | "signal" | "platform">;

export interface ServiceContext<S extends AnyService = AnyService> {
  deps: VerifyDeps;
  service: S;
  /** Its systemd unit, such as kernel-gateway@marks.service. */
  unit: string;
  /** Its address on this computer, with a slash at the end. Throws UserError `unreachable` where it has none. */
  url(): string;
  /** Its token, once the guest has told it. */
  token(): string;
  /** All that the guest has told; only for checks that need `guest`. */
  told(): Asked;
  /**
   * What a question to the service needs, and what would explain its failure: to spread into a check. Other checks of the
   * same kind may be added to either.
   */
  outside: Pick<Check, "needs" | "suspects">;
  /** What a service needs to start at all. */
  ground: readonly string[];
  /** A kernel as notebooks have it; one a round, for all who ask. Undefined where the workbench has no Jupyter. */
  kernel: NotebookKernel | undefined;
  /** Its API notebook as it lies on this computer, or why it cannot be read; undefined where it has none. */
  notebook: NotebookFile | UserError | undefined;
  /** Whether what may change something is asked, too. */
  includeWrites: boolean;
}

export interface KindChecks {
  /** What would explain that the service does not run; asked before everything else of it. */
  before?: readonly Check[];
  /** Asked of the running service. */
  checks?: readonly Check[];
  /** What needs the checks of other services: asked after all of those. */
  after?: readonly Check[];
  /** Ends what these checks have opened. */
  close?(): Promise<void>;
}
