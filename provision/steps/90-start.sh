#!/bin/bash
# Services: those of this workbench start with the VM, and run now with what the steps before have laid down.
# A service that runs with the current files is left alone.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"

# What a unit was started with, one file a unit.
STARTED=$STATE/started

unit_of() { printf '%s@%s.service' "$1" "$2"; }

# Hashes of everything that the service named $2 of kind $1 reads when it starts.
what_it_runs() {
  hash_of "$UNITS/$1@.service" "$ETC/workbench/services/$2.json" "$ETC/host.env" "$ETC/ca-bundle.pem" \
    "$STAMPS/40-python" "$STAMPS"/??-"$1"*
  ! grep -qs notebooks.env "$UNITS/$1@.service" || hash_of /run/notebox/notebooks.env
}

inputs() {
  local kind name
  hash_of "$UNITS"/notebox* "$WORKBENCH/services.txt" "$WORKBENCH/folders.txt"
  while read -r kind name _; do
    printf '%s %s\n' "$kind $name" "$(what_it_runs "$kind" "$name")"
  done < <(services)
}

folders_there() {
  local folders folder
  read_lines "$WORKBENCH/folders.txt" folders
  for folder in "${folders[@]}"; do mountpoint -q -- "$HOME_FOLDER/$folder" || return; done
}

intact() {
  local kind name
  ! in_build_root || return 0
  folders_there || return
  systemctl -q is-active notebox-folders.service notebox-tokens.service || return
  while read -r kind name _; do
    systemctl -q is-active "$(unit_of "$kind" "$name")" || return
    [[ -s $STATE/tokens/$name ]] || return
  done < <(services)
}

# Forgets the services of an earlier workbench.
remove_others() {
  local link unit
  for link in "$UNITS"/notebox.target.wants/*@*.service; do
    [[ -L $link ]] || continue
    unit=${link##*/}
    if ! grep -qxF -- "$unit" < <(services | while read -r kind name _; do unit_of "$kind" "$name"; echo; done); then
      in_build_root || systemctl stop -- "$unit" || true
      systemctl disable -- "$unit"
      drop "$STARTED/$unit"
    fi
  done
}

work() {
  local kind name unit lines hash folder made=
  local -a start=() restart=()
  local -A now=()
  services >/dev/null
  remove_others
  while read -r kind name _; do
    unit=$(unit_of "$kind" "$name")
    # Works without a running systemd, too: it only makes a link.
    [[ -L $UNITS/notebox.target.wants/$unit ]] || systemctl enable -- "$unit"
  done < <(services)
  if ! in_build_root; then
    # Not in a build root: the first start of a box would start the services before it has got the host's settings,
    # and then once more.
    # Each of these makes systemd read its units again.
    if [[ -L $UNITS/multi-user.target.wants/notebox.target ]]; then
      systemctl daemon-reload
    else
      systemctl enable notebox.target
    fi
    # Not through systemd, which would start the services again as well.
    made=$("$PREFIX/lib/notebox-tokens")
    folders_there || ! systemctl -q is-active notebox-folders.service || systemctl stop notebox-folders.service
    # The folders' service waits for Vagrant's mounts as long as it takes, which is right at boot; by now they
    # have to be there.
    timeout 60 systemctl start notebox-folders.service || {
      read_lines "$WORKBENCH/folders.txt" lines
      for folder in "${lines[@]}"; do
        mountpoint -q -- "$HOME_FOLDER/$folder" ||
          fail "the folder $folder of this computer does not appear in the VM; stop the VM and start it again"
      done
      fail "the shared folders do not appear in the VM; stop the VM and start it again"
    }
  fi
  while read -r kind name _; do
    unit=$(unit_of "$kind" "$name")
    hash=$(what_it_runs "$kind" "$name")
    if ! in_build_root; then
      if [[ $(cat "$STARTED/$unit" 2>/dev/null) != "$hash" || $'\n'$made$'\n' == *" for $name"$'\n'* ]]; then
        restart+=("$unit")
      else
        start+=("$unit")
      fi
    fi
    now["$unit"]=$hash
  done < <(services)
  # All at once: a service takes some seconds to stop.
  ((${#restart[@]} == 0)) || systemctl restart -- "${restart[@]}"
  # After that, because it would start what is about to be restarted.
  in_build_root || systemctl start notebox.target -- "${start[@]}"
  for unit in "${!now[@]}"; do put "$STARTED/$unit" <<<"${now["$unit"]}"; done
}

step "$@"
