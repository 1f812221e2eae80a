#!/usr/bin/env bash
# Makes what the controller needs in this checkout: Debian packages, .venv, .collections.
# Usage: scripts/bootstrap.sh [controller|tests]   (default: controller)
# `tests` adds .venv-py311 with ansible-core 2.19, the oldest that is supported.
# Safe to run again: what is already there is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-controller}

say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

packages=(apt-utils build-essential ca-certificates conmon conntrack curl git iproute2 iptables libseccomp-dev
  make mmdebstrap netavark openssh-client pkg-config podman python3 python3-venv rsync runc sudo uidmap)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing Debian packages: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# Prints the newest Python among the versions given that really runs.
find_python() {
  local version candidate
  for version in "$@"; do
    for candidate in "python$version" "$HOME"/.pyenv/versions/"$version".*/bin/python /usr/bin/"python$version"; do
      if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c "import sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
        command -v "$candidate"
        return
      fi
    done
  done
  return 1
}

# make_venv DIRECTORY PYTHON: a virtual environment with exactly what the lock file of its Python names.
make_venv() {
  local directory=$1 python=$2 lock key
  lock=requirements/python-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt
  key=$(sha256sum < "$lock" | cut -c1-16)
  [ "$(cat "$directory/.key" 2>/dev/null)" = "$key" ] && return
  say "making $directory from $lock"
  rm -rf "$directory"
  "$python" -m venv "$directory"
  "$directory/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$lock"
  echo "$key" > "$directory/.key"
}

newest=$(find_python 3.13 3.11) || { say "no Python 3.13 or 3.11 was found"; exit 1; }
make_venv .venv "$newest"
if [ "$what" = tests ]; then
  oldest=$(find_python 3.11) || { say "no Python 3.11 was found, which ansible-core 2.19 is tested with"; exit 1; }
  make_venv .venv-py311 "$oldest"
fi
.venv/bin/python scripts/install_collections.py
