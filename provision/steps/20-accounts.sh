#!/bin/bash
# Accounts: the one that the services run as, and no way from it to root.
# Makes the account notebox, takes every password away (Vagrant logs in with a key), leaves only root and vagrant
# in the group sudo, and lets nobody outside that group start su.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"

inputs() {
  system_inputs
  # Whether somebody has, or can become, more than this step allows.
  passwords
  getent group sudo || true
}

intact() { [[ $(id -u "$ACCOUNT" 2>/dev/null) == "$ACCOUNT_ID" ]]; }

# Accounts that a password, or an empty one, opens.
passwords() { awk -F: '$2 !~ /^[!*]/ { print $1 }' /etc/shadow; }

make_account() {
  local there file booted
  # A run that was killed while it changed accounts left its locks; the process that each names is gone since.
  booted=$(sed -n 's/^btime //p' /proc/stat)
  for file in /etc/{passwd,shadow,group,gshadow,subuid,subgid}.lock; do
    [[ -e $file ]] || continue
    if ((booted <= $(stat -c %Y "$file"))) && kill -0 "$(tr -dc 0-9 <"$file")" 2>/dev/null; then continue; fi
    rm -f "$file"
  done
  there=$(getent passwd "$ACCOUNT_ID" | cut -d : -f 1 || true)
  [[ -z $there || $there == "$ACCOUNT" ]] ||
    fail "this box gives the number $ACCOUNT_ID to the account $there: take another box"
  there=$(getent group "$ACCOUNT_ID" | cut -d : -f 1 || true)
  [[ -z $there || $there == "$ACCOUNT" ]] ||
    fail "this box gives the number $ACCOUNT_ID to the group $there: take another box"
  [[ -z $(getent passwd "$ACCOUNT" || true) || $(id -u "$ACCOUNT") == "$ACCOUNT_ID" ]] ||
    fail "this box has an account $ACCOUNT of its own: take another box"
  getent group "$ACCOUNT" >/dev/null || groupadd -g "$ACCOUNT_ID" "$ACCOUNT"
  getent passwd "$ACCOUNT" >/dev/null ||
    useradd -u "$ACCOUNT_ID" -g "$ACCOUNT" -M -d "$HOME_FOLDER" -s /bin/bash -c "notebox services" "$ACCOUNT"
  # The number has to be the account's own in every group, too.
  usermod -G "" "$ACCOUNT"
  # Vagrant may have made the folder already, as root, to mount the shared folders below it.
  mkdir -p "$HOME_FOLDER"
  for file in /etc/skel/.[!.]*; do
    [[ ! -f $file || -e $HOME_FOLDER/${file##*/} ]] || install -o "$ACCOUNT" -g "$ACCOUNT" -m 644 "$file" "$HOME_FOLDER/"
  done
  # Root's, with the sticky bit: the account makes files here as it likes, but cannot put a link to elsewhere where a
  # folder of root's is, onto which a shared folder will be mounted.
  chown "root:$ACCOUNT" "$HOME_FOLDER"
  chmod 1770 "$HOME_FOLDER"
}

lock_passwords() {
  local name
  while read -r name; do
    # '*' fits no password and, unlike '!', does not stop a login with a key on any configuration of sshd.
    usermod -p '*' "$name"
  done < <(passwords)
}

empty_sudo() {
  local name
  local -a members
  getent group sudo >/dev/null || groupadd --system sudo
  IFS=, read -r -a members < <(getent group sudo | cut -d : -f 4) || true
  for name in "${members[@]}"; do
    [[ $name == root || $name == vagrant ]] || gpasswd -d "$name" sudo
  done
  # A box may carry a rule that lets everybody use sudo; notebox cannot know what else such a rule is for.
  if command -v sudo >/dev/null && sudo -n -l -U "$ACCOUNT" 2>/dev/null | grep -q 'may run'; then
    fail "this box lets every account use sudo: take another box, or remove that rule from its /etc/sudoers.d"
  fi
}

restrict_su() {
  local su
  for su in /bin/su /usr/bin/su; do
    if dpkg-query -S "$su" >/dev/null 2>&1; then
      # dpkg keeps this when util-linux is upgraded.
      dpkg-statoverride --list "$su" >/dev/null || dpkg-statoverride --update --add root sudo 4750 "$su"
    fi
  done
}

# A terminal in JupyterLab starts a login shell, which forgets the path that the service had.
set_path() {
  put /etc/profile.d/notebox.sh <<EOF
if [ "\$(id -u)" = $ACCOUNT_ID ]; then
  PATH=$HOME_FOLDER/.python/bin:$VENV/bin:\$PATH
fi
EOF
}

work() {
  make_account
  set_path
  lock_passwords
  empty_sudo
  restrict_su
}

step "$@"
