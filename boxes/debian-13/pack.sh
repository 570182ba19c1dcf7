#!/bin/bash
# Disk files → .box files: plain tar, since a disk is compressed already and Vagrant would only unpack it twice.
# shellcheck source=boxes/debian-13/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

image=$NOTEBOX_WORK/image
for provider in $NOTEBOX_PROVIDERS; do
  step "pack-$provider" "Pack the $provider box"
  # shellcheck disable=SC2153 # the names are the environment's
  box=$NOTEBOX_OUT/$NOTEBOX_NAME-$provider-$NOTEBOX_ARCH.box
  folder=$NOTEBOX_WORK/pack-$provider
  mkdir -p "$folder"
  for file in "$HERE/providers/$provider"/*; do
    sed -e "s|@ARCH@|$NOTEBOX_ARCH|g" -e "s|@NAME@|$NOTEBOX_NAME|g" -e "s|@DISK_GIB@|$NOTEBOX_DISK_GIB|g" \
      -e "s|@DISK_BYTES@|$((NOTEBOX_DISK_GIB * 1073741824))|g" "$file" > "$folder/${file##*/}"
  done
  case $provider in
    libvirt) mv "$image/box.img" "$folder/" ;;
    virtualbox) mv "$image/box-disk001.vmdk" "$folder/" ;;
  esac
  # metadata.json first: what a box is can be read without reading all of it.
  (cd "$folder" && ls) | grep -vx metadata.json > "$folder.list"
  tar --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r --format=ustar -C "$folder" \
    -cf "$box.part" metadata.json -T "$folder.list"
  mv "$box.part" "$box"
  rm -rf "$folder"
  printf '@@box %s %s\n' "$provider" "$box"
done
