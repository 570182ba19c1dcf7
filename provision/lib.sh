# shellcheck shell=bash
# What every step of provisioning needs: strict mode, messages, files written by rename, and the order
# "inputs, stamp, work". A step sources this file, defines `inputs` (prints all that its work depends on),
# `work`, and perhaps `intact` (fails when the work's result has gone), and ends with: step "$@"
# What a step does stands in the step; which steps there are stands in run.sh.
set -Eeuo pipefail

PROVISION=$(cd -- "${BASH_SOURCE[0]%/*}" && pwd)
WORKBENCH=$PROVISION/workbench
ACCOUNT=notebox
ACCOUNT_ID=1900
HOME_FOLDER=/home/notebox
PREFIX=/opt/notebox
ETC=/etc/notebox
STATE=/var/lib/notebox
STAMPS=$STATE/stamps
UNITS=/etc/systemd/system
VENV=$PREFIX/venv
# Set by run.sh; a folder that is gone after the run.
SCRATCH=${NOTEBOX_SCRATCH:-}
export PROVISION WORKBENCH ACCOUNT ACCOUNT_ID HOME_FOLDER PREFIX ETC STATE STAMPS UNITS VENV SCRATCH

# A build root (NOTEBOX_BUILD_ROOT=1) is a system that does not run: nothing can be started in it.
in_build_root() { [[ ${NOTEBOX_BUILD_ROOT:-} == 1 ]]; }

# A line for the person who watches; everything else that a step prints goes to its log.
say() { printf 'notebox: %s\n' "$*" >&3; }

# Ends the step. $1 is what to do, in one line; $2 the exit code, 1 unless told.
fail() {
  printf '%s\n' "${1//$'\n'/ }" >"$SCRATCH/advice"
  exit "${2:-1}"
}

# Reads a file of lines into the array named $2. Such files come from workbench.yaml: they are data, so a
# control character (which nothing in a workbench may have) ends the step instead of being dropped by bash.
read_lines() {
  local file=$1 line
  local -n into=$2
  into=()
  [[ -e $file ]] || return 0
  if LC_ALL=C grep -qa '[[:cntrl:]]' -- "$file"; then
    fail "${file##*/} has a control character: render the workbench again"
  fi
  while IFS= read -r line || [[ -n $line ]]; do
    [[ -z $line ]] || into+=("$line")
  done <"$file"
}

# Makes file $1 hold what is on standard input, with mode $2, owned by root. By rename, so that nobody sees half
# a file; a file that holds it already is left alone.
put() {
  local file=$1 mode=${2:-644} part
  mkdir -p -- "$(dirname -- "$file")"
  # Always the same name, so that what a killed run leaves is overwritten by the next one.
  part=$file.part
  rm -f -- "$part"
  cat >"$part"
  chmod "$mode" -- "$part"
  if [[ -f $file && ! -L $file ]] && cmp -s -- "$part" "$file" && [[ $(stat -c '%a %u %g' -- "$file") == "$mode 0 0" ]]; then
    rm -f -- "$part"
  else
    mv -fT -- "$part" "$file"
  fi
}

# Makes file $2 a copy of $1, with mode $3.
put_copy() { put "$2" "${3:-644}" <"$1"; }

# Removes files that may not be there; leaves folders' times alone when there is nothing to remove.
drop() {
  local file
  for file; do [[ ! -e $file && ! -L $file ]] || rm -f -- "$file"; done
}

# Hashes of files, with names that do not depend on where the folder lies; a missing file has a line, too.
hash_of() {
  local file hash
  local -a there=()
  for file; do
    if [[ -f $file ]]; then there+=("$file"); else printf 'missing %s\n' "${file##*/}"; fi
  done
  ((${#there[@]})) || return 0
  # Few programs are started on the way to "unchanged": where a processor is emulated, each costs a tenth of a second.
  while read -r hash file; do printf '%s %s\n' "$hash" "${file##*/}"; done < <(sha256sum -- "${there[@]}")
}

# The distribution and the machine: most work has to be done again when these change.
system_inputs() {
  (
    # shellcheck disable=SC1091
    . /etc/os-release
    printf '%s %s %s\n' "${ID:-}" "${VERSION_ID:-}" "$HOSTTYPE"
  )
}

# Ends the step unless $1 can be a shared folder: one below the workbench folder, and not a hidden one.
check_folder() {
  [[ -n $1 && $1 != /* && $1 != */ && $1 != *//* && /$1/ != *'/.'* ]] ||
    fail "the folder $(printf %q "$1") cannot be shared; name one below the workbench folder that does not begin with a dot"
}

# Runs something as the account that the services run as, with nothing but a plain environment.
as_account() {
  runuser -u "$ACCOUNT" -- env -i HOME="$HOME_FOLDER" USER="$ACCOUNT" LOGNAME="$ACCOUNT" LANG=C.UTF-8 \
    PATH=/usr/local/bin:/usr/bin:/bin sh -c 'cd && exec "$@"' sh "$@"
}

# Services of the workbench, as lines "kind name port"; port 0: it is for what runs in the VM alone.
services() {
  local lines line
  read_lines "$WORKBENCH/services.txt" lines
  for line in "${lines[@]}"; do
    [[ $line =~ ^[a-z][a-z0-9-]*\ [a-z][a-z0-9-]{0,39}\ [0-9]{1,5}$ ]] ||
      fail "services.txt has a line that is no service: render the workbench again"
    printf '%s\n' "$line"
  done
}

# Hash of all that the step's work depends on, its own text included.
fingerprint() {
  {
    hash_of "$0" "$PROVISION/lib.sh"
    inputs
  } | sha256sum
}

# The last line of every step. Exit code 0: the work is done; 3 from "wanted": there is nothing to do.
# Does nothing when the step is sourced, for the sake of its functions.
step() {
  local name stamp
  [[ ${BASH_SOURCE[1]} == "$0" ]] || return 0
  name=${NOTEBOX_STEP:?run.sh starts the steps}
  stamp=$STAMPS/$name
  declare -F intact >/dev/null || intact() { :; }
  case ${1:-} in
  wanted)
    [[ ! -f $stamp || $(<"$stamp") != "$(fingerprint)" ]] || ! intact || exit 3
    ;;
  work)
    work
    # The stamp comes after the work, never before: a step that was killed is done again.
    fingerprint | put "$stamp"
    ;;
  *) exit 2 ;;
  esac
}
