# shellcheck shell=bash
# The host's network settings as this machine's programs take them. Sourced by the steps that use the network;
# reads the environment that run.sh lets through and writes nothing.

# The certificates to trust: the host's own beside those of the distribution.
ca_bundle() {
  if [[ -s /etc/ssl/certs/ca-certificates.crt ]]; then
    cat /etc/ssl/certs/ca-certificates.crt
    echo
  fi
  cat -- "$NOTEBOX_HOST_CA"
}

# Lines NAME=value for every program that reads its settings from the environment.
host_variables() {
  local lower upper value name bundle
  for lower in http_proxy https_proxy no_proxy; do
    upper=${lower^^}
    value=${!lower:-${!upper:-}}
    if [[ $lower == no_proxy && -n ${http_proxy:-}${https_proxy:-}${HTTP_PROXY:-}${HTTPS_PROXY:-} ]]; then
      # The services talk to their kernels on loopback, whatever the host's list says.
      value=${value:+$value,}localhost,127.0.0.1,::1
    fi
    [[ -z $value ]] || printf '%s=%s\n' "$lower" "$value" "$upper" "$value"
  done
  for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST; do
    [[ -z ${!name:-} ]] || printf '%s=%s\n' "$name" "${!name}"
  done
  if [[ -s $NOTEBOX_HOST_CA ]]; then
    bundle=$ETC/ca-bundle.pem
    for name in SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE PIP_CERT GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS; do
      printf '%s=%s\n' "$name" "$bundle"
    done
  fi | { if [[ -n ${1:-} ]]; then sed "s|=.*|=$1|"; else cat; fi; }
}

# Lines NAME=value as systemd's EnvironmentFile= reads them back.
environment_file() {
  local pair value
  for pair; do
    value=${pair#*=}
    # systemd.exec(5): within double quotes these four keep their meaning unless a backslash precedes them.
    value=${value//\\/\\\\} value=${value//\"/\\\"} value=${value//\$/\\\$} value=${value//\`/\\\`}
    printf '%s="%s"\n' "${pair%%=*}" "$value"
  done
}

# A value of apt.conf(5), which knows no escapes: what would end the string is percent-encoded, as in any URL.
apt_value() {
  local value=$1
  value=${value//\"/%22} value=${value//\\/%5C}
  printf '%s' "$value"
}

# apt's settings. $1: where the certificates are, if not in /etc/notebox.
apt_settings() {
  local http=${NOTEBOX_APT_PROXY:-${http_proxy:-${HTTP_PROXY:-}}}
  local https=${NOTEBOX_APT_PROXY:-${https_proxy:-${HTTPS_PROXY:-}}}
  [[ -z $http ]] || printf 'Acquire::http::Proxy "%s";\n' "$(apt_value "$http")"
  [[ -z $https ]] || printf 'Acquire::https::Proxy "%s";\n' "$(apt_value "$https")"
  [[ ! -s $NOTEBOX_HOST_CA ]] || printf 'Acquire::https::CAInfo "%s";\n' "${1:-$ETC/ca-bundle.pem}"
}

# For the rest of this step: makes apt and pip use the host's settings, in a build root as well.
use_host_settings() {
  local pair bundle=
  if [[ -s $NOTEBOX_HOST_CA ]]; then
    bundle=$SCRATCH/ca-bundle.pem
    ca_bundle >"$bundle"
  fi
  while IFS= read -r pair; do
    export "${pair?}"
  done < <(host_variables "$bundle")
  apt_settings "$bundle" >"$SCRATCH/apt.conf"
  export APT_CONFIG=$SCRATCH/apt.conf
}
