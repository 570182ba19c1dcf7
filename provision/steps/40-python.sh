#!/bin/bash
# Python packages: one venv that root owns, the base lock, and packages.python of the workbench.
# The base lock comes first and packages.python has to fit it. What packages.python resolved to, with hashes, is
# written to workbench.lock, and only what stands in a lock is ever installed. When the workbench brings its lock,
# that is taken. Exit code 75: the index cannot be reached.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"
. "$PROVISION/steps/files/host-settings.sh"

BASE=$PROVISION/locks/base.txt
LOCK=$STATE/workbench.lock
HELPER=$PROVISION/steps/files/python-lock.py
# While it is there, the venv is unfinished: a run was killed in the middle.
UNFINISHED=$PREFIX/venv.unfinished
# What users install with pip goes here: a second venv, of the account's own, that sees the first one's packages.
OWN=$HOME_FOLDER/.python

inputs() {
  system_inputs
  readlink /usr/bin/python3 || true
  hash_of "$BASE" "$HELPER" "$WORKBENCH/python.txt"
  # The lock that this machine made itself may come back as the workbench's: nothing has changed then.
  if [[ -f $WORKBENCH/workbench.lock ]] && ! cmp -s "$WORKBENCH/workbench.lock" "$LOCK"; then
    hash_of "$WORKBENCH/workbench.lock"
  fi
}

# The packages that are in the venv, by the names of their folders.
installed() {
  local folder
  for folder in "$VENV"/lib/python3.*/site-packages/*.dist-info/RECORD; do printf '%s\n' "$folder"; done
}

intact() {
  [[ ! -e $UNFINISHED && -x $VENV/bin/python && -x $OWN/bin/python ]] &&
    [[ $(installed) == "$(cat "$STATE/python-packages" 2>/dev/null)" ]]
}

helper() { "$VENV/bin/python" -I "$HELPER" "$@"; }

pip() { (cd "$SCRATCH" && "$VENV/bin/python" -m pip --isolated --disable-pip-version-check --no-input "$@"); }

# pip install with only wheels; from the wheel folder if that has any, else from the index.
# --isolated keeps the account's pip settings out, and the environment's with them: so those are options here.
install_wheels() {
  local -a from=(--only-binary :all: --retries 2 --timeout 30)
  local one
  if has_wheels; then
    from+=(--no-index --find-links "$NOTEBOX_WHEELS")
  else
    [[ -z ${PIP_INDEX_URL:-} ]] || from+=(--index-url "$PIP_INDEX_URL")
    for one in ${PIP_EXTRA_INDEX_URL:-}; do from+=(--extra-index-url "$one"); done
    for one in ${PIP_TRUSTED_HOST:-}; do from+=(--trusted-host "$one"); done
    [[ -z ${PIP_CERT:-} ]] || from+=(--cert "$PIP_CERT")
  fi
  pip --cache-dir "$SCRATCH/pip-cache" install "${from[@]}" "$@" 2>&1 | tee "$SCRATCH/pip.log"
}

has_wheels() { [[ -n $(find "$NOTEBOX_WHEELS" -maxdepth 1 -name '*.whl' -print -quit 2>/dev/null) ]]; }

# Whether pip failed because no index answered as one.
is_unreachable() {
  grep -qE -e 'connection broken|Max retries exceeded|NewConnectionError|NameResolutionError|Connection refused' \
    -e 'ProxyError|SSLError|CERTIFICATE_VERIFY_FAILED|timed out|HTTP error [45][0-9][0-9]' \
    -e '(40[137]|5[0-9][0-9]) (Client|Server) Error' "$SCRATCH/pip.log"
}

# Ends the step after pip failed. $1: what was being installed. The host reads some of these texts: with "the
# folder wheels/ lacks", or exit code 75 and "index unreachable", and "Python X on MACHINE" it can help with wheels.
explain() {
  local line
  drop "$UNFINISHED"
  line=$(grep -m 1 -E '^(ERROR|error): ' "$SCRATCH/pip.log" | cut -c 1-300 || true)
  line=${line#*: }
  if grep -q 'No space left on device' "$SCRATCH/pip.log"; then
    fail "the VM's disk is full; remove what you do not need in it and start again"
  elif grep -qE 'HASHES|do not match the hashes' "$SCRATCH/pip.log"; then
    fail "a wheel of $1 is not the one that was checked (its hash differs); get the wheels from another source"
  elif has_wheels; then
    fail "the folder wheels/ lacks a wheel for $1 (Python $(python_version) on $(uname -m)): ${line:-see the lines above}"
  elif is_unreachable; then
    say "index unreachable"
    fail "the Python index cannot be reached from the VM; check the network and the proxy, or put wheels for Python $(python_version) on $(uname -m) into the folder wheels/ beside workbench.yaml" 75
  else
    case $line in
    "Cannot install"*)
      fail "$1: ${line%.}, among themselves or with notebox's own packages; loosen the versions in workbench.yaml"
      ;;
    "Could not find a version"*)
      line=${line#*requirement } line=${line%% (from*}
      fail "$1: there is no $line with a wheel for Python $(python_version) on $(uname -m); correct it in workbench.yaml"
      ;;
    *) fail "$1: ${line:-pip failed, see the lines above}" ;;
    esac
  fi
}

python_version() { python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

make_venv() {
  local version
  version=$(python_version)
  case $version in
  3.11 | 3.12 | 3.13) ;;
  *) fail "this box has Python $version, notebox knows 3.11 to 3.13: take a Debian 12, Debian 13 or Ubuntu 24.04 box" ;;
  esac
  if [[ -e $UNFINISHED || ! -x $VENV/bin/pip || ! -d $VENV/lib/python$version ]]; then
    rm -rf -- "$VENV"
    mkdir -p "$PREFIX"
    : >"$UNFINISHED"
    python3 -m venv "$VENV" || fail "no venv could be made: see the lines above, then start again"
  fi
  : >"$UNFINISHED"
}

# Writes the lock for packages.python into $SCRATCH/workbench.lock: the workbench's own if it still fits what
# workbench.yaml asks for and was made on such a machine, else a new one.
resolve() {
  local given=$WORKBENCH/workbench.lock state=none
  local -a wanted
  helper requirements "$WORKBENCH/python.txt" >"$SCRATCH/python.txt" 2>"$SCRATCH/refused" ||
    { drop "$UNFINISHED"; fail "packages.python: $(tail -n 1 "$SCRATCH/refused")"; }
  mapfile -t wanted <"$SCRATCH/python.txt"
  if ((${#wanted[@]} == 0)); then
    : >"$SCRATCH/workbench.lock"
    return
  fi
  helper constraints "$BASE" >"$SCRATCH/constraints.txt"
  [[ -f $given ]] || given=$LOCK
  if [[ -f $given ]]; then
    state=$(helper judge "$given" "$BASE" "$SCRATCH/python.txt" 2>"$SCRATCH/refused") ||
      { drop "$UNFINISHED"; fail "workbench.lock: $(tail -n 1 "$SCRATCH/refused")"; }
  fi
  case $state in
  fits)
    cp -- "$given" "$SCRATCH/workbench.lock"
    return
    ;;
  other-machine)
    say "workbench.lock was made on another kind of machine: its versions are taken, its hashes cannot be"
    ;;
  esac
  local -a resolution=(--dry-run --ignore-installed --report "$SCRATCH/report.json" --constraint "$SCRATCH/constraints.txt")
  # The versions of an older lock stay where they can.
  if [[ $state == none ]] || ! {
    helper constraints "$given" >"$SCRATCH/earlier.txt"
    install_wheels "${resolution[@]}" --constraint "$SCRATCH/earlier.txt" -- "${wanted[@]}" || is_unreachable
  }; then
    install_wheels "${resolution[@]}" -- "${wanted[@]}" || explain "packages.python"
  fi
  [[ -s $SCRATCH/report.json ]] || explain "packages.python"
  helper lock "$SCRATCH/report.json" "$BASE" "$SCRATCH/python.txt" >"$SCRATCH/workbench.lock"
}

# Installs what the lock $1 names, unless it is all there. $2: what that is, in words.
install_lock() {
  helper installed "$1" || install_wheels --require-hashes --no-deps --no-compile -r "$1" || explain "$2"
}

# Removes what an earlier workbench wanted and this one does not.
uninstall_others() {
  local -a others
  mapfile -t others < <(helper others "$BASE" "$SCRATCH/workbench.lock")
  ((${#others[@]} == 0)) || pip uninstall --yes -- "${others[@]}"
}

# The account's own venv, without pip: the first one's pip, run by the second one's Python, installs into the
# second. So `pip install` in a notebook works and cannot break the services; removing ~/.python undoes all of it.
make_own_venv() {
  local version
  version=$(python_version)
  [[ ! -x $OWN/bin/python || ! -d $OWN/lib/python$version ]] || return 0
  # shellcheck disable=SC2016 # for the inner shell
  as_account sh -eu -c '
    rm -rf "$1"
    python3 -m venv --without-pip "$1"
    printf "%s\n" "$3/lib/python$2/site-packages" >"$1/lib/python$2/site-packages/notebox.pth"
    printf "#!/bin/sh\nexec %s/bin/python -m pip \"\$@\"\n" "$1" >"$1/bin/pip"
    chmod 755 "$1/bin/pip"' sh "$OWN" "$version" "$VENV"
}

# Kernels run the account's own Python. Found before the kernel that the venv brings (JUPYTER_PATH of the units).
make_kernel() {
  local source=$VENV/share/jupyter/kernels/python3 file
  local place=$PREFIX/share/jupyter/kernels/python3
  sed "s|^  *\"python\",\$|  \"$OWN/bin/python\",|" "$source/kernel.json" >"$SCRATCH/kernel.json"
  grep -qF "\"$OWN/bin/python\"" "$SCRATCH/kernel.json" || fail "ipykernel's kernel.json is not as expected: report this"
  put_copy "$SCRATCH/kernel.json" "$place/kernel.json"
  for file in "$source"/logo-*; do put_copy "$file" "$place/${file##*/}"; done
}

work() {
  use_host_settings
  make_venv
  install_lock "$BASE" "JupyterLab and the kernel gateway"
  resolve
  [[ ! -s $SCRATCH/workbench.lock ]] || install_lock "$SCRATCH/workbench.lock" packages.python
  uninstall_others
  # Only root can write bytecode here, so all of it is written now, on all processors.
  "$VENV/bin/python" -m compileall -q -j 0 "$VENV"/lib/python3.*/site-packages >/dev/null || true
  make_own_venv
  make_kernel
  if [[ -s $SCRATCH/workbench.lock ]]; then
    put_copy "$SCRATCH/workbench.lock" "$LOCK"
  else
    drop "$LOCK"
  fi
  python_version | put "$STATE/python-version"
  installed | put "$STATE/python-packages"
  drop "$UNFINISHED"
}

step "$@"
