# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Looks at the member again and again, and does what is decided."""

from __future__ import annotations

import hashlib
import logging
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path

from . import peers
from .decide import Action, Decision, Seen, decide
from .gtid import GtidSet
from .kubernetes import ApiError, Cluster, ConflictError, Record
from .room import Room
from .server import Error, Look, Server
from .settings import Settings
from .slow_log import SlowLog
from .web import Pulse, Web

LOG = logging.getLogger(__name__)
LOOKS = 5
"""Looks at a primary that could write and does not, before it is told to: an election takes a few."""


class Agent:
    """One member's agent."""

    def __init__(self, settings: Settings, server: Server, cluster: Cluster, pulse: Pulse) -> None:
        self._settings = settings
        self._server = server
        self._cluster = cluster
        self._pulse = pulse
        self._room = Room(settings.data, settings.free_share)
        self._little_room = f"less than {settings.free_share:.0%} of the volume is free"
        self._held = 0
        self._said = ""

    def run(self, ended: threading.Event, web: Web) -> None:
        """Until the end."""
        certificate = Certificate(Path(self._settings.certificates))
        slow = SlowLog(Path(self._settings.slow_log))
        while not ended.is_set():
            self._pulse.beat()
            try:
                if certificate.renewed():
                    web.read_certificate()
                    certificate.write_authorities(Path(self._settings.authorities))
                    self._server.read_certificate()
                    certificate.use()
                    LOG.info("the certificate was renewed")
                self.step()
            except (Error, OSError) as error:
                self._say(f"the server: {error}")
            except ApiError as error:
                self._say(f"Kubernetes: {error}")
            slow.say()
            ended.wait(self._settings.interval)

    def step(self) -> None:
        """Look once, and act."""
        look = self._server.look()
        if look.seen.in_group:
            self._in_group(look)
        else:
            self._alone(look)

    def _in_group(self, look: Look) -> None:
        seen = look.seen
        if not seen.serves:
            self._say(f"{seen.state}, {'with' if seen.quorum else 'without'} a majority")
            return
        if not self._has_room(look):
            return
        if seen.primary and not self._may_write(look):
            LOG.error("another group than %s was founded; this member leaves it", seen.group)
            self._server.leave()
            return
        if look.offline:
            self._server.let_clients_in()
        role = "writes" if seen.primary else "reads"
        self._say(f"ONLINE in {seen.group}, {role}, {look.online} members")
        if seen.primary and self._cluster.lead_writers_here():
            LOG.info("writers are led here")

    def _has_room(self, look: Look) -> bool:
        """Leave the group before the volume is full, or stop writing where two others are not there.

        :returns: whether it stays.
        """
        short = self._room.short()
        if short and look.online > len(self._settings.members) // 2 + 1:
            LOG.error("%s; this member leaves", self._little_room)
            self._server.leave()
            return False
        if short and look.seen.primary and not look.readonly:
            LOG.error("%s; no writes", self._little_room)
            self._server.refuse_writes()
        self._held = self._held + 1 if look.seen.primary and look.readonly and not short else 0
        if self._held >= LOOKS:
            LOG.warning("there is room again, writes are taken")
            self._server.take_writes()
            self._held = 0
        return True

    def _may_write(self, look: Look) -> bool:
        """Whether this member's group is the last one that was founded."""
        record = self._cluster.record()
        group, member = look.seen.group, self._settings.member
        if record.groups[:1] == (group,) and record.holder == member:
            return True
        # Two of three cannot be in two groups: what they are in is right, whatever is written. A Lease that
        # names no group is a new one, since whoever founds a group writes that down before.
        right = 2 * look.online > len(self._settings.members)
        if right or record.groups[:1] in ((group,), ()):
            self._cluster.write_down(record, group, record.groups)
            return True
        return False

    def _alone(self, look: Look) -> None:
        if not look.offline:
            self._server.refuse_clients()
        if look.seen.state == "ERROR":
            self._server.leave()
        record = self._record()
        seen = self._all(look.seen)
        decision = decide(self._settings.member, self._settings.members, seen, record.groups, record.orders)
        if decision.action is Action.JOIN and self._room.short():
            decision = Decision(Action.WAIT, self._little_room)
        self._say(f"{look.seen.state}, {decision.action.value}: {decision.why}")
        if decision.action is Action.JOIN:
            self._server.join(decision.group, empty=not look.seen.executed)
        elif not look.seen.settled:
            self._say(f"executes what it received: {look.received - look.seen.executed}")
            self._server.execute_received(look.received)
        elif decision.action is Action.FOUND:
            self._found(record, {source for one in seen.values() for source in one.executed.sources})

    def _record(self) -> Record:
        """The Lease; without an API server members still join, and none founds."""
        try:
            return self._cluster.record()
        except ApiError as error:
            LOG.debug("Kubernetes: %s", error)
            return Record()

    def _all(self, own: Seen) -> dict[str, Seen]:
        """This member and whoever else answers; what the others have is newer than what this one has."""
        return {own.name: own, **peers.ask_all(self._settings)}

    def _found(self, record: Record, sources: set[str]) -> None:
        """Write down who founds which group, look again, and do it.

        :param sources: of all transactions that there are.
        """
        member, members = self._settings.member, self._settings.members
        if record.raw is None:
            raise ApiError("no Lease could be read, so no group is founded")
        if record.holder not in ("", member) and record.age < self._settings.claim:
            self._say(f"{record.holder} is about to found a group, or did so a moment ago")
            return
        group = str(uuid.uuid4())
        try:
            self._cluster.write_down(record, group, [name for name in record.groups if name in sources])
        except ConflictError:
            self._say("another member was quicker to write into the Lease")
            return
        seen = self._all(self._server.look().seen)
        again = decide(member, members, seen, record.groups, record.orders)
        if again.action is not Action.FOUND:
            self._say(f"founds no group after all: {again.why}")
            return
        if again.gathers:
            LOG.warning("fetches %s from the others before", again.gathers)
            self._server.gather(shares(again.gathers, seen, member))
            # What was fetched is seen in the next look, which finds one that has everything.
            return
        LOG.warning("founds group %s: %s", group, again.why)
        self._server.found(group)

    def _say(self, text: str) -> None:
        """A line, when it is another one than before."""
        if text != self._said:
            LOG.info("%s", text)
            self._said = text


def shares(wanted: GtidSet, seen: Mapping[str, Seen], me: str) -> dict[str, GtidSet]:
    """What to fetch from whom, so that nothing is fetched from one that lacks it."""
    parts: dict[str, GtidSet] = {}
    for one in seen.values():
        there = wanted & one.executed
        if there and one.name != me:
            parts[one.name] = there
            wanted -= there
    return parts


class Certificate:
    """The member's certificate, and which one is in use."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._used = self._digest()

    def _digest(self) -> str:
        return hashlib.sha256((self._directory / "tls.crt").read_bytes()).hexdigest()

    def renewed(self) -> bool:
        """Whether it is another one than that in use."""
        return self._digest() != self._used

    def write_authorities(self, path: Path) -> None:
        """Every authority above it, in one file: the platform's, and what follows the certificate."""
        _own, end, above = (self._directory / "tls.crt").read_text().partition("-----END CERTIFICATE-----\n")
        partial = path.with_suffix(".new")
        partial.write_text(f"{(self._directory / 'ca.crt').read_text()}\n{above if end else ''}")
        partial.replace(path)

    def use(self) -> None:
        """It is in use now."""
        self._used = self._digest()
