"""Who founds the group, and when somebody takes part in one."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from roles.mysql.files.mysql_agent.decide import Action, Orders, Seen, decide, founder
from roles.mysql.files.mysql_agent.gtid import GtidSet

MEMBERS = ("mysql-0", "mysql-1", "mysql-2")
GROUP, OLDER = "aaaaaaaa-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000002"
SERVERS = {name: f"5e12e120-0000-0000-0000-00000000000{name[-1]}" for name in MEMBERS}

NUMBERS = st.sets(st.integers(1, 12), max_size=8)
ANY = st.fixed_dictionaries(
    {
        name: st.fixed_dictionaries(dict.fromkeys((GROUP, OLDER, *SERVERS.values()), NUMBERS))
        for name in MEMBERS
    }
)


def numbers(chosen: dict[str, set[int]]) -> GtidSet:
    return GtidSet.parse(",".join(":".join([s, *map(str, sorted(n))]) for s, n in chosen.items() if n))


def seen(**executed: str) -> dict[str, Seen]:
    return {
        f"mysql-{name[1:]}": Seen(
            f"mysql-{name[1:]}", GtidSet.parse(text), server=SERVERS[f"mysql-{name[1:]}"]
        )
        for name, text in executed.items()
    }


def all_seen(sets: dict[str, dict[str, set[int]]]) -> dict[str, Seen]:
    return {name: Seen(name, numbers(sets[name]), server=SERVERS[name]) for name in MEMBERS}


@given(ANY, st.sampled_from(MEMBERS), st.permutations(MEMBERS))
def test_with_a_maximum_exactly_one_founds_and_loses_nothing(
    sets: dict[str, dict[str, set[int]]], fullest: str, order: list[str]
) -> None:
    everything = {
        source: set().union(*(sets[name][source] for name in MEMBERS)) for source in sets[MEMBERS[0]]
    }
    members = all_seen({**sets, fullest: everything})
    # Whatever order answers came in.
    members = {name: members[name] for name in order}
    decisions = {name: decide(name, MEMBERS, members, [GROUP]) for name in MEMBERS}
    founding = [name for name, decision in decisions.items() if decision.action is Action.FOUND]
    assert len(founding) == 1
    assert all(members[founding[0]].executed.contains(one.executed) for one in members.values())
    assert not decisions[founding[0]].gathers


@given(ANY, st.sampled_from([[GROUP], [OLDER, GROUP], []]))
def test_without_a_maximum_nobody_does_or_one_that_fetches_the_rest(
    sets: dict[str, dict[str, set[int]]], groups: list[str]
) -> None:
    members = all_seen(sets)
    decisions = {name: decide(name, MEMBERS, members, groups) for name in MEMBERS}
    founding = {name: one for name, one in decisions.items() if one.action is Action.FOUND}
    assert len(founding) <= 1
    everything = GtidSet()
    for one in members.values():
        everything |= one.executed
    for name, decision in founding.items():
        assert (members[name].executed | decision.gathers) == everything
        lacking = {s for one in members.values() for s in (everything - one.executed).sources}
        # Contradictions are never decided alone: what somebody lacks is of one group, or one has it all.
        assert not decision.gathers or (len(lacking) == 1 and lacking <= set(groups))
    if not any(one.executed.contains(everything) for one in members.values()) and not groups:
        assert not founding


@given(ANY, st.sets(st.sampled_from(MEMBERS), min_size=1, max_size=2), st.sets(st.sampled_from(MEMBERS)))
def test_nobody_founds_while_a_member_is_away_but_on_an_operators_word(
    sets: dict[str, dict[str, set[int]]], away: set[str], named: set[str]
) -> None:
    members = {name: one for name, one in all_seen(sets).items() if name not in away}
    for name in members:
        assert decide(name, MEMBERS, members, [GROUP]).action is Action.WAIT
        if named != away:
            orders = Orders(without=frozenset(named))
            assert decide(name, MEMBERS, members, [GROUP], orders).action is Action.WAIT


@given(ANY, st.sampled_from(MEMBERS), st.sampled_from(["ONLINE", "RECOVERING"]), st.booleans())
def test_nobody_founds_while_another_is_in_a_group(
    sets: dict[str, dict[str, set[int]]], other: str, state: str, quorum: bool
) -> None:
    members = all_seen(sets)
    members[other] = replace(members[other], state=state, quorum=quorum, group=GROUP)
    for name in MEMBERS:
        if name != other:
            assert decide(name, MEMBERS, members, [GROUP]).action is not Action.FOUND


def test_new_members_begin_with_the_first() -> None:
    members = seen(m0="", m1="", m2="")
    assert decide("mysql-0", MEMBERS, members).action is Action.FOUND
    assert decide("mysql-1", MEMBERS, members).why == "mysql-0 founds the group: it has all transactions"


def test_who_has_not_executed_what_it_received_is_waited_for() -> None:
    members = seen(m0=f"{GROUP}:1-9", m1=f"{GROUP}:1-8", m2="")
    members["mysql-1"] = replace(members["mysql-1"], settled=False)
    assert founder(MEMBERS, members).why == "mysql-1 not done with what was received"


def test_writes_of_one_group_in_another_order_are_fetched() -> None:
    """Two writers at once: what came second in the group was first on the disk of the one that wrote."""
    members = seen(m0=f"{GROUP}:1-9:11", m1=f"{GROUP}:1-10", m2=f"{GROUP}:1-9")
    found = founder(MEMBERS, members, [GROUP, OLDER])
    assert (found.name, str(found.gathers)) == ("mysql-0", f"{GROUP}:11".replace("11", "10"))
    # Names of groups that were never founded do not hide the last one that was.
    assert founder(MEMBERS, members, [OLDER, GROUP]).name == "mysql-0"
    assert not founder(MEMBERS, members, [OLDER]).name
    assert not founder(MEMBERS, members).name


def test_contradictions_are_said_and_left_to_an_operator() -> None:
    members = seen(m0=f"{GROUP}:1-9,{SERVERS['mysql-0']}:1", m1=f"{GROUP}:1-10", m2="")
    found = founder(MEMBERS, members, [GROUP])
    assert not found.name
    assert f"mysql-1 lacks {SERVERS['mysql-0']}:1" in found.why
    assert f"mysql-0 lacks {GROUP}:10" in found.why
    assert founder(MEMBERS, members, [GROUP], Orders(founder="mysql-1")).name == "mysql-1"
    assert not founder(MEMBERS, members, [GROUP], Orders(founder="mysql-7")).name


def test_a_member_that_missed_a_founding_does_not_contradict_by_number() -> None:
    """A group that an operator founded without mysql-0, which comes back with writes of the older one."""
    members = seen(m0=f"{OLDER}:1-101", m1=f"{OLDER}:1-100,{GROUP}:1-5", m2=f"{OLDER}:1-100,{GROUP}:1-5")
    assert not founder(MEMBERS, members, [GROUP, OLDER]).name
    members["mysql-1"] = replace(members["mysql-1"], state="ONLINE", quorum=True, group=GROUP, primary=True)
    decision = decide("mysql-0", MEMBERS, members, [GROUP, OLDER])
    assert decision.action is Action.WAIT
    assert decision.why == f"has transactions that the group lacks: {OLDER}:101"


def test_a_member_takes_part_in_the_group_that_there_is() -> None:
    members = seen(m0=f"{GROUP}:1-9", m1=f"{GROUP}:1-7", m2="")
    members["mysql-0"] = replace(members["mysql-0"], state="ONLINE", quorum=True, group=GROUP, primary=True)
    for name in ("mysql-1", "mysql-2"):
        assert (decide(name, MEMBERS, members).action, decide(name, MEMBERS, members).group) == (
            Action.JOIN,
            GROUP,
        )
    members["mysql-2"] = replace(members["mysql-2"], state="ONLINE", quorum=True, group=OLDER)
    assert decide("mysql-1", MEMBERS, members, [GROUP]).group == GROUP
    assert decide("mysql-1", MEMBERS, members).action is Action.WAIT


def test_a_member_that_may_still_be_in_a_group_is_waited_for() -> None:
    members = seen(m0=f"{GROUP}:1-9", m1=f"{GROUP}:1-7", m2="")
    members["mysql-0"] = replace(members["mysql-0"], state="ONLINE", quorum=False, group=GROUP)
    decision = decide("mysql-1", MEMBERS, members)
    assert (decision.action, decision.why) == (Action.WAIT, "in a group without a majority: mysql-0 ONLINE")
