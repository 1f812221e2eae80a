# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: istio
short_description: Objects of Istio, from the charts inside istioctl
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Renders Istio's own charts with the bundle's istioctl, which has them inside, and answers the objects,
    ready for M(nilecare.platform.apply). Nothing is asked of a cluster.
  - Left out is what istiod itself keeps up to date afterwards, the authority and the failure policy in its
    webhooks. Otherwise two owners would change them in turns.
options:
  _terms:
    description: Specifications as in an C(IstioOperator); components that are not named stay off.
    type: list
    elements: dict
    required: true
  istioctl:
    description: The istioctl that renders. That of the bundle (variable C(bundle_directory)) when not given.
    type: path
requirements:
  - istioctl of the bundle (C(mesh) in C(bundle_sets))
  - PyYAML
"""

EXAMPLES = r"""
- name: Apply the control plane
  nilecare.platform.apply:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    name: istiod
    namespace: istio-system
    objects: "{{ lookup('nilecare.platform.istio', {'components': {'pilot': {'enabled': true}}}) }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
_raw:
  description: The objects, as one list.
  type: list
  elements: dict
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.nilecare.platform.plugins.plugin_utils.renderer import in_bundle, rendered

TIMEOUT = 120.0
"""Seconds for one rendering; nothing is fetched, so it takes about one."""

WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


class LookupModule(LookupBase):  # type: ignore[misc]
    """``lookup('nilecare.platform.istio', specification)``."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        program = self.get_option("istioctl") or in_bundle(
            self, "istio", variables, "bin/istioctl", "istioctl"
        )
        found: list[dict[str, Any]] = []
        for term in terms:
            found.extend(render(term, Path(program)))
        # A list in a list: `lookup` takes the outer one away, also when there is only one object.
        return [found]


def render(specification: dict[str, Any], program: Path) -> list[dict[str, Any]]:
    """Objects of an installation."""
    if not program.is_file():
        raise AnsibleError(
            f"istio: {program} does not exist; a bundle with the mesh is made by playbooks/bundle.yml when "
            "bundle_sets names mesh"
        )
    installation = {
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "spec": {"profile": "empty", **specification},
    }
    with tempfile.TemporaryDirectory(prefix="nilecare-istio-") as folder:
        file = Path(folder, "installation.yaml")
        file.write_text(json.dumps(installation), encoding="utf-8")
        command = [str(program), "manifest", "generate", "--filename", str(file)]
        # HOME and KUBECONFIG: of no cluster that the operator may know.
        environment = {"HOME": folder, "KUBECONFIG": f"{folder}/none", "PATH": "/usr/bin:/bin"}
        found = rendered("istio", command, TIMEOUT, environment)
    return [without_what_istiod_keeps(obj) for obj in found]


def without_what_istiod_keeps(obj: dict[str, Any]) -> dict[str, Any]:
    """The object without fields that istiod writes: authorities of webhooks, failure policy of validation."""
    if obj["kind"] not in WEBHOOKS:
        return obj
    hooks = []
    for hook in obj.get("webhooks") or []:
        client = {key: value for key, value in hook["clientConfig"].items() if key != "caBundle"}
        kept = {**hook, "clientConfig": client}
        if obj["kind"] == "ValidatingWebhookConfiguration":
            kept.pop("failurePolicy", None)
        hooks.append(kept)
    return {**obj, "webhooks": hooks}
