# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""etcd's members, seen and removed through etcd's own JSON gateway, so that no etcdctl is needed."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .api import Client, RefusedError, UnreachableError, patiently

CLIENT_PORT = 2379
PKI = Path("/etc/kubernetes/pki/etcd")


class QuorumAtRiskError(Exception):
    """Removing the member would leave too few healthy voting members."""


@dataclass(frozen=True)
class Member:
    """One etcd member. ``name`` is empty until it has started once."""

    identity: str
    name: str
    addresses: frozenset[str]
    learner: bool

    @property
    def started(self) -> bool:
        return bool(self.name)

    def belongs_to(self, node: str, address: str) -> bool:
        """Whether this is the member of ``node`` at ``address``: an unstarted one has only an address."""
        return self.name == node or address in self.addresses


def parse_members(answer: Mapping[str, Any]) -> list[Member]:
    """The members in the gateway's answer to ``/v3/cluster/member/list``."""
    return [
        Member(
            identity=str(each["ID"]),
            name=each.get("name", ""),
            addresses=frozenset(urlsplit(url).hostname or "" for url in each.get("peerURLs", [])),
            learner=bool(each.get("isLearner", False)),
        )
        for each in answer.get("members", [])
    ]


def check_removal(member: Member, members: Iterable[Member], healthy: Iterable[str]) -> None:
    """Raises QuorumAtRiskError where the healthy voting members left could not decide any more.

    ``healthy`` holds the identities of the members that answer.
    """
    voters = {each.identity for each in members if not each.learner}
    alive = voters & set(healthy)
    if not member.learner:
        voters.discard(member.identity)
        alive.discard(member.identity)
    needed = len(voters) // 2 + 1
    if len(alive) < needed:
        raise QuorumAtRiskError(
            f"etcd member {member.name or member.identity} is not removed: {len(alive)} of the {len(voters)} "
            f"voting members left are healthy and {needed} are needed"
        )


class Etcd:
    """The etcd cluster as the client certificate of a control plane sees it."""

    def __init__(self, addresses: Iterable[str], root: Path = Path("/"), timeout: float = 5) -> None:
        self._addresses = list(addresses)
        pki = root / PKI.relative_to("/")
        try:
            self._ca = (pki / "ca.crt").read_text()
            self._certificate = (pki / "healthcheck-client.crt").read_text()
            self._key = (pki / "healthcheck-client.key").read_text()
        except OSError as error:
            raise UnreachableError(f"etcd cannot be asked: {error}") from error
        self._timeout = timeout

    def _ask(self, address: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        host = f"[{address}]" if ":" in address else address
        client = Client(
            f"https://{host}:{CLIENT_PORT}", self._ca, self._certificate, self._key, timeout=self._timeout
        )
        try:
            return client.request("POST", path, body)
        finally:
            client.close()

    def _ask_any(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        errors = []
        for address in self._addresses:
            try:
                return self._ask(address, path, body)
            except (UnreachableError, RefusedError) as error:
                errors.append(str(error))
        raise UnreachableError("no etcd member answers: " + "; ".join(errors))

    def members(self) -> list[Member]:
        """All members, by the word of the first one that answers with a quorum behind it."""
        return parse_members(self._ask_any("/v3/cluster/member/list", {"linearizable": True}))

    def healthy(self, members: Iterable[Member]) -> set[str]:
        """Identities of the members that answer a read that needs the quorum, each asked for itself."""
        probe = {"key": base64.b64encode(b"health").decode(), "limit": "1"}
        found = set()
        for member in members:
            for address in member.addresses:
                try:
                    self._ask(address, "/v3/kv/range", probe)
                except (UnreachableError, RefusedError):
                    continue
                found.add(member.identity)
        return found

    def remove(self, nodes: Mapping[str, str], seconds: float, dry_run: bool = False) -> list[str]:
        """Removes the members of ``nodes`` (name to address) and returns the names whose members went.

        Waits up to ``seconds`` for the members needed. Raises QuorumAtRiskError rather than lose the quorum.
        """
        removed = []
        for name, address in sorted(nodes.items()):
            # A member that has started twice under a new identity leaves two: remove all of the node's.
            while True:
                members = patiently(self.members, seconds)
                mine = [each for each in members if each.belongs_to(name, address)]
                if not mine:
                    break
                self._await_quorum(mine[0], members, seconds)
                removed.append(name)
                if dry_run:
                    break
                identity = mine[0].identity
                patiently(lambda i=identity: self._ask_any("/v3/cluster/member/remove", {"ID": i}), seconds)  # type: ignore[misc]
        return sorted(set(removed))

    def _await_quorum(self, member: Member, members: list[Member], seconds: float) -> None:
        def attempt() -> None:
            try:
                check_removal(member, members, self.healthy(members))
            except QuorumAtRiskError as error:
                raise UnreachableError(str(error)) from error

        try:
            patiently(attempt, seconds)
        except UnreachableError as error:
            raise QuorumAtRiskError(str(error)) from error
