#!/bin/bash
# What `backup`, `restore` and a change-over by Start have done in the VM. Runs as root: bash -c THIS notebox VERB
# [KIND NAME], or bash keep.sh VERB; it is sent each time and not installed, so that a VM of an older bundle can be saved,
# too. What becomes of the bytes is for src/keep and templates/vagrant/vm_work.rb.
#
#   look               how large all is, which services save something; lines "WORD VALUE", the last is "end"
#   home, python       a tar of the account's home, of its own Python (~/.python), on standard output
#   tokens             lines "NAME TOKEN"
#   save KIND NAME     what that service's hook (provision/steps/60-hooks.sh) writes into a folder, as a tar
#   left NAME          data of a service that the workbench has no more, as it lies there, as a tar
#   stop, start        the workbench's services
#   resting            names of those that do not run
#   put-home, put-python, put-tokens, load KIND NAME     take what those gave from standard input
set -Eeuo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
umask 077
export ACCOUNT=notebox
export HOME_FOLDER=/home/notebox
PYTHON_FOLDER=$HOME_FOLDER/.python
STATE=/var/lib/notebox
WORK=$STATE/keep
export WORKBENCH=/etc/notebox/workbench
HOOKS=/opt/notebox/lib/keep
# There while they were stopped by this and not started again; whoever sees it (src/vagrant/guest.ts) starts them. A start of
# the VM does so, too, and forgets it.
RESTING=/run/notebox-resting

fail() {
  printf 'notebox: %s\n' "$1" >&2
  exit 1
}

# The shared folders lie on the host; the rest is made anew by whoever needs it.
folders() { [[ ! -f $WORKBENCH/folders.txt ]] || grep -v '^$' "$WORKBENCH/folders.txt" || true; }

services() { [[ ! -f $WORKBENCH/services.txt ]] || grep -E '^[a-z][a-z0-9-]* [a-z][a-z0-9-]* [0-9]+$' "$WORKBENCH/services.txt" || true; }

units() { services | while read -r kind name _; do printf '%s@%s.service\n' "$kind" "$name"; done; }

# Files, folders and links below folder $1, as find's further arguments want them; pipes and sockets are nobody's work.
files_below() {
  local folder
  local -a skip=(-false)
  cd -- "$1"
  if [[ $1 == "$HOME_FOLDER" ]]; then
    skip=(-path ./.cache -o -path ./.python -o -path ./.local/share/jupyter/runtime)
    while IFS= read -r folder; do
      # shellcheck disable=SC2001 # what bash would do here differs between its versions
      skip+=(-o -path "./$(sed 's/[][*?\\]/\\&/g' <<<"$folder")")
    done < <(folders)
  fi
  shift
  # What it cannot read tar cannot either, and says so; the two at once would break each other's lines.
  find . -xdev -mindepth 1 \( "${skip[@]}" \) -prune -o \( -type f -o -type d -o -type l \) "$@" 2>/dev/null
}

# A tar of folder $1. What changes or goes while it is read is no failure (1): the VM is at work.
pack() {
  local code=0
  files_below "$1" -print0 |
    tar --create --file=- --format=gnu --directory="$1" --hard-dereference --sparse --numeric-owner --null --no-recursion \
      --ignore-failed-read --verbatim-files-from --files-from=- || code=$?
  ((code <= 1)) || fail "tar ended with $code"
}

# What files take on the disk, for holes are not sent (numpy.memmap makes files of nearly nothing else).
# shellcheck disable=SC2317,SC2329 # by name, below
sum_of() {
  [[ -d $1 ]] || return 0
  files_below "$1" -type f -printf '%s %b\n' | awk '{ sum += $1 < $2 * 512 ? $1 : $2 * 512 } END { printf "%.0f\n", sum }'
}

# The account's own folders are read as the account: a link in them leads nowhere where it could not go by itself.
as_account() { runuser -u "$ACCOUNT" -- bash -c 'set -Eeuo pipefail; "$@"' bash "$@"; }
export -f fail folders files_below pack sum_of

free_at() { df --output=avail -B1 -- "$1" | tail -n 1 | tr -d ' '; }

# Where the service $1, which is none any more, left its data; fails when it left none. A service that was renamed or taken
# out of workbench.yaml has no hook that would save them, and they would go with the VM.
left_behind() {
  local place
  ! services | cut -d ' ' -f 2 | grep -qxF -- "$1" || return 1
  for place in "/var/lib/notebox-$1" "/var/lib/private/notebox-$1"; do
    [[ ! -L $place && -d $place ]] || continue
    [[ -e $place/data/PG_VERSION || -e $place/data/WiredTiger || -e $place/workspace.json ]] || continue
    printf '%s\n' "$place"
    return
  done
  return 1
}

look() {
  local kind name verb folder place
  mkdir -p "$STATE"
  # A VM that was never set up has nothing of anybody's.
  if ! id -u "$ACCOUNT" >/dev/null 2>&1 || [[ ! -d $HOME_FOLDER ]]; then
    printf 'account no\nend\n'
    return
  fi
  echo "account yes"
  printf 'home %s\npython-bytes %s\n' "$(as_account sum_of "$HOME_FOLDER")" "$(as_account sum_of "$PYTHON_FOLDER")"
  printf 'free-home %s\nfree-state %s\n' "$(free_at /home)" "$(free_at "$STATE")"
  printf 'machine %s\npython %s\n' "$(uname -m)" "$(cat "$STATE/python-version" 2>/dev/null || true)"
  folders | while IFS= read -r folder; do printf 'folder %s\n' "$folder"; done
  services | while read -r kind name _; do
    for verb in save load; do [[ ! -x $HOOKS/$kind/$verb ]] || printf '%s %s %s\n' "$verb" "$kind" "$name"; done
  done
  for place in /var/lib/notebox-* /var/lib/private/notebox-*; do
    name=${place##*/notebox-}
    [[ ! $name =~ ^[a-z][a-z0-9-]{0,39}$ ]] || ! left_behind "$name" >/dev/null || printf 'left %s\n' "$name"
  done | sort -u
  echo end
}

# The folder for what service $2 of kind $1 saves: root's alone, empty, and gone at the end. $3 is the hook.
work_folder() {
  services | cut -d ' ' -f 1,2 | grep -qxF -- "$1 $2" || fail "there is no service $2 of kind $1"
  [[ -x $HOOKS/$1/$3 ]] || fail "the kind $1 has no $3"
  # What a killed one left at work here would take the folder away at its end.
  exec 8>/run/notebox-keep.lock
  flock -w 600 8 || fail "another backup or restore is still at work in the VM"
  rm -rf -- "$WORK"
  trap 'rm -rf -- "$WORK"' EXIT
  mkdir -p -- "$WORK/$2"
}

# As the account: whatever stands in the archive, it can do no more than the account could before.
unpack_as_account() {
  local target=$1 folder
  local -a skip=()
  # Shared by now: what is there belongs to the host.
  while IFS= read -r folder; do skip+=(--exclude="./$folder"); done < <(folders)
  cd /
  umask 0
  runuser -u "$ACCOUNT" -- tar --extract --file=- --directory="$target" --no-same-owner --no-overwrite-dir \
    --delay-directory-restore --anchored --no-wildcards "${skip[@]}"
  sync -f "$target"
}

put_tokens() {
  local name token
  mkdir -p "$STATE/tokens"
  chmod 700 "$STATE/tokens"
  while read -r name token; do
    [[ $name =~ ^[a-z][a-z0-9-]{0,39}$ && $token =~ ^[0-9a-f]{32,256}$ ]] || fail "a token is not one"
    services | cut -d ' ' -f 2 | grep -qxF -- "$name" || continue
    # As notebox-tokens writes them: no newline at the end.
    printf %s "$token" >"$STATE/tokens/.$name"
    sync "$STATE/tokens/.$name"
    mv -fT -- "$STATE/tokens/.$name" "$STATE/tokens/$name"
  done
}

# A login shell may greet; what counts follows this line.
echo NOTEBOX-KEEP-1
case ${1-} in
look) look ;;
home) as_account pack "$HOME_FOLDER" ;;
python) as_account pack "$PYTHON_FOLDER" ;;
tokens)
  while read -r _ name _; do
    [[ ! -f $STATE/tokens/$name ]] || printf '%s %s\n' "$name" "$(<"$STATE/tokens/$name")"
  done < <(services)
  ;;
save)
  work_folder "$2" "$3" save
  "$HOOKS/$2/save" "$WORK/$3" "$3" >&2 </dev/null 8>&-
  pack "$WORK/$3"
  ;;
left)
  place=$(left_behind "$2") || fail "there is nothing that $2 left"
  pack "$place"
  ;;
resting)
  services | while read -r kind name _; do
    systemctl is-active --quiet "$kind@$name.service" </dev/null || printf '%s\n' "$name"
  done
  ;;
stop)
  touch "$RESTING"
  units | xargs -r systemctl stop --
  ;;
start)
  # What notebooks find in their environment holds tokens, too.
  [[ ! -x /opt/notebox/lib/notebox-tokens ]] || /opt/notebox/lib/notebox-tokens >&2
  units | xargs -r systemctl start --
  rm -f "$RESTING"
  ;;
put-home) unpack_as_account "$HOME_FOLDER" ;;
put-python)
  (umask 022 && runuser -u "$ACCOUNT" -- mkdir -p -- "$PYTHON_FOLDER")
  unpack_as_account "$PYTHON_FOLDER"
  ;;
put-tokens) put_tokens ;;
load)
  work_folder "$2" "$3" load
  tar --extract --file=- --directory="$WORK/$3" --no-same-owner --no-same-permissions
  "$HOOKS/$2/load" "$WORK/$3" "$3" >&2 </dev/null 8>&-
  ;;
*) fail "no such verb" ;;
esac
