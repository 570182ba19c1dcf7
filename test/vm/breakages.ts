/**
 * The six ways in which the trials break a running workbench: how, what `verify` must then name as the first cause,
 * what must follow from it, and how to mend it. All are bash scripts for root in the VM. They break the kernel
 * gateway `hello` and the folder `notebooks` of examples/hello.
 */
export interface Breakage {
  name: string;
  breaking: string;
  /** The id of the check that must be the first cause. */
  cause: string;
  /** Checks that must be listed as following from it. */
  consequences: readonly string[];
  /** Undefined: `down` and `up` mend it. */
  mending: string | undefined;
}

const SERVICE = "hello";
const UNIT = `kernel-gateway@${SERVICE}.service`;
const TOKEN = `/var/lib/notebox/tokens/${SERVICE}`;
const ASIDE = "/root/notebox-trial";
const PACKAGES = "/opt/notebox/venv/lib/python3.*/site-packages";

// Until it has failed once: a service that is still on its way to the failure counts as active.
const restart = `
  systemctl restart --no-block ${UNIT}
  for _ in {1..60}; do
    sleep 1
    [ "$(systemctl show -p NRestarts --value ${UNIT})" = 0 ] || break
  done`;
const settled = `systemctl reset-failed ${UNIT} || true; systemctl restart ${UNIT}`;

export const BREAKAGES: readonly Breakage[] = [
  {
    name: "a service is stopped",
    breaking: `systemctl stop ${UNIT}`,
    cause: `service.${SERVICE}`,
    consequences: [`http.${SERVICE}`],
    mending: `systemctl start ${UNIT}`,
  },
  {
    name: "the disk is filled",
    // Reserved, not written: it fills the VM's disk and not the host's.
    breaking: `
      free=$(df --output=avail -B1 / | tail -n 1)
      fallocate -l "$free" ${ASIDE}-filler || true
      head -c 64M /dev/zero >>${ASIDE}-filler || true
      df -h /`,
    cause: "disk",
    consequences: [],
    mending: `rm -f ${ASIDE}-filler; systemctl is-active --quiet ${UNIT} || { ${settled}; }`,
  },
  {
    name: "a token file is removed",
    breaking: `cp -p ${TOKEN} ${ASIDE}-token; rm ${TOKEN}; ${restart}`,
    cause: `token.${SERVICE}`,
    consequences: [`service.${SERVICE}`],
    mending: `cp -p ${ASIDE}-token ${TOKEN}; rm ${ASIDE}-token; ${settled}`,
  },
  {
    name: "a service's port is taken",
    breaking: `
      port=$(awk '$2 == "${SERVICE}" { print $3 }' /etc/notebox/workbench/services.txt)
      systemctl stop ${UNIT}
      systemd-run --quiet --collect --unit=notebox-trial /usr/bin/python3 -m http.server "$port"
      sleep 3
      ${restart}`,
    cause: `port.${SERVICE}`,
    consequences: [`service.${SERVICE}`],
    mending: `systemctl stop notebox-trial.service; ${settled}`,
  },
  {
    name: "a package is removed",
    breaking: `mkdir ${ASIDE}-packages; mv ${PACKAGES}/kernel_gateway ${ASIDE}-packages/; ${restart}`,
    cause: "packages",
    consequences: [`service.${SERVICE}`],
    mending: `mv ${ASIDE}-packages/kernel_gateway ${PACKAGES}/; rmdir ${ASIDE}-packages; ${settled}`,
  },
  {
    name: "a synced folder is unmounted",
    breaking: "umount -l /home/notebox/notebooks",
    cause: "folder.notebooks",
    consequences: [],
    mending: undefined,
  },
];

/** Those of the quick round; the folder comes last, because the round's `down` and `up` mend it. */
export const QUICK_BREAKAGES: readonly Breakage[] = [
  "a service is stopped",
  "the disk is filled",
  "a synced folder is unmounted",
].map((name) => {
  const found = BREAKAGES.find((breakage) => breakage.name === name);
  if (found === undefined) throw new Error(`no breakage is called "${name}"`);
  return found;
});
