# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""When is an object ready? One rule a kind, decided from the object alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

READY, PROGRESSING, FAILED = "ready", "progressing", "failed"


@dataclass(frozen=True)
class Readiness:
    """``state`` is ready, progressing or failed (for good); ``message`` says what is missing."""

    state: str
    message: str = ""

    @property
    def ready(self) -> bool:
        return self.state == READY


_READY = Readiness(READY)


def assess(obj: dict[str, Any]) -> Readiness:
    """Readiness of ``obj`` by its status; kinds without a rule are ready unless a Ready condition says no."""
    if obj.get("metadata", {}).get("deletionTimestamp"):
        return Readiness(PROGRESSING, "is being deleted")
    rule = _RULES.get((_group(obj), obj.get("kind", "")), _custom)
    return rule(obj)


def has_rule(api_version: str, kind: str) -> bool:
    """Whether objects of this kind become ready some time after they were applied."""
    group = api_version.rpartition("/")[0]
    return (group, kind) in _RULES or not _is_builtin(group)


def _is_builtin(group: str) -> bool:
    return "." not in group or group.endswith(".k8s.io")


def _group(obj: dict[str, Any]) -> str:
    return str(obj.get("apiVersion", "")).rpartition("/")[0]


def condition(obj: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The status condition of that type, or an empty mapping."""
    for entry in (obj.get("status") or {}).get("conditions") or []:
        if entry.get("type") == kind:
            return dict(entry)
    return {}


def is_ready(obj: Mapping[str, Any]) -> bool:
    """Whether a Node or Pod says of itself that it is ready."""
    return condition(obj, "Ready").get("status") == "True"


def _say(entry: dict[str, Any], otherwise: str) -> str:
    return ": ".join(part for part in (entry.get("reason"), entry.get("message")) if part) or otherwise


def _unobserved(obj: dict[str, Any]) -> bool:
    observed = (obj.get("status") or {}).get("observedGeneration", 0)
    return bool(observed < obj.get("metadata", {}).get("generation", 0))


def _waits(message: str) -> Readiness:
    return Readiness(PROGRESSING, message)


def _deployment(obj: dict[str, Any]) -> Readiness:
    if _unobserved(obj):
        return _waits("its controller has not seen the change yet")
    status, wanted = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    progressing = condition(obj, "Progressing")
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Readiness(
            FAILED, f"made no progress within its deadline; {available} of {wanted} replicas available"
        )
    if updated < wanted:
        return _waits(f"{updated} of {wanted} replicas are of the new version")
    if status.get("replicas", 0) > updated:
        return _waits(f"{status['replicas'] - updated} old replicas are still there")
    if available < updated:
        return _waits(f"{available} of {wanted} replicas available")
    return _READY


def _stateful_set(obj: dict[str, Any]) -> Readiness:
    if _unobserved(obj):
        return _waits("its controller has not seen the change yet")
    spec, status = obj["spec"], obj.get("status") or {}
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    if ready < wanted:
        return _waits(f"{ready} of {wanted} replicas ready")
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") == "RollingUpdate":
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        updated = status.get("updatedReplicas", 0)
        if updated < wanted - partition:
            return _waits(f"{updated} of {wanted - partition} replicas are of the new version")
        if not partition and status.get("updateRevision") != status.get("currentRevision"):
            return _waits("the new revision is not complete")
    return _READY


def _daemon_set(obj: dict[str, Any]) -> Readiness:
    if _unobserved(obj):
        return _waits("its controller has not seen the change yet")
    status = obj.get("status") or {}
    wanted = status.get("desiredNumberScheduled", 0)
    if (obj["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate":
        updated = status.get("updatedNumberScheduled", 0)
        if updated < wanted:
            return _waits(f"{updated} of {wanted} pods are of the new version")
    available = status.get("numberAvailable", 0)
    return _READY if available >= wanted else _waits(f"{available} of {wanted} pods available")


def _replica_set(obj: dict[str, Any]) -> Readiness:
    if _unobserved(obj):
        return _waits("its controller has not seen the change yet")
    wanted, available = obj["spec"].get("replicas", 1), (obj.get("status") or {}).get("availableReplicas", 0)
    return _READY if available >= wanted else _waits(f"{available} of {wanted} replicas available")


def _job(obj: dict[str, Any]) -> Readiness:
    failed = condition(obj, "Failed")
    if failed.get("status") == "True":
        return Readiness(FAILED, _say(failed, "failed"))
    if condition(obj, "Complete").get("status") == "True" or obj["spec"].get("suspend"):
        return _READY
    status = obj.get("status") or {}
    return _waits(f"{status.get('succeeded', 0)} of {obj['spec'].get('completions') or 1} completions")


def _pod(obj: dict[str, Any]) -> Readiness:
    phase = (obj.get("status") or {}).get("phase", "Pending")
    if phase == "Succeeded":
        return _READY
    if phase == "Failed":
        status = obj["status"]
        return Readiness(FAILED, _say(status, "a container ended with an error"))
    ready = condition(obj, "Ready")
    return _READY if ready.get("status") == "True" else _waits(_say(ready, f"phase is {phase}"))


def _claim(obj: dict[str, Any]) -> Readiness:
    phase = (obj.get("status") or {}).get("phase", "Pending")
    if phase == "Bound":
        return _READY
    return Readiness(FAILED, "its volume is lost") if phase == "Lost" else _waits(f"phase is {phase}")


def _definition(obj: dict[str, Any]) -> Readiness:
    names = condition(obj, "NamesAccepted")
    if names.get("status") == "False" and names.get("reason") != "NotAccepted":
        return Readiness(FAILED, _say(names, "its names are taken"))
    established = condition(obj, "Established")
    return _READY if established.get("status") == "True" else _waits(_say(established, "not yet Established"))


def _available(obj: dict[str, Any]) -> Readiness:
    available = condition(obj, "Available")
    return _READY if available.get("status") == "True" else _waits(_say(available, "not yet Available"))


def _namespace(obj: dict[str, Any]) -> Readiness:
    phase = (obj.get("status") or {}).get("phase", "")
    return _READY if phase == "Active" else _waits(f"phase is {phase or 'unknown'}")


def _service(obj: dict[str, Any]) -> Readiness:
    if obj["spec"].get("type") != "LoadBalancer":
        return _READY
    if ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress"):
        return _READY
    return _waits("no address was given to it")


def _custom(obj: dict[str, Any]) -> Readiness:
    ready = condition(obj, "Ready")
    if not ready or ready.get("status") == "True":
        observed = (obj.get("status") or {}).get("observedGeneration")
        if observed is not None and observed < obj.get("metadata", {}).get("generation", 0):
            return _waits("its controller has not seen the change yet")
        return _READY
    return _waits(_say(ready, "not Ready"))


_RULES: dict[tuple[str, str], Callable[[dict[str, Any]], Readiness]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Namespace"): _namespace,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _available,
    ("monitoring.coreos.com", "Prometheus"): _available,
    ("monitoring.coreos.com", "Alertmanager"): _available,
}
