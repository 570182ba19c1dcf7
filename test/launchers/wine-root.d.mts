export function wineRoot(): string | undefined;
export function ensureWineRoot(say: (text: string) => void): string;
export function ensureNodeExe(say: (text: string) => void): string;
export function runWine(
  root: string,
  work: string,
  args: string[],
  options?: { cwd?: string; env?: Record<string, string>; timeoutMs?: number; input?: string },
): Promise<{ code: number | null; output: string; timedOut: boolean }>;
