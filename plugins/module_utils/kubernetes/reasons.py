# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Why is an object not ready? The real reason, in sentences: image, quota, security, scheduling, crash."""

from __future__ import annotations

import re
from typing import Any

from .client import Client
from .errors import KubernetesError
from .readiness import condition

LOG_LINES = 10
_MOST_PODS = 5
_LAST_LINES = "; its last lines:\n"

_CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")
_EXIT_CODES = {
    126: "not executable",
    127: "command not found",
    137: "killed",
    139: "segmentation fault",
    143: "terminated",
}


def explain(client: Client, obj: dict[str, Any]) -> list[str]:
    """Reasons why ``obj`` is not ready, the most telling first; empty when the cluster does not say.

    Reads the object's pods, their containers' states, last log lines and events. Never raises: a reason
    that cannot be had must not hide the failure that is being explained.
    """
    try:
        if obj.get("kind") in _CONTROLLERS:
            found = _controller(client, obj)
        elif obj.get("kind") == "Pod":
            found = pod(client, obj)
        else:
            found = _warnings(client, obj)
    except KubernetesError as error:
        return [f"the reason could not be read: {error}"]
    return list(dict.fromkeys(found))


def _controller(client: Client, obj: dict[str, Any]) -> list[str]:
    namespace = obj["metadata"]["namespace"]
    refused = []
    failure = condition(obj, "ReplicaFailure")
    if failure.get("status") == "True":
        refused.append(_refusal(failure.get("message", "")))
    pods = _pods(client, obj)
    makers = {obj["metadata"]["uid"]}
    if obj["kind"] == "Deployment":
        makers |= {entry["uid"] for item in pods for entry in item["metadata"].get("ownerReferences") or []}
        if not pods or not refused:
            makers |= _newest_replica_sets(client, obj)
    if not refused:
        for uid in sorted(makers):
            for event in _events(client, namespace, uid):
                if event.get("reason") == "FailedCreate":
                    refused.append(_refusal(event.get("message", "")))
    reasons = list(refused[-1:])
    troubled = [found for item in pods if (found := pod(client, item))]
    for found in troubled[:_MOST_PODS]:
        reasons.extend(found)
    return _merged(reasons)


def _merged(reasons: list[str]) -> list[str]:
    """Pods of one workload mostly fail alike: say it once, with the number."""
    by_cause: dict[str, list[str]] = {}
    for reason in reasons:
        who, _colon, what = reason.partition(": ")
        # Log lines and the number of restarts differ between pods that crash for one reason.
        cause = re.sub(r", \d+ restarts", "", what.partition(_LAST_LINES)[0])
        by_cause.setdefault(cause if who.startswith("pod ") else reason, []).append(reason)
    return [
        alike[0].replace(": ", f" and {len(alike) - 1} more: ", 1) if len(alike) > 1 else alike[0]
        for alike in by_cause.values()
    ]


def _newest_replica_sets(client: Client, deployment: dict[str, Any]) -> set[str]:
    metadata = deployment["metadata"]
    sets = client.list(
        "apps/v1", "ReplicaSet", metadata["namespace"], _selector(deployment["spec"].get("selector") or {})
    ).items
    owned = [item for item in sets if _owner(item) == metadata["uid"]]
    owned.sort(key=lambda item: str(item["metadata"].get("creationTimestamp")))
    return {item["metadata"]["uid"] for item in owned[-1:]}


def _pods(client: Client, obj: dict[str, Any]) -> list[dict[str, Any]]:
    selector = _selector(obj["spec"].get("selector") or {})
    if not selector:
        return []
    items = client.list("v1", "Pod", obj["metadata"]["namespace"], selector).items
    # The newest first: they are of the version that is being brought in.
    return sorted(items, key=lambda item: str(item["metadata"].get("creationTimestamp")), reverse=True)


def pod(client: Client, obj: dict[str, Any]) -> list[str]:
    """Why one pod is not ready; empty for a pod that is."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    if status.get("phase") == "Succeeded" or condition(obj, "Ready").get("status") == "True":
        return []
    label = f"pod {metadata['name']}"
    scheduled = condition(obj, "PodScheduled")
    if scheduled.get("status") == "False":
        return [f"{label}: cannot be scheduled: {scheduled.get('message') or scheduled.get('reason')}"]
    events = _events(client, metadata["namespace"], metadata["uid"])
    reasons = []
    for container in (status.get("initContainerStatuses") or []) + (status.get("containerStatuses") or []):
        reason = _container(client, obj, container, events)
        if reason:
            reasons.append(f"{label}: {reason}")
    if not reasons and status.get("phase") == "Failed":
        reasons.append(
            f"{label}: {status.get('reason') or 'failed'}: {status.get('message') or ''}".rstrip(": ")
        )
    if not reasons:
        reasons = [
            f"{label}: {event.get('reason')}: {event.get('message')}"
            for event in events
            if event.get("type") == "Warning"
        ][-1:]
    return reasons


def _container(
    client: Client, obj: dict[str, Any], container: dict[str, Any], events: list[dict[str, Any]]
) -> str | None:
    state = container.get("state") or {}
    waiting, terminated = state.get("waiting") or {}, state.get("terminated") or {}
    last = (container.get("lastState") or {}).get("terminated") or {}
    name, reason = container.get("name"), waiting.get("reason", "")
    if reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"):
        told = [
            e["message"] for e in events if e.get("reason") == "Failed" and "pull" in e.get("message", "")
        ]
        why = told[-1] if told else waiting.get("message", reason)
        return f"image {container.get('image')} cannot be pulled: {why}"
    if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return f"container {name} cannot be started: {waiting.get('message') or reason}"
    ended = terminated if terminated.get("exitCode") else last if reason == "CrashLoopBackOff" else {}
    if not ended and last and not container.get("ready") and container.get("restartCount"):
        ended = last
    if ended:
        return _crash(client, obj, container, ended, previous=ended is last)
    if (state.get("running") is not None) and not container.get("ready"):
        probes = [e["message"] for e in events if e.get("reason") == "Unhealthy"]
        return f"container {name} runs and is not ready" + (f": {probes[-1]}" if probes else "")
    if reason and reason not in ("ContainerCreating", "PodInitializing"):
        return f"container {name}: {reason}: {waiting.get('message', '')}".rstrip(": ")
    return None


def _crash(
    client: Client, obj: dict[str, Any], container: dict[str, Any], ended: dict[str, Any], previous: bool
) -> str:
    code = ended.get("exitCode")
    meaning = "out of memory" if ended.get("reason") == "OOMKilled" else _EXIT_CODES.get(code or 0)
    text = f"container {container.get('name')} crashed with exit code {code}" + (
        f" ({meaning})" if meaning else ""
    )
    if container.get("restartCount"):
        text += f", {container['restartCount']} restarts"
    if ended.get("message"):
        return f"{text}: {ended['message'].strip()}"
    metadata = obj["metadata"]
    try:
        lines = client.logs(metadata["namespace"], metadata["name"], container["name"], previous, LOG_LINES)
    except KubernetesError:
        return text
    quoted = "\n".join(f"    {line}" for line in lines.strip().splitlines())
    return text + (_LAST_LINES + quoted if quoted else "")


def _warnings(client: Client, obj: dict[str, Any]) -> list[str]:
    metadata = obj["metadata"]
    events = _events(client, metadata.get("namespace") or "default", metadata["uid"])
    # A claim that finds no volume says so in an event of type Normal: FailedBinding.
    telling = [e for e in events if e.get("type") == "Warning" or str(e.get("reason")).startswith("Failed")]
    return [f"{event.get('reason')}: {event.get('message')}" for event in telling[-2:]]


def _events(client: Client, namespace: str, uid: str) -> list[dict[str, Any]]:
    """Events about one object, oldest first."""
    items = client.list("v1", "Event", namespace, field_selector=f"involvedObject.uid={uid}").items
    return sorted(items, key=_event_time)


def _event_time(event: dict[str, Any]) -> str:
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
        or ""
    )


def _refusal(message: str) -> str:
    """A pod that the API server does not admit: by quota, Pod Security, LimitRange or a webhook."""
    if "exceeded quota" in message:
        return f"pods are refused by the quota: {message}"
    if "violates PodSecurity" in message:
        return f"pods are refused by Pod Security: {message}"
    return f"pods cannot be created: {message}"


def _owner(obj: dict[str, Any]) -> str | None:
    for entry in obj["metadata"].get("ownerReferences") or []:
        if entry.get("controller"):
            return str(entry["uid"])
    return None


def _selector(selector: dict[str, Any]) -> str:
    """A label selector object as the query parameter wants it."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or []:
        key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
        if operator in ("In", "NotIn"):
            parts.append(f"{key} {operator.lower()} ({','.join(values)})")
        else:
            parts.append(key if operator == "Exists" else f"!{key}")
    return ",".join(parts)
