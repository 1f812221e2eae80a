# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What one member does next. Nothing here talks to anybody: all that is known comes in, a decision goes out.

The rules, in their order:

1. Somebody is in a group that has a majority: take part in it.
2. Somebody is in a group and it is not known whether it has one: wait, it will end or be joined.
3. Nobody is in a group: whoever has all transactions that any member has founds it anew. Nobody does while a
   member is away, since its transactions may be the newest, but on an operator's word.

Every founding gives the group another name, by which its transactions are numbered. So a member that comes
back with transactions of an older group is never taken for one that has those of the new group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from .gtid import GtidSet

IN_GROUP = ("ONLINE", "RECOVERING")


class Action(Enum):
    """What to do."""

    WAIT = "wait"
    JOIN = "join"
    FOUND = "found"


@dataclass(frozen=True)
class Seen:
    """A member as it was just seen; one that did not answer is not seen at all.

    :param executed: transactions on its disk.
    :param settled: whether it has executed everything that it received.
    :param state: its own, as its group replication says it.
    :param quorum: whether it sees a majority of its group.
    :param group: name of its group, empty when it is in none.
    :param primary: whether it writes.
    :param server: its number (a UUID), of which transactions outside of a group bear the name.
    """

    name: str
    executed: GtidSet = field(default_factory=GtidSet)
    settled: bool = True
    state: str = "OFFLINE"
    quorum: bool = False
    group: str = ""
    primary: bool = False
    server: str = ""

    @property
    def in_group(self) -> bool:
        """Whether it takes part in one, or is about to."""
        return self.state in IN_GROUP

    @property
    def serves(self) -> bool:
        """Whether it takes part in a group that can decide."""
        return self.state == "ONLINE" and self.quorum


@dataclass(frozen=True)
class Orders:
    """What an operator says, by name of members.

    :param without: members without which the group is to be founded: exactly those that are away.
    :param founder: the member whose transactions are right when members contradict each other.
    """

    without: frozenset[str] = frozenset()
    founder: str = ""


@dataclass(frozen=True)
class Founder:
    """Who founds the group.

    :param name: empty when nobody may.
    :param gathers: what it has to fetch from others before.
    """

    name: str = ""
    gathers: GtidSet = field(default_factory=GtidSet)
    why: str = ""


@dataclass(frozen=True)
class Decision:
    """What to do, and why.

    :param group: name of the group to take part in.
    :param gathers: what has to be fetched before the group is founded.
    """

    action: Action
    why: str
    group: str = ""
    gathers: GtidSet = field(default_factory=GtidSet)


def founder(
    members: Iterable[str], seen: Mapping[str, Seen], groups: Iterable[str] = (), orders: Orders | None = None
) -> Founder:
    """Who founds the group, when nobody is in one. Whoever sees the same comes to the same answer.

    :param members: names of all members of the store, in order.
    :param groups: names of the groups that there were, the newest first.
    """
    orders = orders or Orders()
    names = list(members)
    away = [name for name in names if name not in seen]
    if away and set(away) != orders.without:
        return Founder(why=f"{', '.join(away)} away, with transactions that may be the newest")
    unsettled = [name for name in names if name in seen and not seen[name].settled]
    if unsettled:
        return Founder(why=f"{', '.join(unsettled)} not done with what was received")
    present = [seen[name] for name in names if name in seen]
    if not present:
        return Founder(why="nobody is there")
    everything = GtidSet()
    for one in present:
        everything |= one.executed
    complete = [one.name for one in present if one.executed.contains(everything)]
    if complete:
        return Founder(complete[0], why="it has all transactions")
    if orders.founder in seen:
        return Founder(orders.founder, why="an operator says so")
    if _only_order_differs(present, everything, groups):
        # The numbers' order is the group's, that of the disk need not be. All of them are the group's, which
        # found no contradiction between them.
        fullest = max(present, key=lambda one: len(one.executed))
        return Founder(fullest.name, everything - fullest.executed, "it has the most transactions")
    return Founder(why=_contradictions(present, everything))


def _only_order_differs(present: list[Seen], everything: GtidSet, groups: Iterable[str]) -> bool:
    """Whether what members lack are transactions of one group, the last one, alone."""
    lacking = {source for one in present for source in (everything - one.executed).sources}
    last = next((group for group in groups if group in everything.sources), "")
    return lacking == {last} and last not in {one.server for one in present}


def _contradictions(present: list[Seen], everything: GtidSet) -> str:
    lacks = (f"{one.name} lacks {everything - one.executed}" for one in present)
    return f"members contradict each other: {'; '.join(lacks)}"


def decide(
    me: str,
    members: Iterable[str],
    seen: Mapping[str, Seen],
    groups: Iterable[str] = (),
    orders: Orders | None = None,
) -> Decision:
    """What a member does that is in no group.

    :param me: its name; it is among those that were seen.
    """
    others = [one for name, one in sorted(seen.items()) if name != me]
    serving = [one for one in others if one.serves]
    if serving:
        return _join(seen[me], serving, list(groups))
    undecided = [f"{one.name} {one.state}" for one in others if one.in_group]
    if undecided:
        return Decision(Action.WAIT, f"in a group without a majority: {', '.join(undecided)}")
    found = founder(members, seen, groups, orders)
    if not found.name:
        return Decision(Action.WAIT, found.why)
    if found.name != me:
        return Decision(Action.WAIT, f"{found.name} founds the group: {found.why}")
    return Decision(Action.FOUND, found.why, gathers=found.gathers)


def _join(own: Seen, serving: list[Seen], groups: list[str]) -> Decision:
    names = {one.group for one in serving}
    if len(names) > 1:
        # Only the last one that was founded is right; its founder wrote that down before.
        names &= set(groups[:1])
    if len(names) != 1:
        return Decision(Action.WAIT, "several groups, and none of them is the last one")
    group = names.pop()
    theirs = GtidSet()
    for one in serving:
        if one.group == group:
            theirs |= one.executed
    surplus = own.executed - theirs
    if surplus:
        return Decision(Action.WAIT, f"has transactions that the group lacks: {surplus}")
    return Decision(Action.JOIN, f"{', '.join(one.name for one in serving)} serving", group)
