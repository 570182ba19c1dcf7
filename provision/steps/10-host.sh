#!/bin/bash
# Proxies and certificates: hands on what the host uses to reach the network, and forgets what it no longer uses.
# Writes /etc/notebox/host.env (read by the services), host-ca.pem and ca-bundle.pem, and apt's settings.
# In a build root the settings serve this run only; no box carries them.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"
. "$PROVISION/steps/files/host-settings.sh"

inputs() {
  ! in_build_root || { echo "build root" && return; }
  host_variables
  hash_of "$NOTEBOX_HOST_CA" /etc/ssl/certs/ca-certificates.crt "$PROVISION/steps/files/host-settings.sh"
}

intact() { in_build_root || [[ -z $(host_variables) || -f $ETC/host.env ]]; }

work() {
  if in_build_root; then
    drop "$ETC/host.env" "$ETC/host-ca.pem" "$ETC/ca-bundle.pem" /etc/apt/apt.conf.d/90notebox-host
    return
  fi
  if [[ -s $NOTEBOX_HOST_CA ]]; then
    grep -q -- '-----BEGIN CERTIFICATE-----' "$NOTEBOX_HOST_CA" ||
      fail "the host's certificate file is not PEM: name another one and start again"
    put_copy "$NOTEBOX_HOST_CA" "$ETC/host-ca.pem"
    ca_bundle | put "$ETC/ca-bundle.pem"
  else
    drop "$ETC/host-ca.pem" "$ETC/ca-bundle.pem"
  fi
  local -a pairs
  mapfile -t pairs < <(host_variables)
  if ((${#pairs[@]})); then
    environment_file "${pairs[@]}" | put "$ETC/host.env" 600
  else
    drop "$ETC/host.env"
  fi
  if [[ -n $(apt_settings) ]]; then
    apt_settings | put /etc/apt/apt.conf.d/90notebox-host
  else
    drop /etc/apt/apt.conf.d/90notebox-host
  fi
}

step "$@"
