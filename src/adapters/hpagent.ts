/** How a request looks that goes through a proxy: plainly, or in a tunnel made by hpagent. Which proxy is proxy-choice.ts's. */
import http from "node:http";
import https from "node:https";

/**
 * Plain http is asked with the whole URL in the request line (RFC 9112 §3.2.2), as curl does: many proxies refuse
 * CONNECT to any port but 443, and CONNECT is all that hpagent knows.
 */
export function askProxy(
  target: URL,
  proxy: URL,
  { method = "GET", headers }: Pick<http.RequestOptions, "method" | "headers">,
  callback?: (response: http.IncomingMessage) => void,
): http.ClientRequest {
  const module = proxy.protocol === "https:" ? https : http;
  return module.request(
    {
      method,
      host: proxy.hostname.replace(/^\[|\]$/g, ""),
      port: proxy.port || (proxy.protocol === "https:" ? 443 : 80),
      path: target.href,
      headers: { ...headers, host: target.host, ...authorization(proxy) } as http.OutgoingHttpHeaders,
      agent: false,
    },
    callback,
  );
}

/** For https: a tunnel through the proxy. */
export async function tunnel(proxy: URL): Promise<https.Agent> {
  const { HttpsProxyAgent } = await import("hpagent");
  return new HttpsProxyAgent({ proxy, keepAlive: false });
}

function authorization(proxy: URL): Record<string, string> {
  if (proxy.username === "" && proxy.password === "") return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}
