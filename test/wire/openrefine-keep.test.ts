/** What the hooks of OpenRefine for backup and restore make of its projects, in a file system of their own. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";

const HOOKS = path.resolve(import.meta.dirname, "../../provision/services/openrefine");

/** Runs bash with an empty /var/lib/private and the hooks as $save and $load; $kept is an empty folder. */
function inside(script: string): string {
  const all = `set -eu
umask 077
mkdir -p /var/lib/private
mount -t tmpfs tmpfs /var/lib/private
kept=/var/lib/private/kept projects=/var/lib/private/notebox-refine
mkdir $kept
save="bash ${HOOKS}/save $kept refine" load="bash ${HOOKS}/load $kept refine"
${script}`;
  const run = spawnSync("unshare", ["-rm", "bash", "-c", all], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout.trim();
}

test("projects come back as they were saved, in place of those that are there", () => {
  const files = inside(`
mkdir -p $projects/1.project $projects/cachedir
echo rows >$projects/1.project/data.zip; echo big >$projects/cachedir/x
$save
rm -r $projects; mkdir -p $projects/2.project
$load
cd $projects; find . -type f; cat 1.project/data.zip; ls -A /var/lib/private`);
  expect(files.split("\n")).toEqual(["./1.project/data.zip", "rows", "kept", "notebox-refine"]);
});

test("links, pipes and modes that somebody put into a copy are not let in", () => {
  const files = inside(`
mkdir -p $kept/new/1.project; cd $kept/new
echo rows >1.project/data.zip; ln -s /etc/shadow 1.project/shadow; mkfifo pipe; cp /bin/true tool; chmod 6755 tool
tar -cf $kept/projects.tar .
$load
cd $projects; find . -mindepth 1 -printf '%p %y %m\\n' | sort`);
  expect(files.split("\n")).toEqual(["./1.project d 700", "./1.project/data.zip f 600", "./tool f 700"]);
});
