# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of the cluster's roles: kubeadm's documents, the plan of a run, and where nodes stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import config, placement, plan


def _plan(infos: Mapping[str, Any], control_planes: Sequence[str]) -> plan.Plan:
    known = {host: info["kubeadm"] for host, info in infos.items() if info and "kubeadm" in info}
    return plan.make_plan(known, list(control_planes))


def kubeadm_action(infos: Mapping[str, Any], control_planes: Sequence[str], host: str) -> str:
    """What is to be done with ``host``: init, join, rejoin or joined. Raises where nothing may be done."""
    made = _plan(infos, control_planes)
    if made.refusals:
        said = "\n".join(sorted(set(made.refusals.values())))
        raise AnsibleFilterError(
            f"Nothing was changed, because of {len(made.refusals)} of the hosts:\n{said}"
        )
    return made.actions[host]


def kubeadm_serving(infos: Mapping[str, Any], control_planes: Sequence[str]) -> str:
    """The control plane that lets others in: a whole one, or the one where the cluster is created."""
    return _plan(infos, control_planes).serving


def kubeadm_exists(infos: Mapping[str, Any], control_planes: Sequence[str]) -> bool:
    """Whether a control plane holds the cluster already."""
    return _plan(infos, control_planes).exists


def _documents(function: Callable[..., Any]) -> Callable[[Mapping[str, Any]], Any]:
    def render(settings: Mapping[str, Any]) -> Any:
        try:
            return function(**settings)
        except (TypeError, KeyError) as error:
            raise AnsibleFilterError(f"{function.__name__}: {error}") from error

    return render


class FilterModule:
    """Makes the filters known to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "kubeadm_action": kubeadm_action,
            "kubeadm_serving": kubeadm_serving,
            "kubeadm_exists": kubeadm_exists,
            "kubeadm_cluster_configuration": _documents(config.cluster_configuration),
            "kubeadm_init_documents": _documents(config.init_documents),
            "kubeadm_join_document": _documents(config.join_document),
            "kubelet_configuration": config.kubelet_configuration,
            "encryption_configuration": config.encryption_configuration,
            "authentication_configuration": lambda _nothing: config.authentication_configuration(),
            "audit_policy": lambda _nothing: config.audit_policy(),
            "node_placements": placement.node_placements,
        }
