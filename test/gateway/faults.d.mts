export interface Provoked {
  name: string;
  passed: boolean;
  seen: string;
  seconds: number;
  nextSeconds: number;
}

export interface ProvokeOptions {
  url: string;
  token: string;
  /** The service's. */
  timeoutSeconds: number;
  /** How soon the next request has to work; 15 s. */
  nextSeconds?: number;
  /** Faults whose name holds this text. */
  only?: string;
  /** Called after a fault that was not stood. */
  restart?: () => Promise<void>;
  onResult?: (result: Provoked) => void;
}

/** The notebook that the gateway serves. */
export const NOTEBOOK: string;
export const FAULTS: readonly { name: string; send: string }[];
export function provokeFaults(options: ProvokeOptions): Promise<Provoked[]>;
