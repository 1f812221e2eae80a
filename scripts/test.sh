#!/usr/bin/env bash
# What must hold. Usage: scripts/test.sh [GROUP...]   (default: static to lab, in this order)
#   static      ruff, mypy, yamllint, ansible-lint (profile production)
#   unit        pytest on Python 3.13/ansible-core 2.21 and on Python 3.11/ansible-core 2.19
#   sanity      ansible-test sanity with both, on the collection as it would be published
#   collection  ansible-galaxy collection build, install, a playbook called by its name
#   bundle      builds or finds the bundle and verifies it
#   module      modules against a real kube-apiserver and etcd
#   molecule    roles on machines of their own
#   lab         the whole platform on seven machines: from bare, site.yml twice, services, updates
#   faults      the same platform: power cuts, drains, a new certificate, reset, killed runs. Builds it where group
#               lab has not just left it
#   mesh        mesh, monitoring, pipeline and deliveries on three nodes, as NILECARE_LAB_NAME (see docs/mesh.md)
#   pipeline    what keeps an image out, by crane, cosign, trivy and a registry (see docs/pipeline.md)
#   backup      backups of etcd, by etcd, age, rclone and an object store (see docs/backup.md)
#   restore     the same on three nodes: timers, verification, the control planes taken back
#   data        data stores and brokers on three nodes, under a load of writes (see docs/reliability.md)
# `all` is every group but the last five: what CI runs, in about twice the time.
# Stops at the first group that fails. What it starts, it takes down again.
set -euo pipefail
cd "$(dirname "$0")/.."
export NILECARE_LAB_NAME=${NILECARE_LAB_NAME:-test} NILECARE_LAB_NETWORK=${NILECARE_LAB_NETWORK:-10.76.0.0/16}
export ANSIBLE_FORCE_COLOR=false PY_COLORS=0 NO_COLOR=1
work=$(mktemp -d)
started=$SECONDS

say() { printf '\n== %s  %s\n' "$(date +%H:%M:%S)" "$*"; }

tear_down() {
  local status=$?
  trap - EXIT INT TERM
  if [ -n "${lab_used:-}" ] && [ -z "${NILECARE_KEEP_LAB:-}" ]; then
    say "removing the machines of lab $NILECARE_LAB_NAME"
    .venv/bin/ansible-playbook -i inventories/lab playbooks/lab.yml -e lab_state=absent >"$work/absent.log" 2>&1 || cat "$work/absent.log"
  fi
  rm -rf "$work"
  exit "$status"
}
trap tear_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

static() {
  .venv/bin/ruff check .
  .venv/bin/ruff format --check .
  .venv/bin/mypy
  .venv/bin/yamllint --strict .
  .venv/bin/ansible-lint --offline --strict --profile production -q
}

unit() {
  .venv/bin/pytest -q -n 2 tests/unit tests/repository
  .venv-py311/bin/pytest -q -n 2 tests/unit
}

# The files that would be published, in a folder named as ansible-test wants it.
published() {
  local folder=$1/ansible_collections/nilecare/platform
  mkdir -p "$folder"
  git ls-files -z --cached --others --exclude-standard | rsync --archive --from0 --files-from=- ./ "$folder"
}

# One run of ansible-test, on a copy of the collection. It keeps its environments below HOME; a folder of the
# cache stands in for it.
sanity_of() {
  local environment=$1 folder=$work/sanity$1 root=$PWD pip home=$HOME/.cache/nilecare/ansible-test
  published "$folder"
  mkdir -p "$home/.ansible/test/cache"
  pip=$(sed -n "s/.* pip='\([0-9.]*\)'.*/\1/p" "$environment"/lib/python3.*/site-packages/ansible_test/_internal/python_requirements.py)
  cp scripts/get_pip.py "$home/.ansible/test/cache/get_pip_${pip//./_}.py"
  cd "$folder/ansible_collections/nilecare/platform"
  HOME=$home PATH=$root/$environment/bin:$PATH ansible-test sanity --venv --color no --truncate 0 \
    --python "$("$root/$environment/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
}

# Both at once, for one alone does not fill two cores; what they print is shown one after the other.
sanity() {
  local environment status=0 runs=()
  for environment in .venv .venv-py311; do
    (sanity_of "$environment") >"$work/sanity$environment.log" 2>&1 &
    runs+=("$!")
  done
  for environment in .venv .venv-py311; do
    say "ansible-test sanity of ansible-core $("$environment/bin/python" -c 'import ansible; print(ansible.__version__)')"
    wait "${runs[0]}" || status=1
    runs=("${runs[@]:1}")
    cat "$work/sanity$environment.log"
  done
  return "$status"
}

collection() {
  .venv/bin/ansible-galaxy collection build --output-path "$work/built" --force . >/dev/null
  mkdir -p "$work/installed"
  cp -r .collections/ansible_collections "$work/installed/"
  rm "$work/installed/ansible_collections/nilecare/platform"
  .venv/bin/ansible-galaxy collection install --force --offline --no-deps -p "$work/installed" "$work"/built/*.tar.gz >/dev/null
  (
    root=$PWD
    cd "$work"
    : > ansible.cfg
    ANSIBLE_CONFIG=$work/ansible.cfg ANSIBLE_COLLECTIONS_PATH=$work/installed \
      "$root/.venv/bin/ansible-playbook" -i "$root/inventories/production" nilecare.platform.site --list-tasks >"$work/tasks"
  )
  echo "built, installed; nilecare.platform.site lists $(grep -c 'TAGS:' "$work/tasks") plays and tasks"
}

bundle() {
  .venv/bin/ansible-playbook -i inventories/lab playbooks/bundle.yml
  .venv/bin/ansible-playbook -i inventories/lab playbooks/bundle.yml -e bundle_state=verified
}

module() { .venv/bin/pytest -q -n 2 --dist loadfile tests/module; }

molecule() {
  local scenario
  for scenario in molecule/*/molecule.yml; do
    scenario=$(basename "$(dirname "$scenario")")
    say "molecule: $scenario"
    env -u NILECARE_LAB_NAME -u NILECARE_LAB_NETWORK PATH="$PWD/.venv/bin:$PATH" molecule test --scenario-name "$scenario"
  done
}

lab() {
  lab_used=yes
  .venv/bin/pytest -v -s --durations=0 --maxfail=1 tests/lab/test_[123]_*.py
}

faults() {
  lab_used=yes
  .venv/bin/pytest -v -s --durations=0 --maxfail=1 tests/lab/test_[456]_*.py
}

data() {
  export NILECARE_LAB_NODES=3 NILECARE_BUNDLE_SETS=${NILECARE_BUNDLE_SETS:-data}
  bundle
  lab_used=yes
  .venv/bin/pytest -v -s --durations=0 --maxfail=1 tests/lab_data
}

pipeline() {
  export NILECARE_BUNDLE_SETS=${NILECARE_BUNDLE_SETS:-pipeline}
  bundle
  .venv/bin/pytest -q tests/pipeline
}

backup() {
  export NILECARE_BUNDLE_SETS=${NILECARE_BUNDLE_SETS:-backup}
  bundle
  .venv/bin/pytest -q tests/backup
}

restore() {
  export NILECARE_LAB_NODES=3 NILECARE_BUNDLE_SETS=${NILECARE_BUNDLE_SETS:-backup}
  bundle
  lab_used=yes
  .venv/bin/pytest -v -s --durations=0 --maxfail=1 tests/lab_backup
}

mesh() {
  export NILECARE_LAB_NODES=3 NILECARE_LAB_MESH=1 NILECARE_BUNDLE_SETS=${NILECARE_BUNDLE_SETS:-mesh,monitoring,pipeline}
  bundle
  .venv/bin/pytest -q tests/monitoring
  lab_used=yes
  .venv/bin/pytest -v -s --durations=0 --maxfail=1 tests/lab_mesh
}

default=(static unit sanity collection bundle module molecule lab)
[ $# -gt 0 ] || set -- "${default[@]}"
[ "$*" != all ] || set -- "${default[@]}" faults
scripts/bootstrap.sh tests
for group in "$@"; do
  case $group in
    static | unit | sanity | collection | bundle | module | molecule | lab | faults | data | pipeline | backup | restore | mesh) ;;
    *) echo "unknown group '$group'; known: all ${default[*]} faults data pipeline backup restore mesh" >&2; exit 2 ;;
  esac
done
for group in "$@"; do
  say "$group"
  began=$SECONDS
  "$group"
  say "$group passed in $((SECONDS - began)) s ($(((SECONDS - started) / 60)) min in all)"
done
