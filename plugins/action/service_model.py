# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The model of all services, from the inventory's variables and the roles' defaults and specifications."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import KubernetesError
from ansible_collections.nilecare.platform.plugins.module_utils.services.checks import (
    Capacity,
    errors,
    warnings,
)
from ansible_collections.nilecare.platform.plugins.module_utils.services.inventory import Host, read_platform
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Finding, Platform
from ansible_collections.nilecare.platform.plugins.module_utils.services.namespaces import platform_objects
from ansible_collections.nilecare.platform.plugins.module_utils.services.quantities import (
    byte_count,
    millicores,
)

ROLES = Path(__file__).resolve().parents[2] / "roles"
# Roles whose defaults a service's variables fall back to, and those whose variables make the model.
DEFAULTS = ("platform", "namespaces", "service")
MODEL = ("namespaces", "service")
PREFIXES = tuple(f"{role}_" for role in MODEL)
# Seconds for which the nodes are asked what they have; without an answer those checks are left out.
PATIENCE = 3.0


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, params = self.validate_argument_spec(
            argument_spec={"group": {"type": "str", "default": "services"}, "kubeconfig": {"type": "path"}}
        )
        variables = task_vars or {}
        names = list(variables["groups"].get(params["group"], []))
        if not names:
            raise AnsibleActionFail(f"the inventory has no group {params['group']!r}, or no host is in it")
        hosts = [self._host(name, variables) for name in names]
        platform, found = read_platform(hosts, self._options(), _sites(variables["groups"]))
        found += self._version_of_many(variables)
        found += [] if found else errors(platform)
        advice = [str(finding) for finding in warnings(platform, _capacity(params["kubeconfig"]))]
        result.update(changed=False, findings=advice)
        if found:
            texts = sorted({str(finding) for finding in found})
            result.update(failed=True, errors=texts, msg=_message(texts))
            return result
        result.update(
            warnings=advice,
            services={name: service.to_dict() for name, service in platform.services.items()},
            namespaces=_namespaces(platform),
            objects=platform_objects(platform),
        )
        return result

    def _host(self, name: str, task_vars: dict[str, Any]) -> Host:
        """Template a host's variables; what cannot be templated is reported with the rest."""
        own = {**self._defaults(), **task_vars["hostvars"].raw_get(name)}
        own["hostvars"], own["groups"] = task_vars["hostvars"], task_vars["groups"]
        version = self._extra().get("version")
        if version is not None:
            own["service_version"] = version
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

    def _version_of_many(self, task_vars: Mapping[str, Any]) -> list[Finding]:
        """A version given on the command line is meant for what the run is limited to, not for everything."""
        extra = self._extra()
        key = next((name for name in ("version", "service_version") if name in extra), None)
        hosts = task_vars.get("ansible_play_hosts_all", [])
        if key is None or len(hosts) < len(task_vars["groups"].get("services", [])) or len(hosts) < 2:
            return []
        return [
            Finding(
                "services",
                key,
                f"would become the version of all {len(hosts)} services; say which with --limit",
            )
        ]

    def _extra(self) -> Mapping[str, Any]:
        cached: Mapping[str, Any] | None = getattr(self, "_extra_variables", None)
        if cached is None:
            cached = load_extra_vars(self._loader) if context.CLIARGS else {}
            self._extra_variables = cached
        return cached

    def _defaults(self) -> dict[str, Any]:
        cached: dict[str, Any] | None = getattr(self, "_role_defaults", None)
        if cached is None:
            cached = {}
            for role in DEFAULTS:
                path = ROLES / role / "defaults" / "main.yml"
                cached.update(self._loader.load_from_file(str(path), trusted_as_template=True) or {})
            self._role_defaults = cached
        return dict(cached)

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        for role in MODEL:
            text = self._loader.load_from_file(str(ROLES / role / "meta" / "argument_specs.yml"))
            options.update(text["argument_specs"]["main"]["options"])
        return options


# Results of the roles' own tasks bear their prefix too.
_NOT_OURS = frozenset({"service_model", "service_history", "service_rollback", "service_delivery"})


def _sites(groups: Mapping[str, Any]) -> int:
    return sum(1 for name, hosts in groups.items() if name.startswith("site_") and hosts) or 1


def _capacity(kubeconfig: str | None) -> Capacity | None:
    if kubeconfig is None or not Path(kubeconfig).is_file():
        return None
    try:
        with Client.from_kubeconfig(kubeconfig, None, PATIENCE) as client:
            nodes = client.list("v1", "Node").items
    except KubernetesError:
        return None
    free = [node["status"].get("allocatable") or {} for node in nodes]
    return Capacity(
        cpu=sum(millicores(entry.get("cpu", 0)) for entry in free),
        memory=sum(byte_count(entry.get("memory", 0)) for entry in free),
        nodes=len(nodes),
    )


def _namespaces(platform: Platform) -> dict[str, Any]:
    return {
        name: {
            "cpu": namespace.cpu,
            "memory": namespace.memory,
            "storage": namespace.storage,
            "pods": namespace.pods,
            "pod_security": namespace.pod_security,
            "callers": list(namespace.callers),
        }
        for name, namespace in platform.namespaces.items()
    }


def _message(texts: list[str]) -> str:
    count = f"{len(texts)} errors" if len(texts) > 1 else "1 error"
    return f"{count} in the services' variables, nothing was changed:\n" + "\n".join(
        f"- {text}" for text in texts
    )
