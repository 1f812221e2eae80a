# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: store
short_description: Objects of a data store or broker
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Renders a store as its engine wants it (StatefulSet, Services, certificate, network policy, budget), ready
    for M(nilecare.platform.apply), or the volumes and claims of its members. Nothing is asked of a cluster.
options:
  _terms:
    description: The store, as M(nilecare.platform.store_model) returns it.
    type: list
    elements: dict
    required: true
  part:
    description: Which of its objects.
    type: str
    choices: [objects, volumes]
    default: objects
  settings:
    description: What the inventory says of the engine, as the engine's role names it without its prefix.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Apply the store
  nilecare.platform.apply:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    name: postgresql
    namespace: data
    objects: "{{ lookup('nilecare.platform.store', store_model.stores.postgresql, part='volumes') }}"
"""

RETURN = r"""
_raw:
  description: The objects, as one list.
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.nilecare.platform.plugins.module_utils.stores.engines import engine_of
from ansible_collections.nilecare.platform.plugins.module_utils.stores.model import Store
from ansible_collections.nilecare.platform.plugins.module_utils.stores.volumes import volume_objects


class LookupModule(LookupBase):  # type: ignore[misc]
    """Renders stores."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        """The objects, in a list of one list."""
        self.set_options(var_options=variables, direct=kwargs)
        objects: list[dict[str, Any]] = []
        for term in terms:
            try:
                store = Store.from_dict(dict(term))
                objects += self._part(store)
            except ValueError as error:
                raise AnsibleError(f"store {dict(term).get('name', '')}: {error}") from None
        return [objects]

    def _part(self, store: Store) -> list[dict[str, Any]]:
        if self.get_option("part") == "volumes":
            return volume_objects(store)
        rendered: list[dict[str, Any]] = engine_of(store.engine).render(
            store, dict(self.get_option("settings"))
        )
        return rendered
