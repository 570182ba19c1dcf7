/**
 * Which proxy, if any, a URL goes through, by the usual environment variables. Pure; got.ts does the talking.
 * The variables are those of curl: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`, in either case
 * (https://everything.curl.dev/usingcurl/proxies/env.html).
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** True for this computer itself: localhost, 127.0.0.0/8 and ::1. Never reached through a proxy. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  return host === "localhost" || host.endsWith(".localhost") || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The proxy for this URL, or undefined when it is to be asked directly. */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  if (isLoopback(url.hostname) || isExempt(url, read(env, "no_proxy"))) return undefined;
  const named = read(env, url.protocol === "https:" ? "https_proxy" : "http_proxy") ?? read(env, "all_proxy");
  if (named === undefined) return undefined;
  // "proxy.example.edu:3128" parses as a URL with the scheme "proxy.example.edu:", hence the look at "://".
  return parsed(named.includes("://") ? named : `http://${named}`);
}

function parsed(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function read(env: Environment, name: string): string | undefined {
  const value = env[name] ?? env[name.toUpperCase()];
  return value === undefined || value.trim() === "" ? undefined : value.trim();
}

function isExempt(url: URL, noProxy: string | undefined): boolean {
  const host = url.hostname.toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return (noProxy ?? "").split(/[\s,]+/).some((entry) => {
    if (entry === "") return false;
    if (entry === "*") return true;
    const match = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase());
    const name = (match?.[1] ?? "").replace(/^\*?\./, "");
    if (match?.[2] !== undefined && match[2] !== port) return false;
    return name !== "" && (host === name || host.endsWith(`.${name}`));
  });
}
