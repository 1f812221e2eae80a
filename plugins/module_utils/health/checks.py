# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges what was seen: pure functions from observations to checks, each with what was found and expected."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..monitoring.ask import Found
from .probes import Outcome


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. ``ok`` is None where it could not be (or was not to be) judged."""

    area: str
    subject: str
    ok: bool | None
    found: str
    expected: str = ""

    def __str__(self) -> str:
        expected = f"; expected: {self.expected}" if self.expected else ""
        return f"{self.area}: {self.subject}: {self.found}{expected}"


def unreachable(observations: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[Check]:
    """Judge whether each machine could be asked at all."""
    checks = []
    for host, seen in observations.items():
        problem = str(seen.get("problem") or "")
        checks.append(Check("machines", host, not problem, problem or "answers", "answers over SSH"))
    return checks


def units(observations: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[Check]:
    """Judge the systemd units of each machine."""
    return [
        Check("services", f"{unit} on {host}", state == "active", state, "active")
        for host, seen in observations.items()
        for unit, state in (seen.get("units") or {}).items()
    ]


def certificates(observations: t.Mapping[str, t.Mapping[str, t.Any]], days: int) -> list[Check]:
    """Judge the days that each certificate file is still valid; ``days`` is the fewest allowed."""
    checks = []
    for host, seen in observations.items():
        for one in seen.get("certificates") or []:
            subject = f"{one['path']} on {host}"
            if "error" in one:
                checks.append(Check("certificates", subject, False, one["error"], "a certificate"))
            else:
                left = float(one["days"])
                found = f"{left:.0f} days left" if left >= 0 else f"expired {-left:.0f} days ago"
                checks.append(Check("certificates", subject, left >= days, found, f"at least {days} days"))
    return checks


def addresses(observations: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[Check]:
    """Judge what each machine reached: the mirror's registry and files, the API server, the endpoint."""
    return [
        Check(
            one["name"],
            f"{one['url']} from {host}",
            one["ok"],
            f"answers in {one['seconds'] * 1000:.0f} ms" if one["ok"] else one.get("error", "no answer"),
            "an answer",
        )
        for host, seen in observations.items()
        for one in seen.get("urls") or []
    ]


def clocks(observations: t.Mapping[str, t.Mapping[str, t.Any]], seconds: float) -> list[Check]:
    """Judge how far each machine's clock is off; ``seconds`` is the most allowed, either way."""
    checks = []
    for host, seen in observations.items():
        clock = seen.get("clock")
        if not clock:
            continue
        expected = f"at most {seconds:g} s off {clock['server']}"
        if "error" in clock:
            checks.append(Check("time", host, False, clock["error"], expected))
        else:
            off = float(clock["offset"])
            checks.append(Check("time", host, abs(off) <= seconds, f"{off * 1000:+.1f} ms", expected))
    return checks


def etcd(observations: t.Mapping[str, t.Mapping[str, t.Any]], expected: t.Sequence[str]) -> list[Check]:
    """Judge the etcd cluster by what each member says; ``expected`` are the control planes."""
    checks = []
    # With --limit, some were not asked.
    said = {host: observations[host].get("etcd") or {} for host in expected if host in observations}
    answering = {host: one for host, one in said.items() if one and "error" not in one}
    for host, one in said.items():
        if host in answering:
            healthy = one["leader"] != "0" and not one["errors"]
            found = f"{one['version']}, {one['size'] / 1048576:.0f} MiB" if healthy else "no leader"
            found = ", ".join(map(str, one["errors"])) or found
            checks.append(Check("etcd", f"member on {host}", healthy, found, "healthy, with a leader"))
        else:
            found = one.get("error") or ("its machine does not answer" if not one else "no answer")
            checks.append(Check("etcd", f"member on {host}", False, found, "answers"))
    leaders = {one["leader"] for one in answering.values()}
    if answering:
        named = {number: name for one in answering.values() for number, name in one["members"].items()}
        names = sorted(named.get(leader, leader) for leader in leaders)
        checks.append(Check("etcd", "leader", len(leaders) == 1, ", ".join(names), "one, the same for all"))
        members = sorted(named.values())
        right = members == sorted(expected)
        checks.append(Check("etcd", "members", right, ", ".join(members), ", ".join(sorted(expected))))
        learners = sorted({name for one in answering.values() for name in one["learners"]})
        if learners:
            checks.append(Check("etcd", "learners", False, ", ".join(learners), "none"))
    return checks


def nodes(found: t.Sequence[t.Mapping[str, t.Any]], expected: t.Sequence[str]) -> list[Check]:
    """Judge the Node objects against the inventory's names."""
    by_name = {node["metadata"]["name"]: node for node in found}
    checks = []
    for name in expected:
        if name not in by_name:
            checks.append(Check("nodes", name, False, "is not in the cluster", "Ready"))
            continue
        conditions = {c["type"]: c for c in by_name[name].get("status", {}).get("conditions", [])}
        ready = conditions.get("Ready", {})
        pressure = [
            kind
            for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
            if conditions.get(kind, {}).get("status") == "True"
        ]
        if ready.get("status") != "True":
            why = f"NotReady: {ready.get('message') or ready.get('reason') or 'no condition'}"
            checks.append(Check("nodes", name, False, why, "Ready"))
        elif pressure:
            checks.append(Check("nodes", name, False, ", ".join(pressure), "Ready, under no pressure"))
        elif by_name[name].get("spec", {}).get("unschedulable"):
            checks.append(Check("nodes", name, None, "Ready, cordoned by hand", "Ready"))
        else:
            checks.append(Check("nodes", name, True, "Ready", "Ready"))
    strangers = sorted(set(by_name) - set(expected))
    if strangers:
        checks.append(Check("nodes", "others", None, ", ".join(strangers), "only nodes of the inventory"))
    return checks


def versions(
    server: str,
    found: t.Sequence[t.Mapping[str, t.Any]],
    pods: t.Sequence[t.Mapping[str, t.Any]],
    expected: str,
) -> list[Check]:
    """Judge the versions of the API server, the kubelets and the control plane's programs."""
    checks = []
    wanted = f"v{expected}" if expected else ""
    if server:
        checks.append(Check("versions", "API endpoint", not wanted or server == wanted, server, wanted))
    for node in found:
        kubelet = node.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "")
        name = f"kubelet on {node['metadata']['name']}"
        checks.append(Check("versions", name, not wanted or kubelet == wanted, kubelet, wanted))
    for program in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"):
        tags = sorted({tag for image, tag in images(pods) if image.rsplit("/", 1)[-1] == program})
        if tags:
            right = not wanted or tags == [wanted]
            checks.append(Check("versions", program, right, ", ".join(tags), wanted))
    return checks


def images(pods: t.Sequence[t.Mapping[str, t.Any]]) -> list[tuple[str, str]]:
    """Return the images of pods as (name, tag), each once, sorted."""
    found = set()
    for pod in pods:
        for container in pod.get("spec", {}).get("containers", []):
            name, _colon, tag = container["image"].partition("@")[0].rpartition(":")
            found.add((name, tag))
    return sorted(found)


def workloads(found: t.Sequence[t.Mapping[str, t.Any]]) -> list[Check]:
    """Judge DaemonSets and Deployments: as many pods ready as there should be."""
    checks = []
    for item in found:
        status = item.get("status", {})
        if item["kind"] == "DaemonSet":
            wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        else:
            wanted = item.get("spec", {}).get("replicas", 1)
            ready = status.get("readyReplicas", 0)
        name = f"{item['kind']} {item['metadata']['namespace']}/{item['metadata']['name']}"
        checks.append(Check("workloads", name, ready >= wanted, f"{ready} ready", f"{wanted} ready"))
    return checks


def sites(nodes_by_site: t.Mapping[str, str], expected: t.Sequence[str]) -> list[Check]:
    """Judge whether each site has a node on which the probes can run."""
    return [
        Check("pod network", f"site {site}", site in nodes_by_site, "no node is Ready", "a Ready node")
        for site in expected
        if site not in nodes_by_site
    ]


def lookups(found: t.Mapping[str, Outcome], name: str) -> list[Check]:
    """Judge the lookups of a Service's name, each from a pod."""
    return [
        Check("DNS", f"{name} from a pod in {site}", one.ok, _text(one, "found and connected"), "an answer")
        for site, one in found.items()
    ]


def allowed(found: t.Mapping[tuple[str, str], Outcome]) -> list[Check]:
    """Judge the connections from pod to pod that must succeed."""
    return [
        Check("pod network", f"{source} to {target}", one.ok, _text(one, "connected"), "connected")
        for (source, target), one in found.items()
    ]


def denied(
    found: t.Mapping[tuple[str, str], Outcome], permitted: t.Mapping[tuple[str, str], Outcome]
) -> list[Check]:
    """Judge the connections that the policy must stop.

    One that failed proves something only where the same way is open to a pod that is allowed.
    """
    checks = []
    for way, one in found.items():
        subject = f"{way[0]} to {way[1]}, not allowed"
        expected = "stopped by the policy"
        open_way = permitted.get(way, Outcome(None))
        if one.ok:
            checks.append(Check("policy", subject, False, "the connection was let through", expected))
        elif one.ok is None or not open_way.ok:
            why = one.text or "the way is closed to allowed pods too, which says nothing of the policy"
            checks.append(Check("policy", subject, None, f"not judged: {why}", expected))
        else:
            checks.append(Check("policy", subject, True, "stopped", expected))
    return checks


def monitoring(said: Found, wanted: bool) -> list[Check]:
    """Judge what Prometheus says: critical alerts are faults, others are pointed out.

    A cluster without Prometheus is only pointed out where the inventory says that there is one (``wanted``).
    """
    if not said.there:
        return [Check("monitoring", "Prometheus", None, said.problem, "it answers")] if wanted else []
    if said.problem:
        return [Check("monitoring", "Prometheus", False, said.problem, "it answers")]
    answers = f"answers, with figures of {len(said.levels)} services"
    checks = [Check("monitoring", "Prometheus", True, answers, "it answers")]
    for alert in said.alerts:
        ok = False if alert.is_critical else None
        page = f" ({alert.runbook})" if alert.runbook else ""
        checks.append(
            Check("alerts", f"{alert.name}, {alert.severity}", ok, f"{alert.summary}{page}", "silent")
        )
    return checks


def _text(outcome: Outcome, good: str) -> str:
    return good if outcome.ok else outcome.text or "failed"


def unhealthy(checks: t.Sequence[Check]) -> list[Check]:
    """Return the checks that failed."""
    return [check for check in checks if check.ok is False]
