# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The model of all services, from the inventory's variables and the roles' defaults and specifications."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import context
from ansible.utils.vars import load_extra_vars
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import KubernetesError
from ansible_collections.nilecare.platform.plugins.module_utils.services.checks import (
    Capacity,
    errors,
    warnings,
)
from ansible_collections.nilecare.platform.plugins.module_utils.services.inventory import read_platform
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Finding, Platform
from ansible_collections.nilecare.platform.plugins.module_utils.services.namespaces import platform_objects
from ansible_collections.nilecare.platform.plugins.module_utils.services.quantities import (
    byte_count,
    millicores,
)
from ansible_collections.nilecare.platform.plugins.plugin_utils.model_action import ModelAction, refusal

# Seconds for which the nodes are asked what they have; without an answer those checks are left out.
PATIENCE = 3.0


class ActionModule(ModelAction):
    defaults_of = ("platform", "namespaces", "service")
    model_of = ("namespaces", "service")
    not_ours = frozenset({"service_model", "service_history", "service_rollback", "service_delivery"})

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, params = self.validate_argument_spec(
            argument_spec={"group": {"type": "str", "default": "services"}, "kubeconfig": {"type": "path"}}
        )
        variables = task_vars or {}
        version = self._extra().get("version")
        given = {} if version is None else {"service_version": version}
        hosts = [self.host(name, variables, given) for name in self.names(params["group"], variables)]
        platform, found = read_platform(hosts, self.options(), _sites(variables["groups"]))
        found += self._version_of_many(variables)
        found += [] if found else errors(platform)
        advice = [str(finding) for finding in warnings(platform, _capacity(params["kubeconfig"]))]
        result.update(changed=False, findings=advice)
        if found:
            result.update(refusal(found, "services'"))
            return result
        result.update(
            warnings=advice,
            services={name: service.to_dict() for name, service in platform.services.items()},
            namespaces=_namespaces(platform),
            objects=platform_objects(platform),
        )
        return result

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
