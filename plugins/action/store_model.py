# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The model of all stores, from the inventory's variables and the roles' defaults and specifications."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.nilecare.platform.plugins.module_utils.services.inventory import Host
from ansible_collections.nilecare.platform.plugins.module_utils.stores.inventory import (
    DECLARED,
    Client,
    Stores,
    read_stores,
)
from ansible_collections.nilecare.platform.plugins.module_utils.stores.surroundings import surroundings
from ansible_collections.nilecare.platform.plugins.module_utils.stores.volumes import on_machines

ROLES = Path(__file__).resolve().parents[2] / "roles"
DEFAULTS = ("platform", "namespaces", "store")
MODEL = ("namespaces", "store")
PREFIXES = tuple(f"{role}_" for role in MODEL)
# Results of the roles' own tasks bear their prefix too.
_NOT_OURS = frozenset({"store_model", "store_objects", "store_namespace_objects"})
ARGUMENTS = {
    "group": {"type": "str", "default": "stores"},
    "authority": {"type": "path", "required": True},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, params = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        groups = variables["groups"]
        names = list(groups.get(params["group"], []))
        if not names:
            raise AnsibleActionFail(f"the inventory has no group {params['group']!r}, or no host is in it")
        clients = [self._client(name, variables) for name in groups.get("services", [])]
        hosts = [self._host(name, variables) for name in names]
        stores, found = read_stores(hosts, self._options(), clients, _sites(groups))
        result.update(changed=False)
        if found:
            texts = sorted({str(finding) for finding in found})
            listed = "\n".join(f"- {text}" for text in texts)
            result.update(failed=True, errors=texts)
            result["msg"] = f"{len(texts)} errors in the stores' variables, nothing was changed:\n{listed}"
            return result
        result.update(_answer(stores, self._authority(params["authority"])))
        return result

    def _authority(self, path: str) -> str:
        """The authority's certificate; check mode may come before there is one."""
        if self._task.check_mode and not Path(path).is_file():
            return "there is no authority yet\n"
        return Path(path).read_text(encoding="utf-8")

    def _host(self, name: str, task_vars: dict[str, Any]) -> Host:
        """Template a host's variables; what cannot be templated is reported with the rest."""
        own = {**self._defaults(), **task_vars["hostvars"].raw_get(name)}
        own["hostvars"], own["groups"] = task_vars["hostvars"], task_vars["groups"]
        templar = self._templar.copy_with_new_env(available_variables=own)
        values: dict[str, Any] = {}
        failures: dict[str, str] = {}
        for key in own:
            if not key.startswith(PREFIXES) or key in _NOT_OURS:
                continue
            try:
                values[key] = templar.template(own[key])
            except AnsibleError as error:
                failures[key] = f"cannot be read: {error.message}"
        return Host(name, values, tuple(own.get("group_names", ())), failures)

    def _client(self, name: str, task_vars: dict[str, Any]) -> Client:
        own = {**self._load("service"), **task_vars["hostvars"].raw_get(name)}
        namespace = next(group for group in own["group_names"] if group in own["service_namespaces"])
        templar = self._templar.copy_with_new_env(available_variables=own)
        return Client(
            name,
            namespace,
            {"app": f"{name}-service"},
            tuple(templar.template(own["service_dependencies"])),
            {kind: dict(templar.template(own.get(variable) or {})) for kind, variable in DECLARED.items()},
        )

    def _load(self, role: str) -> dict[str, Any]:
        path = ROLES / role / "defaults" / "main.yml"
        loaded: dict[str, Any] = self._loader.load_from_file(str(path), trusted_as_template=True) or {}
        return loaded

    def _defaults(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for role in DEFAULTS:
            merged.update(self._load(role))
        return merged

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        for role in MODEL:
            text = self._loader.load_from_file(str(ROLES / role / "meta" / "argument_specs.yml"))
            options.update(text["argument_specs"]["main"]["options"])
        return options


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
