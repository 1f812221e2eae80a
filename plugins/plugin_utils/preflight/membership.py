# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which cluster does a machine belong to, and may the version that runs there become the wanted one?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    Inventory,
    Settings,
)
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.machines import Measured

KUBELET_SKEW = 3
"""Minor versions that a kubelet may be older than the API server (Kubernetes version skew policy)."""


def check_membership(
    inventory: Inventory, settings: Settings, measured: Mapping[str, Measured]
) -> Iterator[Finding]:
    """Machines whose cluster CA is not ours."""
    members = {name: facts["membership"] for name, facts in measured.items() if _member(facts)}
    if not members:
        return
    ours = _our_ca(inventory, settings, measured)
    for machine in inventory.machines:
        member = members.get(machine.name)
        if member is None or member["ca"] == ours:
            continue
        whose = f"cluster {member['cluster']} " if member.get("cluster") else "another cluster "
        known = f"the CA {ours[:12]}" if ours else "a cluster that this controller has a kubeconfig of"
        yield machine.finding(
            "cluster membership",
            f"the machine belongs to {whose}(CA {member['ca'][:12]})",
            f"a bare machine or a member of {settings.cluster_name} ({known})",
        )


def _member(facts: Measured) -> bool:
    return bool((facts.get("membership") or {}).get("ca"))


def _our_ca(inventory: Inventory, settings: Settings, measured: Mapping[str, Measured]) -> str:
    """The CA of our cluster ("" = not known).

    It is the one the controller's kubeconfig trusts, as long as a control plane has it. When none has (the
    run that made the cluster was killed before it wrote the kubeconfig, or the machines are new), it is what
    all control planes that have one agree on, provided that all of them could be looked at and that their
    cluster's name is ours.
    """
    planes = [measured.get(machine.name) for machine in inventory.members("control_plane")]
    seen = [facts["membership"] for facts in planes if facts is not None and _member(facts)]
    authorities = {member["ca"] for member in seen}
    if settings.known_ca and (settings.known_ca in authorities or None in planes):
        return settings.known_ca
    names = {member.get("cluster") for member in seen}
    if None not in planes and len(authorities) == 1 and names == {settings.cluster_name}:
        return str(authorities.pop())
    return settings.known_ca


def check_versions(
    inventory: Inventory, settings: Settings, measured: Mapping[str, Measured]
) -> Iterator[Finding]:
    """Version skews that kubeadm forbids: two minor versions at once, and backwards."""
    wanted = parse_version(settings.kubernetes_version)
    if wanted is None:
        yield inventory.finding(
            "kubernetes_version", f"{settings.kubernetes_version!r} is no version", "a version such as 1.36.3"
        )
        return
    for machine in inventory.machines:
        facts = measured.get(machine.name)
        if facts is None or not _member(facts):
            continue
        for component, skew in (("api_server", 1), ("kubelet", KUBELET_SKEW)):
            text = facts["membership"].get(component)
            installed = parse_version(text or "")
            if installed is None:
                continue
            message = skew_fault(installed, wanted, skew)
            if message:
                yield machine.finding(
                    "kubernetes_version",
                    f"{component} {text} cannot become {settings.kubernetes_version}: {message}",
                    f"{_text(installed)} to {installed[0]}.{installed[1] + skew}.x",
                )


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Major, minor and patch of "1.36.3" or "v1.36.3"; None when it is no such version."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def skew_fault(installed: tuple[int, int, int], wanted: tuple[int, int, int], most: int) -> str:
    """Why the step is forbidden, or "" when it is not. most = minor versions that may be taken at once."""
    if wanted < installed:
        return "it would be a downgrade"
    if wanted[0] != installed[0] or wanted[1] - installed[1] > most:
        return f"more than {most} minor version{'s' if most > 1 else ''} at once"
    return ""


def _text(version: tuple[int, int, int]) -> str:
    return ".".join(str(part) for part in version)
