# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gathers what the checks need, has it judged, and fails once with everything that was found."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.nilecare.platform.plugins.module_utils.machine.membership import fingerprint
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight import (
    bundle,
    finding,
    hostvars,
    judge,
    machines,
    networks,
    section,
    variables,
)
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    Backup,
    Settings,
)

ROLES = Path(__file__).resolve().parents[2] / "roles"

ARGUMENTS: dict[str, dict[str, Any]] = {
    "cluster_name": {"type": "str", "required": True},
    "kubernetes_version": {"type": "str", "required": True},
    "pod_network": {"type": "str", "required": True},
    "service_network": {"type": "str", "required": True},
    "node_prefix": {"type": "int", "required": True},
    "max_nodes": {"type": "int", "required": True},
    "allow_missing": {"type": "list", "elements": "str", "default": []},
    "state_directory": {"type": "path", "required": True},
    "bundle_directory": {"type": "path"},
    "bundle_items": {"type": "dict", "default": {}},
    "bundle_sets": {"type": "list", "elements": "str", "default": []},
    "backup_targets": {"type": "list", "elements": "raw", "default": []},
    "backup_recipients": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        if networks.NETADDR_ERROR is not None:
            raise AnsibleActionFail(
                "the controller needs the Python package netaddr"
            ) from networks.NETADDR_ERROR
        _validation, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        state = Path(given["state_directory"])
        inventory = hostvars.read_inventory(task_vars["groups"], task_vars["hostvars"])
        settings = Settings(
            kubernetes_version=given["kubernetes_version"],
            cluster_name=given["cluster_name"],
            pod_network=given["pod_network"],
            service_network=given["service_network"],
            node_prefix=given["node_prefix"],
            max_nodes=given["max_nodes"],
            allow_missing=given["allow_missing"],
            known_ca=trusted_ca(state / "kubeconfig"),
            backup=Backup(given["backup_targets"], given["backup_recipients"], given["bundle_sets"]),
        )
        measured = {
            name: task_vars["hostvars"][name]["ansible_facts"]["preflight_machine"]
            for name in task_vars["ansible_play_hosts_all"]
        }
        faults = []
        if given["bundle_directory"]:
            directory = Path(given["bundle_directory"])
            faults = list(bundle.check_bundle(directory, settings, state, given["bundle_items"]))
        found = judge.judge(inventory, settings, variables.read_known(ROLES), measured, faults)
        missing = [] if found else machines.missing_hosts(inventory, settings, measured)
        result.update(
            changed=False,
            findings=[one.as_dict() for one in found],
            missing=missing,
            nilecare_missing_hosts={name: measured[name]["error"] for name in missing},
            nilecare_report=section.section(inventory, found, measured, missing),
        )
        if found:
            result.update(failed=True, msg=finding.report(found))
        return result


def trusted_ca(kubeconfig: Path) -> str:
    """Fingerprint of the CA that a kubeconfig trusts, "" when there is no such file."""
    try:
        content = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        data = content["clusters"][0]["cluster"]["certificate-authority-data"]
        return fingerprint(base64.b64decode(data).decode("ascii"))
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        return ""
