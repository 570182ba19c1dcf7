/**
 * What an answer of a route is worth: fine, a hang, a failure or a wrong answer; each said in another way, with the
 * cell and how to mend it. Pure; who asks is route-checks.ts.
 */
import { type ExampleRequest, hasExample } from "../notebooks/example-request.ts";
import type { Route } from "../notebooks/routes.ts";
import type { HttpResponse } from "../ports.ts";
import { field, isJson, object, reasonOf, told } from "./http-answer.ts";

export type Fault = "hangs" | "fails" | "answers wrongly";

export interface Verdict {
  /** Undefined: it is as it should be. */
  fault?: Fault;
  /** It was not this route that answered. */
  elsewhere?: boolean;
  /** "200 in 0.1 s"; of a fault what is wrong. */
  seen: string;
  expected: string;
  hint: string;
}

export interface Setting {
  /** Of the service. */
  service: string;
  timeoutSeconds: number;
  /** In the workbench folder. */
  notebook: string;
}

/** No answer at all, for longer than the gateway itself lets a request take. */
export function silent(route: Route, { timeoutSeconds, service, notebook }: Setting, seconds: number): Verdict {
  return {
    fault: "hangs",
    seen: `no answer within ${seconds} s`,
    expected: `an answer within ${timeoutSeconds} s`,
    hint: `The service itself should have ended the request after ${timeoutSeconds} s, so it is stuck, not only ${cellOf(route)} of ${notebook}: \`notebox logs ${service}\` shows what it wrote, \`notebox ssh -- sudo systemctl restart kernel-gateway@${service}\` starts it again.`,
  };
}

/** No connection, or one that broke off. */
export function unreachable(message: string, { timeoutSeconds, service }: Setting): Verdict {
  return {
    fault: "fails",
    seen: message,
    expected: `an answer within ${timeoutSeconds} s`,
    hint: `\`notebox logs ${service}\` shows what the service wrote.`,
  };
}

export function judge(
  route: Route,
  example: ExampleRequest,
  answer: HttpResponse,
  milliseconds: number,
  setting: Setting,
): Verdict {
  const asked = example.path === route.path ? "" : ` (${example.path})`;
  const seen = `${told(answer).replace(/\.$/, "")} in ${(milliseconds / 1000).toFixed(1)} s${asked}`;
  const fine = (more = ""): Verdict => ({ seen: seen + more, expected: "", hint: "" });
  if (answer.status === 504) return hang(route, answer, asked, setting);
  if (example.status !== undefined) {
    if (answer.status === example.status)
      return notTheRoute(route, answer, seen, setting) ?? wrongJson(route, answer, seen, setting) ?? fine();
    if (answer.status < 500) return otherStatus(route, example.status, seen, setting);
  } else if (answer.status < 500) {
    return notTheRoute(route, answer, seen, setting) ?? wrongClient(route, answer, seen, setting) ?? fine();
  }
  if (isOfMadeUpValue(route, answer)) return fine(", for a made-up value");
  return failure(route, answer, seen, setting);
}

/**
 * Made-up values may be nonsense to a notebook; then an error of the cell's own is a fair answer, and in time. Of a
 * query or a body nothing is made up: what fails is then the look into it.
 */
function isOfMadeUpValue(route: Route, { body }: HttpResponse): boolean {
  if (hasExample(route) || !/^Error /.test(body)) return false;
  if (route.parameters.length > 0) return true;
  return /["'](?:args|body)["']/.test(route.source) && /^Error (?:Key|Index|Value|Type|Attribute)Error\b/.test(body);
}

function hang(route: Route, answer: HttpResponse, asked: string, { timeoutSeconds, notebook }: Setting): Verdict {
  return {
    fault: "hangs",
    seen: `504 ${reasonOf(answer) || `no answer within ${timeoutSeconds} s`}${asked}`,
    expected: `an answer within ${timeoutSeconds} s`,
    hint: `Run ${cellOf(route)} of ${notebook} in Jupyter with this request: it waits for something (input(), a network, a lock), never ends, or takes too long. Mend it, or give the service a larger timeout in workbench.yaml.`,
  };
}

function failure(route: Route, answer: HttpResponse, seen: string, { notebook, service }: Setting): Verdict {
  const info = route.responseInfoCells;
  const cells = cellOf(route, [...route.cells, ...info]);
  // The gateway's own word for what happened; an error that a cell raises is plain text.
  const hints: Readonly<Record<string, string>> = {
    "response-info": `Mend the ResponseInfo ${info.length === 1 ? `cell ${info[0]}` : `cells ${info.join(" and ")} (join them to one)`} of ${notebook}: it must print one JSON object such as {"status": 200, "headers": {}} and nothing else.`,
    "kernel-died": `Something in ${cells} of ${notebook} ends its own kernel: exit, os._exit, a crashing library, or too little memory in the VM. Take that out. \`notebox logs ${service}\` shows more.`,
    input: `Take input() out of ${cells} of ${notebook}: nobody can answer it. What the caller has to say stands in REQUEST.`,
    output: `Print less in ${cells} of ${notebook}.`,
  };
  const hint = hints[field(answer.body, "fault") ?? ""];
  return {
    ...{ fault: "fails", seen, expected: "a status below 500" },
    hint:
      hint ??
      `Run ${cells} of ${notebook} in Jupyter and mend the error that is raised. Which request to try can be said in the cell: \`# example: /path?with=values\`.`,
  };
}

/** What the gateway itself says of a request that no cell answers: this is not the notebook's route at all. */
function notTheRoute(route: Route, answer: HttpResponse, seen: string, { service }: Setting): Verdict | undefined {
  if (answer.status !== 405 && !isGatewaysOwn(answer)) return undefined;
  return {
    fault: "answers wrongly",
    elsewhere: true,
    seen,
    expected: "the route of the notebook",
    hint: `The gateway serves an older copy of the notebook, or another route hides ${route.method} ${route.path}: \`notebox verify --only served.${service}\` and \`notebox api routes\` tell.`,
  };
}

/** A notebook may say 401, 403 or 404, too: by its ResponseInfo cell, and hardly with just these two fields. */
function isGatewaysOwn({ status, body }: HttpResponse): boolean {
  const fields = Object.keys(object(body) ?? {});
  const both = field(body, "reason") !== undefined && field(body, "message") !== undefined;
  return (
    [401, 403, 404].includes(status) && both && fields.every((name) => ["reason", "message", "fault"].includes(name))
  );
}

function otherStatus(route: Route, wanted: number, seen: string, { notebook }: Setting): Verdict {
  return {
    fault: "answers wrongly",
    seen,
    expected: `${wanted}, as its example says`,
    hint: `Mend ${cellOf(route)} of ${notebook}, or the status of its example.`,
  };
}

function wrongClient(route: Route, answer: HttpResponse, seen: string, setting: Setting): Verdict | undefined {
  if (answer.status >= 400 && hasExample(route))
    return {
      fault: "answers wrongly",
      seen,
      expected: "an answer to the author's own example",
      hint: `Mend ${cellOf(route)} of ${setting.notebook} or its example; when it is meant, say so in the cell: \`# example status: ${answer.status}\`.`,
    };
  return wrongJson(route, answer, seen, setting);
}

function wrongJson(route: Route, answer: HttpResponse, seen: string, { notebook }: Setting): Verdict | undefined {
  if (!/^application\/(?:[\w.+-]*\+)?json\b/i.test(answer.headers["content-type"] ?? "")) return undefined;
  if (answer.status === 204 || answer.status === 304 || isJson(answer.body)) return undefined;
  return {
    fault: "answers wrongly",
    seen: `${seen}: called JSON, and ${answer.body.trim() === "" ? "there is no text" : "the text is not JSON"}`,
    expected: "JSON, as its Content-Type says",
    hint: `Print one json.dumps(…) in ${cellOf(route)} of ${notebook} and nothing else, or name another Content-Type in its ResponseInfo cell.`,
  };
}

/** "cell 4", "cells 4 and 6": where to look. */
export function cellOf(route: Route, cells: readonly number[] = route.cells): string {
  return cells.length === 1 ? `cell ${cells[0]}` : `cells ${cells.join(" and ")}`;
}
