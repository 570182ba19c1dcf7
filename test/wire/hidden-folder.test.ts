/** Work that lay in the VM where a folder of the computer is mounted now: it is put beside, where a backup finds it. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";

const STEP = path.resolve(import.meta.dirname, "../../provision/steps/50-folders.sh");

test("what is hidden below a shared folder is put beside it, once", () => {
  const script = `set -eu
mount -t tmpfs tmpfs /home
mkdir -p /home/notebox/data/sub "/home/host"
echo work >/home/notebox/data/sub/a; echo dot >/home/notebox/data/.b; echo host >/home/host/c
mount --bind /home/host /home/notebox/data
HOME_FOLDER=/home/notebox ACCOUNT=root
eval "$(sed -n '/^uncover() {/,/^}/p' ${STEP})"
uncover data; uncover data
cd /home/notebox; find . -type f -exec sh -c 'echo "$1: $(cat "$1")"' sh {} \\; | sort
umount data; ls -A data`;
  const run = spawnSync("unshare", ["-rm", "bash", "-c", script], { encoding: "utf8" });
  expect(run.stderr).toBe("");
  expect(run.stdout.replace(/\d{10}/g, "TIME").split("\n")).toEqual([
    "notebox: what was in data of the home folder lies in data.before-TIME now",
    "./data.before-TIME/.b: dot",
    "./data.before-TIME/sub/a: work",
    "./data/c: host",
    "",
  ]);
});
