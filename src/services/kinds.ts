/**
 * The list of all kinds of service, by name. It is empty here: scripts/lib/kinds.mjs puts each file of kinds/ into it when
 * src/ is bundled or tested, so that a new kind changes no line of what is there.
 */
import type { ServiceKind } from "./kind.ts";

export const KINDS: readonly ServiceKind[] = [];
