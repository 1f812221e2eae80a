# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The model of all stores, from the inventory's variables and the roles' defaults and specifications."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.stores.inventory import (
    DECLARED,
    Client,
    Stores,
    read_stores,
)
from ansible_collections.nilecare.platform.plugins.module_utils.stores.surroundings import surroundings
from ansible_collections.nilecare.platform.plugins.module_utils.stores.volumes import on_machines
from ansible_collections.nilecare.platform.plugins.plugin_utils.model_action import ModelAction, refusal

ARGUMENTS = {
    "group": {"type": "str", "default": "stores"},
    "authority": {"type": "path", "required": True},
}


class ActionModule(ModelAction):
    defaults_of = ("platform", "namespaces", "store")
    model_of = ("namespaces", "store")
    not_ours = frozenset({"store_model", "store_objects", "store_namespace_objects"})

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, params = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        groups = variables["groups"]
        hosts = [self.host(name, variables, {}) for name in self.names(params["group"], variables)]
        clients = [self._client(name, variables) for name in groups.get("services", [])]
        stores, found = read_stores(hosts, self.options(), clients, _sites(groups))
        result.update(changed=False)
        result.update(
            refusal(found, "stores'") if found else _answer(stores, self._authority(params["authority"]))
        )
        return result

    def _authority(self, path: str) -> str:
        """The authority's certificate; check mode may come before there is one."""
        if self._task.check_mode and not Path(path).is_file():
            return "there is no authority yet\n"
        return Path(path).read_text(encoding="utf-8")

    def _client(self, name: str, task_vars: dict[str, Any]) -> Client:
        own = {**self.defaults_file("service"), **task_vars["hostvars"].raw_get(name)}
        namespace = next(group for group in own["group_names"] if group in own["service_namespaces"])
        templar = self._templar.copy_with_new_env(available_variables=own)
        return Client(
            name,
            namespace,
            {"app": f"{name}-service"},
            tuple(templar.template(own["service_dependencies"])),
            {kind: dict(templar.template(own.get(variable) or {})) for kind, variable in DECLARED.items()},
        )


def _sites(groups: Mapping[str, Any]) -> dict[str, str]:
    """Site by machine."""
    cluster = set(groups.get("cluster", []))
    return {
        machine: group
        for group, machines in groups.items()
        if group.startswith("site_")
        for machine in machines
        if machine in cluster
    }


def _answer(stores: Stores, authority: str) -> dict[str, Any]:
    return {
        "stores": {name: store.to_dict() for name, store in stores.stores.items()},
        "objects": surroundings(stores, authority),
        "volumes": on_machines(list(stores.stores.values())),
    }
