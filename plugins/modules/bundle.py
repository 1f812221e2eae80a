#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: bundle
short_description: Makes a bundle of everything that sites without internet need
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - A bundle is a folder with all programs, container images, Debian packages and upstream manifests that the
    platform needs, each pinned by version and SHA-256. A mirror serves it inside the sites.
  - Everything is built or fetched once, kept in a cache by the key of its recipe, and hard-linked into the
    bundle. A run that was killed goes on where it was; two runs at once wait for each other item by item.
  - It runs on the controller, as an action plugin that tells which item it is at.
options:
  state:
    description:
      - With V(built) the bundle is complete and right afterwards.
      - With V(locked) the lock files are brought up to date, today's Debian versions and, with
        O(source=upstream), checksums of official releases. Nothing is built.
    type: str
    choices: [built, locked]
    default: built
  source:
    description:
      - With V(modules) programs are built from Go modules and images from those programs and Debian packages.
      - With V(upstream) official release files and images are fetched by checksum and digest.
    type: str
    choices: [modules, upstream]
    default: modules
  sets:
    description:
      - Names of optional sets of recipes that the bundle has besides what is always in it.
      - V(autoscaling) is KEDA, V(backup) what backups need, V(data) data stores and brokers, V(mesh) Istio,
        V(monitoring) Prometheus, V(pipeline) crane, cosign and trivy.
    type: list
    elements: str
    choices: [autoscaling, backup, data, mesh, monitoring, pipeline]
    default: []
  directory:
    description:
      - Folder of the bundle.
      - Default is the environment variable E(NILECARE_BUNDLE), else C(bundles/KEY) below O(cache).
    type: path
  files:
    description: Folder with recipes and locks. Default is the collection's own.
    type: path
  cache:
    description: Folder for built items and the compiler's caches.
    type: path
    default: ~/.cache/nilecare
  debian_mirrors:
    description:
      - Addresses of the Debian archive and its security archive.
      - Default are those in C(/etc/apt).
    type: list
    elements: str
    default: []
  bases:
    description:
      - Base addresses that replace the official ones, with O(source=upstream).
      - Keys are C(kubernetes), C(github), C(raw), or a registry's host such as C(registry.k8s.io).
    type: dict
    default: {}
  trim:
    description:
      - What to remove from the cache afterwards. V(items) that no recipe of today uses, other V(bundles), or
        the compiler's caches (V(go), several GB).
    type: list
    elements: str
    choices: [items, bundles, go]
    default: []
requirements:
  - cyclonedx-python-lib (for the bill of materials)
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details: Says in RV(built) which items would be built.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
  platform:
    description: Target systems.
    support: full
    platforms: Debian and its derivatives, on the controller
"""

EXAMPLES = r"""
- name: Make the bundle
  nilecare.platform.bundle:

- name: Make the bundle with the service mesh
  nilecare.platform.bundle:
    sets: [mesh]

- name: Make a bundle of official releases from a server inside the ministry
  nilecare.platform.bundle:
    source: upstream
    bases:
      kubernetes: https://releases.example.sd/kubernetes
      registry.k8s.io: https://registry.example.sd
"""

RETURN = r"""
directory:
  description: Folder of the bundle.
  type: str
  returned: with O(state=built)
key:
  description: 12 hexadecimal digits that name the bundle's recipes and pins.
  type: str
  returned: with O(state=built)
built:
  description: Units that were built, or would be in check mode.
  type: list
  elements: str
  returned: with O(state=built)
item_count:
  description: Number of items in the bundle; 0 in check mode when it would be built.
  type: int
  returned: with O(state=built)
removed:
  description: What O(trim) removed.
  type: list
  elements: str
  returned: with O(state=built)
files:
  description: Lock files that changed.
  type: list
  elements: str
  returned: with O(state=locked)
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.errors import BundleError
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.run import ARGUMENTS, run


def main() -> None:
    """Run where there is no action plugin in front, without progress."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        result = run(module.params, module.check_mode, lambda text: None)
    except BundleError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
