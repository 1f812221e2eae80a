# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Two objects of Kubernetes: the Lease in which foundings are written down, and the writers' address.

Both are there already; the agent may read and update them, and nothing else.
"""

from __future__ import annotations

import datetime
import http.client
import json
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .decide import Orders
from .settings import Settings

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
GROUPS = "nilecare.sd/groups"
"""Names of the groups that were founded, the newest first."""
WITHOUT, FOUNDER = "nilecare.sd/found-without", "nilecare.sd/found-by"
"""What an operator writes: see Orders. Gone with the next founding."""
REMEMBERED = 8
Document = dict[str, Any]


class ApiError(Exception):
    """The API server is away, or refuses."""


class ConflictError(ApiError):
    """Somebody else changed the object meanwhile."""


class Api:
    """An API server, asked with the account of the pod."""

    def __init__(self, settings: Settings, account: Path = ACCOUNT) -> None:
        self._settings = settings
        self._account = account
        self._host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
        self._port = int(os.environ.get("KUBERNETES_SERVICE_PORT", "443"))

    def get(self, path: str) -> Document:
        """An object."""
        return self._ask("GET", path)

    def put(self, path: str, document: Document) -> Document:
        """The object as it is to be, if nobody has changed it since it was read."""
        return self._ask("PUT", path, document)

    def _ask(self, method: str, path: str, document: Document | None = None) -> Document:
        try:
            context = ssl.create_default_context(cafile=str(self._account / "ca.crt"))
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._settings.patience, context=context
            )
            headers = {
                "Authorization": f"Bearer {(self._account / 'token').read_text().strip()}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            }
            try:
                body = None if document is None else json.dumps(document)
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                text = answer.read()
            finally:
                connection.close()
            if answer.status == 409:
                raise ConflictError(f"{path} was changed")
            if answer.status >= 300:
                raise ApiError(f"{method} {path}: {answer.status} {text[:200]!r}")
            found: Document = json.loads(text)
            return found
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiError(f"{method} {path}: {error}") from error


@dataclass(frozen=True)
class Record:
    """The Lease: what was founded by whom.

    :param holder: who founded the last group, or is about to.
    :param age: seconds since it said so.
    """

    holder: str = ""
    age: float = float("inf")
    groups: tuple[str, ...] = ()
    orders: Orders = field(default_factory=Orders)
    raw: Document | None = None


def lease_path(settings: Settings) -> str:
    """Of the store's Lease."""
    return f"/apis/coordination.k8s.io/v1/namespaces/{settings.namespace}/leases/{settings.store}"


def read_record(document: Document, now: datetime.datetime) -> Record:
    """What a Lease says."""
    spec = document.get("spec") or {}
    notes = document["metadata"].get("annotations") or {}
    age = float("inf")
    if spec.get("renewTime"):
        age = (now - datetime.datetime.fromisoformat(spec["renewTime"])).total_seconds()
    return Record(
        holder=spec.get("holderIdentity") or "",
        age=age,
        groups=tuple(_names(notes.get(GROUPS, ""))),
        orders=Orders(frozenset(_names(notes.get(WITHOUT, ""))), notes.get(FOUNDER, "").strip()),
        raw=document,
    )


def _names(text: str) -> Iterable[str]:
    return (name.strip() for name in text.split(",") if name.strip())


def written(
    document: Document, holder: str, group: str, kept: Iterable[str], now: datetime.datetime
) -> Document:
    """The Lease after a founding: orders are carried out with it.

    :param kept: names of older groups that are still of interest.
    """
    groups = [group, *(name for name in kept if name != group)][:REMEMBERED]
    metadata = document["metadata"]
    notes = {**(metadata.get("annotations") or {}), GROUPS: ",".join(groups)}
    for order in (WITHOUT, FOUNDER):
        notes.pop(order, None)
    moment = now.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {**(document.get("spec") or {}), "holderIdentity": holder, "renewTime": moment}
    return {**document, "metadata": {**metadata, "annotations": notes}, "spec": spec}


class Cluster:
    """What the agent does with both objects."""

    def __init__(self, settings: Settings, api: Api) -> None:
        self._settings = settings
        self._api = api

    def record(self) -> Record:
        """The Lease as it is now."""
        return read_record(self._api.get(lease_path(self._settings)), now())

    def write_down(self, record: Record, group: str, kept: Iterable[str]) -> None:
        """That this member founds a group, or leads it; raises ConflictError if somebody else was quicker."""
        if record.raw is None:
            raise ApiError("no Lease was read")
        document = written(record.raw, self._settings.member, group, kept, now())
        self._api.put(lease_path(self._settings), document)

    def lead_writers_here(self) -> bool:
        """Point the writers' address to this member; whether that changed anything."""
        settings = self._settings
        path = (
            f"/apis/discovery.k8s.io/v1/namespaces/{settings.namespace}"
            f"/endpointslices/{settings.store}-writer"
        )
        document = self._api.get(path)
        wanted = endpoints(settings)
        if document.get("endpoints") == wanted:
            return False
        self._api.put(path, {**document, "endpoints": wanted})
        return True


def endpoints(settings: Settings) -> list[Document]:
    """This member, as an EndpointSlice names it."""
    return [
        {
            "addresses": [settings.address],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": settings.machine,
            "targetRef": {"kind": "Pod", "name": settings.member, "namespace": settings.namespace},
        }
    ]


def now() -> datetime.datetime:
    """The moment, with its zone."""
    return datetime.datetime.now(datetime.UTC)
