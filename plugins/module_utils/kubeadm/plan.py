# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who creates the cluster, who joins, who must be undone first, and whom nobody may touch. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .state import ABSENT, CONTROL_PLANE, JOINED, PARTIAL, UNREACHABLE, WORKER

INIT = "init"
JOIN = "join"
REJOIN = "rejoin"
NONE = "joined"

Info = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """``actions`` by host, ``refusals`` by host in words, ``serving``: the control plane to ask."""

    serving: str
    exists: bool
    ca_fingerprint: str = ""
    actions: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)


def make_plan(infos: Mapping[str, Info], control_planes: Sequence[str]) -> Plan:
    """The plan for the hosts in ``infos`` (host to the result of kubeadm_node_info).

    ``control_planes`` are all control planes in the inventory's order; with ``--limit`` not all have an
    info. A cluster is created only where every control plane is known to hold none.
    """
    known = {host: infos[host] for host in control_planes if host in infos}
    joined = [h for h, i in known.items() if i["state"] == JOINED and i["role"] == CONTROL_PLANE]
    if joined:
        return _join_to(infos, control_planes, joined)
    if known:
        return _create(infos, control_planes, known)
    # Limited to workers: the control plane itself says whether it serves, when it is asked.
    actions, refusals = _judge_members(infos, control_planes, "")
    return Plan(control_planes[0], True, "", actions, refusals)


def _join_to(infos: Mapping[str, Info], control_planes: Sequence[str], joined: Sequence[str]) -> Plan:
    authorities = {host: infos[host]["ca_fingerprint"] for host in joined}
    if len(set(authorities.values())) > 1:
        said = ", ".join(f"{host} (CA {ca[:12]})" for host, ca in authorities.items())
        text = f"the control planes belong to different clusters: {said}"
        return Plan(joined[0], True, "", {}, dict.fromkeys(infos, text))
    authority = authorities[joined[0]]
    actions, refusals = _judge_members(infos, control_planes, authority)
    finished = [host for host in joined if infos[host].get("addons")]
    if not finished and infos[joined[0]].get("addons") is False:
        actions[joined[0]] = INIT
    return Plan((finished or list(joined))[0], True, authority, actions, refusals)


def _judge_members(
    infos: Mapping[str, Info], control_planes: Sequence[str], authority: str
) -> tuple[dict[str, str], dict[str, str]]:
    actions: dict[str, str] = {}
    refusals: dict[str, str] = {}
    for host, info in infos.items():
        wanted = CONTROL_PLANE if host in control_planes else WORKER
        foreign = authority and info["ca_fingerprint"] and info["ca_fingerprint"] != authority
        if info["state"] == ABSENT:
            actions[host] = JOIN
        elif foreign:
            refusals[host] = (
                f"{host} belongs to another cluster (CA {info['ca_fingerprint'][:12]}, this cluster's is "
                f"{authority[:12]}): run reset.yml with --limit {host} if it may be taken"
            )
        elif info["state"] == UNREACHABLE:
            refusals[host] = (
                f"{host} has all files of a node, but its cluster does not answer: {info['reason']}"
            )
        elif info["state"] == PARTIAL:
            actions[host] = REJOIN
        elif info["role"] != wanted:
            refusals[host] = (
                f"{host} is a {wanted} in the inventory and a {info['role']} in the cluster: "
                f"run reset.yml with --limit {host} first"
            )
        else:
            actions[host] = NONE
    return actions, refusals


def _create(infos: Mapping[str, Info], control_planes: Sequence[str], known: Mapping[str, Info]) -> Plan:
    refusals: dict[str, str] = {}
    missing = [host for host in control_planes if host not in infos]
    for host, info in known.items():
        if info["state"] == UNREACHABLE:
            refusals[host] = (
                f"{host} has all files of a control plane, but its cluster does not answer: {info['reason']}"
            )
        elif info["state"] == JOINED:
            refusals[host] = (
                f"{host} is a control plane in the inventory and a worker of some cluster: "
                f"run reset.yml with --limit {host} first"
            )
        elif info["state"] == PARTIAL and info["finalised"] and info["etcd_data"]:
            refusals[host] = (
                f"{host} was a working control plane and holds etcd's data, but no control plane is whole "
                f"now ({info['reason']}): repair it, or give its data up with reset.yml"
            )
    if not refusals and missing:
        text = "no cluster is known, and to create one every control plane must be in the run; not in it: "
        refusals = dict.fromkeys(known, text + ", ".join(missing))
    first = control_planes[0]
    actions: dict[str, str] = {}
    for host, info in infos.items():
        if host in refusals:
            continue
        if host not in control_planes and info["state"] in (JOINED, UNREACHABLE):
            refusals[host] = (
                f"{host} belongs to a cluster whose control planes are not in this inventory or gone "
                f"(CA {info['ca_fingerprint'][:12]}): run reset.yml with --limit {host} if it may be taken"
            )
        elif host == first:
            actions[host] = INIT
        else:
            actions[host] = JOIN if info["state"] == ABSENT else REJOIN
    return Plan(first, False, "", actions, refusals)
