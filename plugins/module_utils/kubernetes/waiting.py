# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Wait for a set of objects by watching: one watch a kind and namespace, no polling."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from . import readiness
from .client import Client, Watch
from .errors import ApiError, KubernetesError
from .objects import Reference, reference
from .readiness import PROGRESSING, READY, Readiness

_PAUSE_AFTER_FAILURE = 0.5

_LONGEST_WATCH = 30.0
"""Seconds after which a watch is renewed by a list, in case its connection died without a word."""

Assess = Callable[[dict[str, Any]], Readiness]


@dataclass(frozen=True)
class Pending:
    """An object that did not become ready; ``object`` is its last state, None when it is not there."""

    reference: Reference
    readiness: Readiness
    object: dict[str, Any] | None


def wait_for(
    client: Client,
    references: Iterable[Reference],
    timeout: float,
    assess: Assess | None = None,
    label_selector: str | None = None,
) -> list[Pending]:
    """Wait until all objects are ready, at most ``timeout`` seconds; an empty answer means that they are.

    Ends sooner when all that is left has failed for good. ``label_selector`` narrows the watches where
    all the objects bear a label. ``assess`` replaces the rules of :mod:`readiness`.
    """
    wanted = set(references)
    if not wanted:
        return []
    rule = assess or _with_storage_classes(client, wanted)
    states: dict[Reference, tuple[Readiness, dict[str, Any] | None]] = {
        target: (Readiness(PROGRESSING, "is not there"), None) for target in wanted
    }
    news: queue.Queue[tuple[Reference, dict[str, Any] | None] | KubernetesError] = queue.Queue()
    deadline = time.monotonic() + timeout
    watchers = [_Watcher(client, group, label_selector, news, deadline) for group in _groups(wanted)]
    for watcher in watchers:
        watcher.start()
    try:
        while any(state.state == PROGRESSING for state, _obj in states.values()):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            try:
                item = news.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(item, KubernetesError):
                raise item
            target, obj = item
            if target in wanted:
                state = rule(obj) if obj is not None else Readiness(PROGRESSING, "is not there")
                states[target] = (state, obj)
    finally:
        for watcher in watchers:
            watcher.stop()
    return [
        Pending(target, state, obj)
        for target, (state, obj) in sorted(states.items(), key=lambda entry: str(entry[0]))
        if state.state != READY
    ]


def _groups(wanted: set[Reference]) -> list[list[Reference]]:
    """Targets that one watch can follow: same kind, same namespace."""
    groups: dict[tuple[str, str, str | None], list[Reference]] = {}
    for target in wanted:
        groups.setdefault((target.api_version, target.kind, target.namespace), []).append(target)
    return list(groups.values())


def _with_storage_classes(client: Client, wanted: set[Reference]) -> Assess:
    """A claim of a class that binds late is ready while it waits for its first pod."""
    if not any(target.kind == "PersistentVolumeClaim" for target in wanted):
        return readiness.assess
    late, default = set(), None
    for storage_class in client.list("storage.k8s.io/v1", "StorageClass").items:
        metadata = storage_class["metadata"]
        if storage_class.get("volumeBindingMode") == "WaitForFirstConsumer":
            late.add(metadata["name"])
        if (metadata.get("annotations") or {}).get("storageclass.kubernetes.io/is-default-class") == "true":
            default = metadata["name"]

    def rule(obj: dict[str, Any]) -> Readiness:
        state = readiness.assess(obj)
        waits = obj["kind"] == "PersistentVolumeClaim" and state.state == PROGRESSING
        if waits and obj["spec"].get("storageClassName", default) in late:
            return Readiness(READY, "waits for its first pod")
        return state

    return rule


class _Watcher(threading.Thread):
    """Lists, then watches, then lists again when the watch was cut; puts all states into ``news``."""

    def __init__(
        self,
        client: Client,
        targets: list[Reference],
        label_selector: str | None,
        news: queue.Queue[Any],
        deadline: float,
    ) -> None:
        super().__init__(daemon=True)
        first = targets[0]
        self._client = client
        self._targets = set(targets)
        self._kind = (first.api_version, first.kind)
        self._namespace = first.namespace
        self._label_selector = label_selector
        self._field_selector = f"metadata.name={first.name}" if len(targets) == 1 else None
        self._news = news
        self._deadline = deadline
        self._stopped = threading.Event()
        self._watch: Watch | None = None

    def stop(self) -> None:
        self._stopped.set()
        watch = self._watch
        if watch is not None:
            watch.close()

    def run(self) -> None:
        while not self._stopped.is_set() and time.monotonic() < self._deadline:
            try:
                self._follow()
            except ApiError as error:
                if error.status in (401, 403, 404):
                    self._news.put(error)
                    return
                self._stopped.wait(_PAUSE_AFTER_FAILURE)
            except KubernetesError:
                # The API server is away; the deadline bounds how long we believe that it comes back.
                self._stopped.wait(_PAUSE_AFTER_FAILURE)

    def _follow(self) -> None:
        listing = self._client.list(*self._kind, self._namespace, self._label_selector, self._field_selector)
        seen = set()
        for obj in listing.items:
            target = reference(obj)
            seen.add(target)
            self._news.put((target, obj))
        for absent in self._targets - seen:
            self._news.put((absent, None))
        left = self._deadline - time.monotonic()
        if self._stopped.is_set() or left <= 0:
            return
        self._watch = self._client.watch(
            *self._kind,
            self._namespace,
            self._label_selector,
            self._field_selector,
            resource_version=listing.resource_version,
            timeout=min(left + 1, _LONGEST_WATCH),
        )
        if self._stopped.is_set():
            self._watch.close()
        for event in self._watch:
            if event.type == "ERROR":  # Most often 410 Gone: history is shorter than our absence.
                return
            if event.type in ("ADDED", "MODIFIED"):
                self._news.put((reference(event.object), event.object))
            elif event.type == "DELETED":
                self._news.put((reference(event.object), None))
