#!/bin/bash
# Shared folders: the places where they appear, and the service that waits for them.
# Also lays the workbench's data where the services read it. Starts nothing.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"

inputs() {
  local -a files
  mapfile -t files < <(find "$WORKBENCH" -type f ! -name workbench.lock | LC_ALL=C sort)
  hash_of "${files[@]}"
  hash_of "$PROVISION"/steps/files/notebox-{folders,tokens}{,.service} "$PROVISION"/steps/files/notebox{,-data}.target
  hash_of "$PROVISION/steps/files/notebox-problem"
}

intact() { [[ -f $ETC/workbench/hash && -x $PREFIX/lib/notebox-folders && -x $PREFIX/lib/notebox-problem && -f $UNITS/notebox-data.target ]]; }

copy_workbench() {
  local part=$ETC/workbench.part
  mkdir -p "$ETC"
  rm -rf -- "$part" "$ETC/workbench.old"
  cp -R -- "$WORKBENCH" "$part"
  # No service reads the lock, and it comes to be only when this machine has made it.
  rm -f -- "$part/workbench.lock"
  chown -R root:root "$part"
  chmod -R u=rwX,go=rX "$part"
  [[ ! -e $ETC/workbench ]] || mv -T -- "$ETC/workbench" "$ETC/workbench.old"
  mv -T -- "$part" "$ETC/workbench"
  rm -rf -- "$ETC/workbench.old"
}

# What lay there before the folder was shared is hidden below the mount of VirtualBox, and no backup would find it: it is put
# beside, as notebox-folders does where it mounts.
# In mounts of its own: a second way to the home folder that a kill left behind would be one more to delete it by.
uncover() {
  # shellcheck disable=SC2016 # for the bash within
  unshare --mount --propagation private bash -euc '
    mount --bind -- "$1" /mnt # shows what lies below other mounts
    hidden=/mnt/$2
    [[ -d $hidden && ! -L $hidden && -n $(ls -A -- "$hidden") ]] || exit 0
    kept=$hidden.before-$(date +%s)
    mkdir -- "$kept"
    chown "$3:$3" -- "$kept"
    # A folder on which something is mounted cannot be renamed itself.
    find "$hidden" -mindepth 1 -maxdepth 1 -exec mv -t "$kept" -- {} +
    echo "notebox: what was in $2 of the home folder lies in ${kept##*/} now"
  ' uncover "$HOME_FOLDER" "$1" "$ACCOUNT"
}

make_folders() {
  local folders folder place
  read_lines "$WORKBENCH/folders.txt" folders
  for folder in "${folders[@]}"; do
    check_folder "$folder"
    place=$HOME_FOLDER/$folder
    [[ $(readlink -m -- "$place") == "$place" ]] ||
      fail "in the VM, $place is a link to another place; remove it (notebox ssh, then sudo rm) and start again"
    if mountpoint -q -- "$place"; then
      uncover "$folder"
    else
      # The folder under the mount belongs to root: while nothing is mounted, nothing can be saved to the
      # wrong place, where it would be lost with the VM.
      mkdir -p -- "$place"
      chown root:root -- "$place"
      chmod 755 -- "$place"
    fi
  done
}

work() {
  local name
  copy_workbench
  make_folders
  # What is mounted here shows the host's own permissions, which mean nothing to the accounts of the VM.
  mkdir -p "$STATE/host"
  chmod 700 "$STATE/host"
  for name in notebox-folders notebox-tokens; do
    put_copy "$PROVISION/steps/files/$name" "$PREFIX/lib/$name" 755
    put_copy "$PROVISION/steps/files/$name.service" "$UNITS/$name.service"
  done
  put_copy "$PROVISION/steps/files/notebox-problem" "$PREFIX/lib/notebox-problem" 755
  for name in notebox notebox-data; do put_copy "$PROVISION/steps/files/$name.target" "$UNITS/$name.target"; done
}

step "$@"
