# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: bundle_item
short_description: What a bundle says about an item
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Finds items of a bundle by name, with version, path and checksum.
options:
  _terms:
    description:
      - Names of items, such as V(kubelet), V(bridge), V(registry.k8s.io/pause:3.10.2),
        V(calico/calico-vxlan.yaml).
    required: true
  kind:
    description: Kind of the item, where a program and a Debian package have the same name.
    type: str
    choices: [binary, image, package, manifest]
  directory:
    description: Folder of the bundle. Default is the variable C(bundle_directory), else what recipes make.
    type: path
"""

EXAMPLES = r"""
- name: Say what the kubelet's checksum is
  ansible.builtin.debug:
    msg: "{{ lookup('nilecare.platform.bundle_item', 'kubelet').sha256 }}"
"""

RETURN = r"""
_raw:
  description:
    - An item for each name, with C(name), C(version), C(kind), C(path) below the bundle's folder, C(sha256),
      C(size) in bytes, C(origin), C(licence) and C(file), its path on the controller.
  type: list
  elements: dict
"""

import dataclasses
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.errors import BundleError
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.location import bundle_directory
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.manifest import Item, read

#: which kind wins when only a name is given
ORDER = ("binary", "image", "manifest", "package")


class LookupModule(LookupBase):
    """Finds items of a bundle."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Return an item for each name; every missing name is reported."""
        self.set_options(var_options=variables, direct=kwargs)
        kind = self.get_option("kind")
        try:
            directory = self._directory(variables or {})
            by_name: dict[str, Item] = {}
            for item in sorted(read(directory).items, key=lambda i: ORDER.index(i.kind), reverse=True):
                if kind in (None, item.kind):
                    by_name[item.name] = item
        except BundleError as error:
            raise AnsibleLookupError(str(error)) from error
        missing = [term for term in terms if term not in by_name]
        if missing:
            what = f"{kind} " if kind else ""
            raise AnsibleLookupError(
                f"the bundle in {directory} has no {what}item {', '.join(missing)}; "
                f"it has {len(by_name)} others"
            )
        return [{**dataclasses.asdict(by_name[t]), "file": str(directory / by_name[t].path)} for t in terms]

    def _directory(self, variables: dict[str, Any]) -> Path:
        given = self.get_option("directory")
        if not given and "bundle_directory" in variables:
            given = self._templar.template(variables["bundle_directory"])
        return Path(given) if given else bundle_directory()
