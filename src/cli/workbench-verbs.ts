/** The verbs about one workbench, from `init` to `verify`: their arguments and options. */
import { type Command, Option } from "commander";
import { collect, seconds } from "./option-values.ts";
import { type On, verb } from "./verb.ts";

const FORMATS = ["text", "junit", "tap"] as const;

export function addWorkbenchVerbs(program: Command, on: On): void {
  on(
    program
      .command("init [dir]")
      .description("write a workbench that starts as it is")
      .addOption(
        new Option("--template <name>", "what to start from").choices(["hello", "api", "scotch", "activity", "tm351"]),
      )
      .option("--from <source>", "a folder, a zip or a git address with Binder files or docker-compose.yml to bring in")
      .option("--name <name>", "the workbench's name: a-z, 0-9 and -")
      .option("--title <title>", "the name that people read")
      .option("--share <door>", "a share with boxes: a folder, a UNC path or a URL", collect)
      .option("--force", "write into a folder that already has a workbench"),
    "init",
    verb(
      async () => (await import("../commands/init.ts")).init,
      async () => (await import("./text/init.ts")).text,
    ),
    "dir",
  );
  on(
    program.command("validate").description("check the workbench and its notebooks, all errors at once"),
    "validate",
    verb(
      async () => (await import("../commands/validate.ts")).validate,
      async () => (await import("./text/validate.ts")).text,
    ),
  );
  on(
    program
      .command("render")
      .description("write the bundle: Vagrantfile, provision/, launchers")
      .option("--out <dir>", "write into this folder instead of the workbench folder")
      .option("--zip <file>", "write the hand-out, a zip, instead")
      .option("--with-box", "put the share's box into the zip too, for a USB stick")
      .option("--box-share <folder>", "the share to take that box from (default: the workbench's first door)")
      .option("--dry-run", "say what would change and write nothing")
      .option("--force", "overwrite files that were changed by hand"),
    "render",
    verb(
      async () => (await import("../commands/render.ts")).render,
      async () => (await import("./text/render.ts")).text,
    ),
  );
  on(
    program
      .command("up")
      .description("start the VM, check it, and print the addresses")
      .option("--provider <name>", "virtualbox or libvirt; found out when not given")
      .option("--force", "overwrite rendered files that were changed by hand"),
    "up",
    verb(
      async () => (await import("../commands/up.ts")).up,
      async () => (await import("./text/up.ts")).text,
    ),
  );
  on(
    program.command("down").description("stop the VM; everything in it is kept"),
    "down",
    verb(
      async () => (await import("../commands/down.ts")).down,
      async () => (await import("./text/down.ts")).text,
    ),
  );
  on(
    program
      .command("destroy")
      .description("delete the VM; what is in it is saved first, notebooks/ and api/ on this computer are kept")
      .option("--force", "do not ask")
      .option("--no-backup", "save nothing first: what is in the VM alone is lost"),
    "destroy",
    verb(
      async () => (await import("../commands/destroy.ts")).destroy,
      async () => (await import("./text/destroy.ts")).text,
    ),
  );
  on(
    program.command("status").description("say how the VM and its services are"),
    "status",
    verb(
      async () => (await import("../commands/status.ts")).status,
      async () => (await import("./text/status.ts")).text,
    ),
  );
  on(
    program
      .command("ssh [command...]")
      .description("a shell in the VM, or one command (after --), whose exit code notebox then ends with"),
    "ssh",
    {
      ...verb(
        async () => (await import("../commands/ssh.ts")).ssh,
        async () => (await import("./text/ssh.ts")).text,
      ),
      knowsJson: true,
      exitCode: (result) => (result as { exitCode: number }).exitCode,
    },
    "command",
  );
  on(
    program
      .command("logs [service]")
      .description("what the VM's services wrote")
      .option("--lines <n>", "how many lines of each", "50"),
    "logs",
    verb(
      async () => (await import("../commands/logs.ts")).logs,
      async () => (await import("./text/logs.ts")).text,
    ),
    "service",
  );
  on(
    program.command("open").description("open the workbench in the browser"),
    "open",
    verb(
      async () => (await import("../commands/open.ts")).open,
      async () => (await import("./text/open.ts")).text,
    ),
  );
  on(
    program
      .command("doctor")
      .description("check this computer: what keeps a workbench from starting")
      .option("--explain <code>", "what a code means and who can mend it: NB-D06")
      .option("--only <id>", "only this check, by id or code; may be given several times", collect)
      .addOption(new Option("--format <format>", "of the report").choices(FORMATS).default("text")),
    "doctor",
    verb(
      async () => (await import("../commands/doctor.ts")).doctor,
      async () => (await import("./text/doctor.ts")).text,
    ),
  );
  on(
    program
      .command("verify")
      .description("check the running VM over SSH and HTTP")
      .option("--wait <time>", "keep trying this long before a check counts as failed", seconds)
      .option("--only <id>", "only this check (and what it needs); may be given several times", collect)
      .option("--include-writes", "call routes that may change something, too (PUT, POST, DELETE, a GET that writes)")
      .addOption(new Option("--format <format>", "of the report").choices(FORMATS).default("text")),
    "verify",
    verb(
      async () => (await import("../commands/verify.ts")).verify,
      async () => (await import("./text/verify.ts")).text,
    ),
  );
  on(
    program
      .command("report")
      .description("save logs, checks and versions for whoever helps, without names and secrets")
      .option("--to <file>", "the zip to write (default: report-TIME.zip in the workbench folder)"),
    "report",
    verb(
      async () => (await import("../commands/report.ts")).report,
      async () => (await import("./text/saved-report.ts")).text,
    ),
  );
  on(
    program
      .command("backup")
      .description("save what is in the VM alone: home folder, tokens, what the services hold")
      .option("--to <file>", "the file to write (default: backups/NAME-TIME.tar in the workbench folder)"),
    "backup",
    verb(
      async () => (await import("../commands/backup.ts")).backup,
      async () => (await import("./text/backup.ts")).text,
    ),
  );
  on(
    program
      .command("restore <file>")
      .description("put a backup back into the VM, which is made or started first if need be")
      .option("--force", "do not ask, and take a backup of another workbench, too"),
    "restore",
    verb(
      async () => (await import("../commands/restore.ts")).restore,
      async () => (await import("./text/restore.ts")).text,
    ),
    "file",
  );
  on(
    program
      .command("upgrade")
      .description(
        "a new VM from today's box and workbench.yaml, with what was in the old one; back to the old one if a check fails",
      )
      .option("--force", "overwrite rendered files that were changed by hand")
      .option("--wait <time>", "how long the services of the new VM may take (default: 15m)", seconds),
    "upgrade",
    verb(
      async () => (await import("../commands/upgrade.ts")).upgrade,
      async () => (await import("./text/upgrade.ts")).text,
    ),
  );
}
