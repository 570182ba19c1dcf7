/** Why a server could not be reached, in words for people. Which errors are such faults is the adapters' to know. */
import { UserError } from "../errors.ts";

export interface Asked {
  url: URL;
  proxy: URL | undefined;
  /** How long an answer was waited for. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** `why` stands for the reason where the error itself does not know it. The query is left out: a token may stand there. */
export function unreachable(error: Error, code: string, { url, proxy, timeoutMs, signal }: Asked, why?: string) {
  if (signal?.aborted) return new UserError({ code: "interrupted", message: "Interrupted.", cause: error });
  const where = `${url.origin}${url.pathname}`;
  const through = proxy === undefined ? "" : ` through the proxy ${proxy.host}`;
  return new UserError({
    code: "unreachable",
    message: `${where} cannot be reached${through}: ${why ?? reason(code, error, timeoutMs)}.`,
    hint: hint(code, proxy),
    cause: error,
  });
}

function reason(code: string, error: Error, timeoutMs: number): string {
  const words: Record<string, string> = {
    ECONNREFUSED: "nothing listens there (connection refused)",
    ECONNRESET: "the connection was cut",
    ERR_STREAM_PREMATURE_CLOSE: "the connection was cut",
    ECONNABORTED: "the connection was cut",
    EPIPE: "the connection was cut before an answer came",
    ENOTFOUND: "there is no host of that name",
    EAI_AGAIN: "the name cannot be looked up just now",
    EHOSTUNREACH: "there is no route to that host",
    ENETUNREACH: "there is no route to that network",
    ETIMEDOUT: `no answer within ${timeoutMs / 1000} s`,
    DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
    SELF_SIGNED_CERT_IN_CHAIN: "its certificate comes from an authority that is not trusted here",
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate comes from an authority that is not trusted here",
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate comes from an authority that is not trusted here",
    CERT_HAS_EXPIRED: "its certificate has expired",
    ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  };
  return words[code] ?? error.message.replace(/\.$/, "");
}

function hint(code: string, proxy: URL | undefined): string {
  if (/CERT|SIGNATURE/.test(code))
    return "Put your organisation's certificates into a PEM file and set NODE_EXTRA_CA_CERTS to its path.";
  if (proxy !== undefined) return "Check the proxy (http_proxy, https_proxy, no_proxy), then try again.";
  return "Check the address and the network, then try again.";
}
