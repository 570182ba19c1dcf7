/** The service `desktop`: Xfce on a virtual display, in the browser, behind a door that asks for the token. */
import * as z from "zod";
import { type Answer, failed, passed } from "../../checks/check.ts";
import { ask, behindDoor, doorChecks } from "../../checks/door-checks.ts";
import { object, told } from "../../checks/http-answer.ts";
import type { KindChecks, ServiceContext } from "../../checks/kind-checks.ts";
import { checkedText, listOf, port } from "../../workbench/values.ts";
import { type AnyService, defineKind } from "../kind.ts";

export interface DesktopService extends AnyService {
  kind: "desktop";
  port: number;
  /** Pixels: "1280x800". */
  size: string;
  autostart: readonly string[];
}

const SIZES = ["1024x768", "1280x800", "1440x900", "1920x1080"] as const;
const PROGRAM = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,79}$/;

const program = checkedText(
  (value) =>
    PROGRAM.test(value)
      ? undefined
      : {
          message: "is not the name of a program or of a desktop entry",
          hint: "Name it without a path and without options, such as xfce4-terminal.",
        },
  {
    description: "The name of a desktop entry (in /usr/share/applications, without .desktop) or of a program.",
    examples: ["xfce4-terminal"],
    pattern: PROGRAM.source,
  },
);

export const kind = defineKind({
  kind: "desktop",
  description: "A light desktop (Xfce) in the browser, for graphical programs.",
  options: {
    port: port.default(6080),
    size: z.enum(SIZES).default("1280x800").meta({ description: "Width and height of the screen, in pixels." }),
    autostart: listOf(
      program,
      20,
      "What starts with the desktop; its packages belong into packages.apt of the workbench.",
    ).default([]),
  },
  single: true,
  // Measured: 190 MiB for display, session and door; the programs come on top.
  memoryMiB: () => 300,
  resolve: (name, options): DesktopService => ({
    ...{ kind: "desktop", name, port: options.port },
    ...{ size: options.size, autostart: options.autostart },
  }),
  packages: () => ({
    apt: [
      ...["tigervnc-standalone-server", "novnc", "dbus-daemon", "dbus-x11"],
      ...[
        "xfce4-session",
        "xfce4-panel",
        "xfce4-settings",
        "xfwm4",
        "xfdesktop4",
        "xfce4-terminal",
        "thunar",
        "mousepad",
      ],
      ...["adwaita-icon-theme", "fonts-dejavu-core", "librsvg2-common"],
    ],
  }),
  data: ({ name, kind, port, size, autostart }) => {
    const [width, height] = size.split("x").map(Number);
    return { name, kind, port, width, height, autostart };
  },
  page: () => ({ title: "Desktop", address: "?token={token}", order: 70 }),
  checks,
});

function checks(context: ServiceContext<DesktopService>): KindChecks {
  const { name } = context.service;
  return {
    checks: [
      ...doorChecks(context, "frame"),
      {
        id: `frame.${name}`,
        title: "The desktop shows something",
        ...behindDoor(context),
        ask: async () => await frame(context),
      },
    ],
  };
}

/** Of an empty display with a pointer on it, 0.9997 is of one colour (measured); a panel alone takes 3 of a hundred lines. */
const BLANK = 0.99;

async function frame(context: ServiceContext<DesktopService>): Promise<Answer> {
  const answer = await ask(context, "frame");
  const { width, height, colours, commonest } = object(answer.body) ?? {};
  const expected = `a screen of ${context.service.size} pixels with more than one colour`;
  const hint = `\`notebox logs\` shows what the session wrote; \`notebox ssh -- sudo systemctl restart ${context.unit}\` starts it anew.`;
  if (typeof colours !== "number" || typeof commonest !== "number")
    return failed(`the display answered ${told(answer)}`, expected, hint);
  const seen = `${width}x${height} pixels in ${colours} colours, ${Math.round(commonest * 100)} % of one`;
  return commonest > BLANK || `${width}x${height}` !== context.service.size
    ? failed(seen, expected, hint)
    : passed(seen);
}
