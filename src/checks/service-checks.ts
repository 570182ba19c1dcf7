/**
 * What verify asks about one service inside the guest: its token, its port, its unit, its socket. Pure: each
 * function judges what the probe has told. Whether it answers over HTTP is asked in http-checks.ts.
 */
import type { Asked } from "./ask-guest.ts";
import { type Answer, failed, passed } from "./check.ts";
import { section, socketText } from "./guest-checks.ts";

export interface ServiceNames {
  name: string;
  /** Its systemd unit, such as kernel-gateway@marks.service. */
  unit: string;
  /** Where it listens in the VM; 0 where it does not, or only its kind knows. */
  port: number;
  /** Whether this computer reaches it there; else it listens on the VM's loopback address alone. */
  reached: boolean;
}

/** A unit that restarted this recently may be in a loop. */
const SETTLED_SECONDS = 30;
const SHORTEST_TOKEN = 22; // 128 bits in base64

export function token({ answer }: Asked, { name }: ServiceNames): Answer {
  const path = `/var/lib/notebox/tokens/${name}`;
  const make =
    "`notebox ssh -- sudo systemctl restart notebox-tokens` makes a new one and restarts the services; then `notebox up`, so that `notebox open` knows it.";
  return section(answer.tokens, "tokens", answer, (tokens) => {
    const found = tokens[name];
    if (found === null || found === undefined)
      return failed(`${path} is not there`, "the token that was made at the first start", make);
    if (found.value.trim() !== found.value || found.value.length < SHORTEST_TOKEN)
      return failed(
        `${path} holds ${found.value.length} characters`,
        "one word of 128 bits or more and nothing else",
        `Delete it (\`notebox ssh -- sudo rm ${path}\`); ${make}`,
        { passing: false },
      );
    if (found.uid !== 0 || (found.mode & 0o077) !== 0)
      return failed(
        `${path} belongs to uid ${found.uid}, mode ${found.mode.toString(8)}`,
        "root's, mode 600",
        `Whoever can read it can run code in the VM. Delete it (\`notebox ssh -- sudo rm ${path}\`); ${make}`,
        { passing: false },
      );
    return passed(`${found.value.length} characters, root's alone`);
  });
}

/** Nobody else sits on the port: the commonest reason why a service starts over and over. */
export function port({ answer }: Asked, { unit, port }: ServiceNames): Answer {
  return section(answer.sockets, "sockets", answer, (sockets) => {
    const there = sockets.filter((socket) => socket.protocol === "tcp" && socket.port === port);
    // Whose process could not be found out is not blamed: it ended while it was looked at.
    const others = there.filter((socket) => socket.unit !== unit && socket.pid !== null);
    if (others.length > 0)
      return failed(
        others
          .map((socket) => `${socketText(socket)}${socket.pid === null ? "" : `, process ${socket.pid}`}`)
          .join("; "),
        `port ${port} in the VM free for ${unit}`,
        `End that program in the VM${others[0]?.pid === null ? "" : ` (\`notebox ssh -- sudo kill ${others[0]?.pid}\`)`}, or give the service another port in workbench.yaml.`,
      );
    return passed(there.length > 0 ? `held by ${unit}` : "free");
  });
}

/** Which checks can explain that a service does not run, where the evidence says more than "whatever it needs". */
interface Explanations {
  /** It ended as if asked to: folders that it cannot start without, and the token. */
  stopped: readonly string[];
  /** A cell of its notebook failed at the start. */
  cell: readonly string[];
}

export function running({ answer }: Asked, { name, unit }: ServiceNames, explain: Explanations): Answer {
  return section(answer.units, "units", answer, (units) => {
    const state = units[unit];
    const details = (answer.journals?.[unit] ?? []).slice(-6);
    const restart = `\`notebox ssh -- sudo systemctl restart ${unit}\``;
    const fail = (seen: string, hint: string, suspects?: readonly string[]) =>
      failed(seen, "active and not restarting", hint, { details, ...(suspects === undefined ? {} : { suspects }) });
    if (state === undefined || state.load === "not-found")
      return fail(`there is no unit ${unit}`, "Run `notebox up`: provisioning makes it.", ["provisioned"]);
    if (state.load === "masked")
      return fail(
        `${unit} is masked`,
        `Somebody forbade it to start: \`notebox ssh -- sudo systemctl unmask --now ${unit}\`.`,
        [],
      );
    const since = state.activeSeconds ?? 0;
    const own = ownWord(answer, name, unit);
    if (own !== undefined && (state.active !== "active" || (state.restarts > 0 && since < SETTLED_SECONDS)))
      return fail(own.message, own.hint, own.cell === null ? undefined : explain.cell);
    if (state.active === "active") {
      if (state.restarts > 0 && since < SETTLED_SECONDS)
        return fail(
          `restarted ${times(state.restarts)}, last ${Math.round(since)} s ago`,
          `Wait half a minute and ask again; \`notebox logs ${name}\` shows why it ended.`,
        );
      const restarts = state.restarts > 0 ? `, restarted ${times(state.restarts)} before` : "";
      return passed(`active for ${duration(since)}${restarts}`);
    }
    const logs = `\`notebox logs ${name}\` shows more.`;
    if (state.sub === "auto-restart" || state.result !== "success")
      return fail(
        `${state.active} (${state.sub}): ${ending(state.result, state.exit)}, restarted ${times(state.restarts)}`,
        `The last lines it wrote say why; ${logs} After a repair: ${restart}.`,
      );
    if (state.active === "activating") return fail(`still starting (${state.sub})`, `Wait and ask again; ${logs}`);
    // It ended as if asked to. Only a folder that went away can have asked, or a person: not a full disk.
    const idle = state.inactiveSeconds === null ? "it has never run" : `for ${duration(state.inactiveSeconds)}`;
    return fail(`${state.active} (${state.sub}) ${idle}; it was stopped`, `Start it: ${restart}.`, explain.stopped);
  });
}

/**
 * Why a service ended, in its own words: the file in which a gateway keeps its trouble; or else what it wrote to the
 * journal before it could, in one line that begins `notebox: NAME: `.
 */
function ownWord(answer: Asked["answer"], name: string, unit: string) {
  const head = `notebox: ${name}: `;
  const line = answer.journals?.[unit]?.findLast((each) => each.startsWith(head))?.slice(head.length);
  const told = answer.said?.[name];
  const message = told !== undefined && !told.serving ? told.message : line;
  if (message === undefined || message.startsWith("serves ")) return undefined;
  const cell = told !== undefined && !told.serving ? told.cell : null;
  const again = `the service starts again by itself within seconds. \`notebox logs ${name}\` shows more.`;
  const hint =
    cell === null
      ? `Put that right; ${again}`
      : `Mend cell ${cell} in Jupyter (a fresh kernel, from top to bottom) and save the notebook; ${again}`;
  return { message, cell, hint };
}

/** It listens where the host's port is forwarded to, or where the VM's own programs find it. */
export function listens({ answer }: Asked, { name, unit, port, reached }: ServiceNames): Answer {
  return section(answer.sockets, "sockets", answer, (sockets) => {
    const own = sockets.filter((socket) => socket.protocol === "tcp" && socket.port === port && socket.unit === unit);
    const open = own.filter(({ address }) => address === "0.0.0.0" || address === "::" || address.startsWith("10."));
    // What this computer need not reach, nobody else should either: that it is open is told by the check `sockets`.
    const fine = reached ? open : own;
    if (fine.length > 0) return passed(fine.map(socketText).join(", "));
    return failed(
      own.length === 0
        ? `${unit} does not listen on port ${port}`
        : `it listens on ${own.map(socketText).join(", ")} only`,
      `tcp ${reached ? "0.0.0.0" : "127.0.0.1"}:${port}`,
      `It may still be starting. Otherwise \`notebox logs ${name}\` shows why.`,
      { details: answer.journals?.[unit] ?? [] },
    );
  });
}

/** systemd's words for how a unit ended (systemd.exec(5), "Process exit codes"). */
function ending(result: string, exit: number): string {
  if (result === "exit-code" && exit === 243) return "its token could not be handed to it (exit code 243)";
  if (result === "exit-code" && exit === 203) return "its program could not be run (exit code 203)";
  if (result === "exit-code" && exit === 200) return "its folder could not be entered (exit code 200)";
  if (result === "exit-code") return `it ended with exit code ${exit}`;
  if (result === "signal" || result === "core-dump") return `it was ended by signal ${exit}`;
  if (result === "oom-kill") return "it was ended for want of memory";
  if (result === "timeout") return "it did not start in time";
  if (result === "start-limit-hit") return "it failed too often in a row";
  return result;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
