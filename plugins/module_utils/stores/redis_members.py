# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How members of Valkey stand, as each of them and the Sentinels say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .execute import Execute
from .members import Standing
from .model import Store

#: expects the directory of the members' scripts
QUORUM = '. "$0/common.sh"; ask "$OWN" "$SENTINEL_PORT" SENTINEL CKQUORUM "$NAME"'


def standings(
    store: Store, client: Sequence[str], scripts: str, lag: int, asked: str, execute: Execute
) -> tuple[dict[str, Standing], list[str]]:
    """Role and delay of every member, and what is wrong with all together.

    :param client: command that runs, in a member, the lines that it reads.
    :param scripts: directory of the members' scripts.
    :param lag: bytes that a replica may be behind.
    :param asked: member whose Sentinel is asked; it is asked first.
    :raises ValueError: this one does not answer.
    """
    answers = {asked: read_information(execute(asked, client, "INFO replication\n"))}
    for member in store.members:
        if member not in answers:
            try:
                answers[member] = read_information(execute(member, client, "INFO replication\n"))
            except ValueError:
                answers[member] = {}
    found, faults = judged({member: answers[member] for member in store.members}, lag)
    quorum = execute(asked, ["/bin/sh", "-c", QUORUM, scripts], "").strip()
    return found, faults if quorum.startswith("OK") else [*faults, f"Sentinel: {quorum or 'does not answer'}"]


def judged(answers: Mapping[str, Mapping[str, str]], lag: int) -> tuple[dict[str, Standing], list[str]]:
    """The same from what members say of themselves."""
    leaders = {member: said for member, said in answers.items() if said.get("role") == "master"}
    faults = [] if len(leaders) == 1 else [f"{', '.join(leaders) or 'nobody'} leads"]
    faults += [
        f"{member} takes no writes: nobody follows it"
        for member, said in leaders.items()
        if said.get("min_slaves_good_slaves") == "0"
    ]
    furthest = max((int(said.get("master_repl_offset", 0)) for said in leaders.values()), default=None)
    return {member: _standing(said, furthest, lag) for member, said in answers.items()}, faults


def _standing(said: Mapping[str, str], furthest: int | None, lag: int) -> Standing:
    if not said:
        return Standing(fault="does not answer")
    if said.get("role") == "master":
        return Standing("primary")
    if said.get("master_link_status") != "up" or furthest is None:
        return Standing("replica", "unknown", "follows nobody")
    # The primary went on between the two answers, or was asked first.
    behind = max(furthest - int(said.get("slave_repl_offset", 0)), 0)
    return Standing("replica", f"{behind} B", f"is {behind} bytes behind" if behind > lag else "")


def read_information(text: str) -> dict[str, str]:
    """Fields of an answer of ``INFO``."""
    pairs = (line.strip().partition(":") for line in text.splitlines())
    return {name: value for name, colon, value in pairs if colon}
