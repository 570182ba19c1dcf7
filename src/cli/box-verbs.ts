/** `notebox box …`: boxes and the share that holds them. */
import { type Command, Option } from "commander";
import { collect, count, place, portNumber, shareFolder, span } from "./option-values.ts";
import { addGroup, type On, verb } from "./verb.ts";

export function addBoxVerbs(program: Command, on: On): void {
  const box = addGroup(program, "box", "boxes and the share that holds them");
  on(
    box
      .command("build [recipe]")
      .description("make a base box from a distribution's signed packages (Linux, as root), or a box of a verified VM")
      .option("--out <dir>", "where the .box files go", ".")
      .option("--provider <name>", "virtualbox or libvirt; both when not given", collect)
      .option("--with <dir>", "prepare the box for the workbench in this folder")
      .option("--from-vm", "pack the running VM of the workbench in -C, without its keys, tokens and logs"),
    "box build",
    verb(
      async () => (await import("../commands/box-build.ts")).boxBuild,
      async () => (await import("./text/box-build.ts")).text,
    ),
    "recipe",
  );
  on(
    box
      .command("archive <source>")
      .description("fetch boxes into a share: from a registry (owner/name), a catalog or a box's address")
      .requiredOption("--share <dir>", "the share's folder", shareFolder)
      .option("--version <constraint>", "which versions, as Vagrant writes it; the newest when not given")
      .option("--all-versions", "all that fit, not only the newest")
      .option("--provider <name>", "only this provider; may be given several times", collect)
      .option("--arch <name>", "only this architecture; may be given several times", collect)
      .option("--name <owner/name>", "the name of a box that has no catalog"),
    "box archive",
    verb(
      async () => (await import("../commands/box-archive.ts")).boxArchive,
      async () => (await import("./text/box-archive.ts")).text,
    ),
    "source",
  );
  on(
    box
      .command("publish <file>")
      .description("put a box into a share, with its catalogs")
      .requiredOption("--share <dir>", "the share's folder", shareFolder)
      .requiredOption("--name <owner/name>", "the box's name")
      .requiredOption("--version <version>", "its version, such as 13.1.0")
      .option("--provider <name>", "virtualbox or libvirt; read from the box when not given")
      .option("--arch <name>", "amd64 or arm64; read from the box when not given")
      .option("--door <url>", "a further way to reach the share; may be given several times", collect),
    "box publish",
    verb(
      async () => (await import("../commands/box-publish.ts")).boxPublish,
      async () => (await import("./text/box-publish.ts")).text,
    ),
    "file",
  );

  on(
    box
      .command("install <name>")
      .description("put a box of a share into Vagrant's folder of boxes, in one pass")
      .requiredOption("--share <dir>", "the share's folder or address", place)
      .option("--version <constraint>", "such as 13.1.0 or '~> 13.1'; the newest when not given")
      .option("--provider <name>", "virtualbox or libvirt; needed where the share has both")
      .option("--arch <name>", "amd64 or arm64; this computer's when not given"),
    "box install",
    verb(
      async () => (await import("../commands/box-install.ts")).boxInstall,
      async () => (await import("./text/box-install.ts")).text,
    ),
    "name",
  );
  on(
    box
      .command("serve")
      .description("a share over HTTP, read-only, for a classroom; this computer only, unless --host says otherwise")
      .requiredOption("--share <dir>", "the share's folder", shareFolder)
      .option("--port <n>", "the port to listen on; 0 is any that is free", portNumber, 8480)
      .option("--host <address>", "the address to listen on; 0.0.0.0 is all of this computer's", "127.0.0.1")
      .addOption(new Option("--print <server>", "print a web server's configuration instead").choices(["nginx"])),
    "box serve",
    verb(
      async () => (await import("../commands/box-serve.ts")).boxServe,
      async () => (await import("./text/box-serve.ts")).text,
    ),
  );

  on(
    box
      .command("list [name]")
      .description("what a share holds: versions, providers, sizes, age, source, doors")
      .requiredOption("--share <dir>", "the share's folder", shareFolder)
      .option("--provider <name>", "only this one")
      .option("--arch <name>", "only this one")
      .option("--version <version>", "only this one"),
    "box list",
    verb(
      async () => (await import("../commands/box-list.ts")).boxList,
      async () => (await import("./text/box-list.ts")).text,
    ),
    "name",
  );

  on(
    box
      .command("verify [name]")
      .description(
        "read every byte of a share's boxes, take out what is wrong, set catalogs right; goes on where it was broken off",
      )
      .requiredOption("--share <dir>", "the share's folder", shareFolder)
      .option("--provider <name>", "only this one")
      .option("--arch <name>", "only this one")
      .option("--version <version>", "only this one")
      .option("--dry-run", "say what is wrong and change nothing"),
    "box verify",
    verb(
      async () => (await import("../commands/box-verify.ts")).boxVerify,
      async () => (await import("./text/box-verify.ts")).text,
    ),
    "name",
  );

  on(
    box
      .command("prune")
      .description("remove versions that nobody needs, and what killed writers left; the newest of each box stays")
      .requiredOption("--share <dir>", "the share's folder", shareFolder)
      .option("--keep <n>", "so many newest versions of each box stay", count)
      .option("--older-than <time>", "only what was published longer ago, such as 90d", span)
      .option("--unused-by <dir...>", "only what none of these workbench folders would take")
      .option("--parts-older-than <time>", "half-received boxes (default: 1d)", span)
      .option("--quarantine-older-than <time>", "what verify took out (default: 30d)", span)
      .option("--take-over", "take over the lock of a computer that gives no sign of life")
      .option("--dry-run", "say what would go, with sizes, and change nothing"),
    "box prune",
    verb(
      async () => (await import("../commands/box-prune.ts")).boxPrune,
      async () => (await import("./text/box-prune.ts")).text,
    ),
  );
  on(
    box
      .command("rebase")
      .description("change the ways to reach a share, and write all its catalogs anew")
      .requiredOption("--share <dir>", "the share's folder", shareFolder)
      .option("--add <door>", "a further way; may be given several times", collect)
      .option("--remove <door>", "one that is no more, with its catalogs; may be given several times", collect)
      .option("--replace <old new...>", "the old way, then the new one"),
    "box rebase",
    verb(
      async () => (await import("../commands/box-rebase.ts")).boxRebase,
      async () => (await import("./text/box-rebase.ts")).text,
    ),
  );
}
