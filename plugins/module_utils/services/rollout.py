# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a new version comes in well, judged from what the cluster shows. Nothing here talks to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .history import HASH

# Seconds for which a state must last before it counts. A machine under load, a mirror that is being restarted
# or a pod that is just leaving its room to the next one must not take a good version back.
PATIENCE = {
    "InvalidImageName": 0.0,
    "ErrImageNeverPull": 0.0,
    "CreateContainerConfigError": 15.0,
    "CreateContainerError": 30.0,
    "RunContainerError": 30.0,
    "ErrImagePull": 30.0,
    "ImagePullBackOff": 30.0,
    "Unschedulable": 45.0,
    "ReplicaFailure": 15.0,
}
# What registries say of an image that is not there: waiting will not make it.
_ABSENT = ("not found", "manifest unknown", "NotFound", "name unknown")
# Restarts after which a container counts as crashing; the first may be a dependency that came up later.
CRASHES = 2


class Judge:
    """Remembers since when each trouble is seen.

    :param template_hash: of the new version's pods; others are not looked at.
    """

    def __init__(self, template_hash: str) -> None:
        self._hash = template_hash
        self._since: dict[tuple[str, str], float] = {}

    def verdict(self, deployment: dict[str, Any], pods: Iterable[dict[str, Any]], now: float) -> str:
        """Why the new version has failed; empty while it may still come in.

        :param now: seconds of a clock that only goes forward.
        """
        status = deployment.get("status") or {}
        if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
            return ""  # What it says is still about the version before.
        seen: dict[tuple[str, str], str] = {}
        for condition in status.get("conditions") or []:
            if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
                return "it did not become ready within the deadline"
            if condition["type"] == "ReplicaFailure" and condition.get("status") == "True":
                seen["deployment", "ReplicaFailure"] = "its pods are refused"
        for pod in pods:
            if pod["metadata"].get("labels", {}).get(HASH) == self._hash:
                trouble = pod_trouble(pod)
                if trouble is not None:
                    reason, text, patience = trouble
                    if patience <= 0:
                        return text
                    seen[pod["metadata"]["uid"], reason] = text
        self._since = {key: self._since.get(key, now) for key in seen}
        for key, since in self._since.items():
            if now - since >= PATIENCE[key[1]]:
                return seen[key]
        return ""


def pod_trouble(pod: dict[str, Any]) -> tuple[str, str, float] | None:
    """What keeps a pod from coming up: key of ``PATIENCE``, text, and seconds of patience; None when nothing
    does."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return None
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return "Unschedulable", "its pods cannot be scheduled", PATIENCE["Unschedulable"]
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason", "")
        if container.get("restartCount", 0) >= CRASHES and not container.get("ready"):
            return "CrashLoopBackOff", "its container crashes", 0.0
        if reason in PATIENCE:
            gone = "Pull" in reason and any(sign in waiting.get("message", "") for sign in _ABSENT)
            text = (
                "its image cannot be pulled"
                if "Pull" in reason or "Image" in reason
                else "it cannot be started"
            )
            return reason, text, 0.0 if gone else PATIENCE[reason]
    return None
