# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The client that modules use: verbs on objects, over :class:`Transport` and :class:`Discovery`."""

from __future__ import annotations

import builtins
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from . import discovery, kubeconfig
from .discovery import Discovery, Resource
from .errors import ApiError, KubernetesError
from .transport import Transport

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

MANAGER = "nilecare"
"""Field manager of everything that this collection applies."""

_PATCH_TYPES = {
    "apply": "application/apply-patch+yaml",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


@dataclass(frozen=True)
class Listing:
    """Objects of one kind and the ``resourceVersion`` from which a watch continues."""

    items: list[dict[str, Any]]
    resource_version: str


@dataclass(frozen=True)
class Applied:
    """The object as the server holds it after an apply, and whether it was created by it."""

    object: dict[str, Any]
    created: bool


@dataclass(frozen=True)
class Event:
    """One event of a watch: ``type`` is ADDED, MODIFIED, DELETED, BOOKMARK or ERROR."""

    type: str
    object: dict[str, Any]


class Watch:
    """Iterator of :class:`Event`; :meth:`close` may be called from another thread."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[Event]:
        for line in self._lines:
            try:
                event = json.loads(line)
            except ValueError:
                return  # Cut in the middle of a line.
            yield Event(event.get("type", ""), event.get("object") or {})

    def close(self) -> None:
        self._lines.close()


class Client:
    """Talks to one cluster. Threads may share it.

    ``patience``: seconds for which passing failures of a request are tried again.
    ``connections``: threads, and so kept-alive connections, that :meth:`map` uses.
    """

    def __init__(self, transport: Transport, connections: int = 8) -> None:
        self.transport = transport
        self.connections = connections
        self._discovery: Discovery | None = None
        self._discovered = 0.0
        self._discovery_lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    @classmethod
    def from_kubeconfig(
        cls, path: str | Path, context: str | None = None, patience: float = 60.0, connections: int = 8
    ) -> Client:
        """Raises :class:`KubeconfigError`; connects only with the first request."""
        return cls(Transport(kubeconfig.load(path, context), patience), connections)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None
        self.transport.close()

    @property
    def server(self) -> str:
        return self.transport.endpoint.server

    def map(self, function: Callable[[Item], Outcome], items: Iterable[Item]) -> builtins.list[Outcome]:
        """``[function(item) for item in items]``, in parallel; an exception is raised after all ended."""
        work = list(items)
        if len(work) < 2:
            return [function(item) for item in work]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.connections, thread_name_prefix="kubernetes")
        futures = [self._pool.submit(function, item) for item in work]
        for future in futures:
            future.exception()
        return [future.result() for future in futures]

    # Kinds

    @property
    def discovery(self) -> Discovery:
        with self._discovery_lock:
            if self._discovery is None:
                answers = [
                    self.request("GET", path, headers={"Accept": discovery.ACCEPT, "Accept-Encoding": "gzip"})
                    for path in ("/api", "/apis")
                ]
                self._discovery = Discovery(discovery.parse(answers))
                self._discovered = time.monotonic()
            return self._discovery

    def rediscover(self) -> None:
        """Forget the kinds: the next use asks again (after definitions were installed)."""
        with self._discovery_lock:
            self._discovery = None

    def resource(self, api_version: str, kind: str) -> Resource:
        """The served kind; asks the cluster again, at most once a second, for one that is not known."""
        if self.discovery.find(api_version, kind) is None and time.monotonic() > self._discovered + 1:
            self.rediscover()
        return self.discovery.resource(api_version, kind)

    # Requests

    def request(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        patience: float | None = None,
    ) -> dict[str, Any]:
        """Any request with a JSON answer; ``body`` is sent as JSON."""
        return self._json(method, path, query, body, headers, patience)[1]

    def text(self, path: str, query: dict[str, Any] | None = None, patience: float | None = None) -> str:
        """An answer that is plain text: ``/readyz``, ``/metrics``, logs."""
        _status, answer = self.transport.request("GET", path, query, None, {"Accept": "*/*"}, patience)
        return answer.decode(errors="replace")

    def healthy(self, path: str = "/readyz") -> bool:
        """Whether the API server says ok at ``path`` now. Never raises; waits at most a few seconds."""
        try:
            self.text(path, patience=0)
        except KubernetesError:
            return False
        return True

    def version(self) -> str:
        """The server's version, e.g. ``v1.36.3``."""
        return str(self.request("GET", "/version")["gitVersion"])

    def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        """The object, or None when it is not there."""
        try:
            return self.request("GET", self.resource(api_version, kind).path(namespace, name))
        except ApiError as error:
            if error.not_found:
                return None
            raise

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> Listing:
        """All objects of a kind, in one namespace or (None) in all."""
        return self.list_resource(self.resource(api_version, kind), namespace, label_selector, field_selector)

    def list_resource(
        self,
        resource: Resource,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
    ) -> Listing:
        headers = {"Accept-Encoding": "gzip"}
        if metadata_only:
            headers["Accept"] = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        answer = self.request(
            "GET", resource.path(namespace), _selectors(label_selector, field_selector), headers=headers
        )
        items = answer.get("items") or []
        for item in items:  # Lists leave these out of their items.
            item["apiVersion"], item["kind"] = resource.api_version, resource.kind
        return Listing(items, str(answer.get("metadata", {}).get("resourceVersion", "")))

    def apply(
        self, obj: dict[str, Any], manager: str = MANAGER, force: bool = False, dry_run: bool = False
    ) -> Applied:
        """Server-side apply; unknown fields are errors. ``force`` takes fields from other managers."""
        metadata = obj["metadata"]
        resource = self.resource(obj["apiVersion"], obj["kind"])
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        status, answer = self._json(
            "PATCH",
            resource.path(metadata.get("namespace"), metadata["name"]),
            query,
            obj,
            {"Content-Type": _PATCH_TYPES["apply"]},
        )
        return Applied(answer, status == 201)

    def create(self, obj: dict[str, Any], manager: str = MANAGER, dry_run: bool = False) -> dict[str, Any]:
        """POST; raises :class:`ApiError` 409 when the object exists."""
        resource = self.resource(obj["apiVersion"], obj["kind"])
        query = {"fieldManager": manager, **({"dryRun": "All"} if dry_run else {})}
        return self.request("POST", resource.path(obj["metadata"].get("namespace")), query, obj)

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None,
        body: Any,
        strategy: str = "merge",
        subresource: str | None = None,
        manager: str = MANAGER,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Patch by ``strategy`` merge, json or strategic (not ``apply``: see :meth:`apply`)."""
        query = {"fieldManager": manager, **({"dryRun": "All"} if dry_run else {})}
        return self.request(
            "PATCH",
            self.resource(api_version, kind).path(namespace, name, subresource),
            query,
            body,
            {"Content-Type": _PATCH_TYPES[strategy]},
        )

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        propagation: str = "Background",
        uid: str | None = None,
        dry_run: bool = False,
    ) -> bool:
        """Delete an object; False when it was not there. ``uid`` guards against one that was made anew."""
        options: dict[str, Any] = {"propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        if dry_run:
            options["dryRun"] = ["All"]
        try:
            self.request("DELETE", self.resource(api_version, kind).path(namespace, name), None, options)
        except ApiError as error:
            if error.not_found:
                return False
            raise
        return True

    def watch(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        resource_version: str | None = None,
        timeout: float = 300.0,
    ) -> Watch:
        """Events after ``resource_version``, for at most ``timeout`` seconds; it may end sooner."""
        query: dict[str, Any] = {
            **_selectors(label_selector, field_selector),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": max(1, int(timeout)),
        }
        if resource_version:
            query["resourceVersion"] = resource_version
        path = self.resource(api_version, kind).path(namespace)
        return Watch(self.transport.stream(path, query, timeout + 5))

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str | None = None,
        previous: bool = False,
        tail_lines: int = 20,
    ) -> str:
        """The last lines that a container wrote (``previous``: before its last restart)."""
        query: dict[str, Any] = {"tailLines": tail_lines}
        if container:
            query["container"] = container
        if previous:
            query["previous"] = "true"
        return self.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query, patience=0)

    def _json(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None,
        body: Any,
        headers: dict[str, str] | None,
        patience: float | None = None,
    ) -> tuple[int, dict[str, Any]]:
        data = None
        if body is not None:
            data = json.dumps(body, separators=(",", ":")).encode()
            headers = {"Content-Type": "application/json", **(headers or {})}
        status, answer = self.transport.request(method, path, query, data, headers, patience)
        return status, json.loads(answer) if answer else {}


def _selectors(label_selector: str | None, field_selector: str | None) -> dict[str, Any]:
    query = {}
    if label_selector:
        query["labelSelector"] = label_selector
    if field_selector:
        query["fieldSelector"] = field_selector
    return query
