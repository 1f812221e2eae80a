#!/usr/bin/env bash
# The lab on this machine, from nothing to a running platform. Behind `make lab`.
# Usage: scripts/lab.sh up|down|status
# NILECARE_LAB_NAME, NILECARE_LAB_NETWORK and NILECARE_LAB_NODES choose which lab; see docs/lab.md.
# Safe to run again: every step does only what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${NILECARE_LAB_NAME:-lab}
state=$HOME/.local/state/nilecare/$name
cache=$HOME/.cache/nilecare
export ANSIBLE_CONFIG=$PWD/ansible.cfg PATH=$PWD/.venv/bin:$PATH
steps=4 step=0 start=$SECONDS

# next TEXT: says which step begins.
next() {
  step=$((step + 1))
  printf '\n%s  step %d of %d, after %d min %02d s: %s\n' "$(date +%H:%M:%S)" $step $steps \
    $(((SECONDS - start) / 60)) $(((SECONDS - start) % 60)) "$1"
}

# Where compilers leave 25 GiB of caches; measured for a bundle with everything, source `modules`.
# The machines have a check of their own (role lab).
check_disk() {
  local need=40 free folder=$cache
  compgen -G "$cache/bundles/*/manifest.json" >/dev/null && need=5
  while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
  free=$(($(df --output=avail --block-size=1G "$folder" | tail -1)))
  echo "disk: building the bundle needs $need GiB in $cache, $free GiB are free"
  [ "$free" -ge "$need" ] || { echo "Not enough free disk. Nothing was changed." >&2; exit 1; }
}

playbook() { ansible-playbook "playbooks/$1.yml" "${@:2}"; }

up() {
  check_disk
  next "what this host needs (scripts/bootstrap.sh)"
  scripts/bootstrap.sh
  next "the bundle: everything that will be installed (playbooks/bundle.yml)"
  playbook bundle
  next "the machines, in a network without a way out (playbooks/lab.yml)"
  playbook lab
  next "the platform (playbooks/site.yml)"
  playbook site
  next_to_look
}

next_to_look() {
  local address edge
  edge=$("$state/bin/kubectl" --kubeconfig "$state/kubeconfig" --namespace edge get service edge-khartoum \
    --output 'jsonpath={.status.loadBalancer.ingress[0].ip}')
  address=$(ansible-inventory --host khartoum-1 | sed -n 's/.*"ansible_host": "\(.*\)".*/\1/p')
  cat <<TEXT

The lab $name is up after $(((SECONDS - start) / 60)) min $(((SECONDS - start) % 60)) s.
  cluster   $state/bin/kubectl --kubeconfig $state/kubeconfig get nodes
  reports   $state/reports/latest/report.html (its section Edge: which sites answered each route)
  services  curl --cacert $state/ca/ca.crt --resolve api.nilecare.sd:443:$edge https://api.nilecare.sd/ehr
  machines  ssh -i $state/ssh/id_ed25519 -o UserKnownHostsFile=$state/ssh/known_hosts operator@$address
  health    .venv/bin/ansible-playbook playbooks/health.yml
  destroy   make lab-down
TEXT
}

status() {
  playbook lab -e lab_state=status
  if [ -f "$state/kubeconfig" ]; then
    "$state/bin/kubectl" --kubeconfig "$state/kubeconfig" get nodes --request-timeout 10s
  else
    echo "There is no cluster in the lab $name."
  fi
}

case ${1:-} in
  up) up ;;
  down) playbook lab -e lab_state=absent ;;
  status) status ;;
  *) sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;;
esac
