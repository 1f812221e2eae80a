#!/bin/sh
# Runs Calico's node agent as upstream's image does (node/filesystem/etc/rc.local and its services),
# for the VXLAN and policy-only back ends: no BGP daemon.
set -eu

calico-node -startup

[ -f /var/lib/calico/nodename ] || { echo "/var/lib/calico/nodename was not written by calico-node -startup" >&2; exit 1; }
NODENAME=$(cat /var/lib/calico/nodename)
export NODENAME

calico-node -allocate-tunnel-addrs -allocate-tunnel-addrs-run-once

keep_running() {
  while :; do
    calico-node "$1" || echo "calico-node $1 ended with status $?, it is started again" >&2
    sleep 1
  done
}

keep_running -allocate-tunnel-addrs &
[ "${CALICO_NETWORKING_BACKEND:-}" = none ] || keep_running -monitor-addresses &
keep_running -status-reporter &
[ "${CALICO_MANAGE_CNI:-true}" = false ] || keep_running -monitor-token &

export FELIX_FELIXHOSTNAME="$NODENAME"
[ -z "${DATASTORE_TYPE:-}" ] || export FELIX_DATASTORETYPE="$DATASTORE_TYPE"
exec calico-node -felix
