# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: kustomize
short_description: Objects of a kustomization
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Builds a directory that holds a C(kustomization.yaml) with the bundle's own kubectl and answers the
    objects, ready for M(nilecare.platform.apply).
  - Beside the kustomization, C(bundle) stands for the bundle's directory of upstream manifests. So a
    kustomization says C(resources) C([bundle/calico/calico-vxlan.yaml]) and holds only the patches.
options:
  _terms:
    description: Directories with a C(kustomization.yaml).
    type: list
    elements: path
    required: true
  kubectl:
    description: The kubectl that builds. That of the bundle (variable C(bundle_directory)) when not given.
    type: path
  manifests:
    description: Directory that C(bundle) stands for. C(manifests) of the bundle when not given.
    type: path
requirements:
  - kubectl of the bundle
  - PyYAML
"""

EXAMPLES = r"""
- name: Apply Calico with our patches
  nilecare.platform.apply:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    name: calico
    namespace: kube-system
    objects: "{{ lookup('nilecare.platform.kustomize', role_path ~ '/files/kustomization') }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
_raw:
  description: The objects, as one list.
  type: list
  elements: dict
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.nilecare.platform.plugins.plugin_utils.renderer import in_bundle, rendered

TIMEOUT = 60.0
"""Seconds for one build; nothing is fetched, so it takes well under one."""


class LookupModule(LookupBase):  # type: ignore[misc]
    """``lookup('nilecare.platform.kustomize', directory)``."""

    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        options = "kubectl and manifests"
        kubectl = self.get_option("kubectl") or in_bundle(
            self, "kustomize", variables, "bin/kubectl", options
        )
        manifests = self.get_option("manifests") or in_bundle(
            self, "kustomize", variables, "manifests", options
        )
        found: list[dict[str, Any]] = []
        for term in terms:
            directory = Path(str(term)).expanduser()
            if not any((directory / name).is_file() for name in ("kustomization.yaml", "kustomization.yml")):
                raise AnsibleError(f"kustomize: {directory} holds no kustomization.yaml")
            found.extend(build(directory, Path(kubectl), Path(manifests)))
        # A list in a list: `lookup` takes the outer one away, also when there is only one object.
        return [found]


def build(directory: Path, kubectl: Path, manifests: Path) -> list[dict[str, Any]]:
    """Objects of the kustomization in ``directory``; ``bundle`` in it stands for ``manifests``."""
    if not kubectl.is_file():
        raise AnsibleError(f"kustomize: kubectl {kubectl} does not exist; is the bundle there?")
    with tempfile.TemporaryDirectory(prefix="nilecare-kustomize-") as temporary:
        copy = Path(temporary).resolve() / "kustomization"
        shutil.copytree(directory, copy)
        (copy / "bundle").symlink_to(manifests.resolve())
        command = [str(kubectl), "kustomize", "--load-restrictor=LoadRestrictionsNone", str(copy)]
        try:
            return rendered(f"kustomize: {directory}", command, TIMEOUT)
        except AnsibleError as error:
            raise AnsibleError(str(error).replace(str(copy), str(directory))) from None
