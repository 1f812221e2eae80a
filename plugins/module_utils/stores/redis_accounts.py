# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Users of Valkey: the platform's own, and one for each service with the keys that begin with its name."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence

from .execute import Execute
from .model import Store

OWN = ("default", "admin", "exporter", "proxy", "replica", "sentinel")
"""Accounts that members make at each start, from the Secret with their passwords."""
CREDENTIALS = OWN[1:]
#: how often, and how many seconds apart, it is asked who leads: another one may be about to
TRIES, PAUSE = 15, 2.0

# INFO is what clients ask when they connect. SCAN, RANDOMKEY and PUBSUB show names of others' keys and
# channels; functions and the scripts' cache are everybody's.
FORBIDDEN = (
    "+@all -@admin -@dangerous +info -scan -randomkey -dbsize -pubsub -function -script|flush -script|kill"
)
EXPORTER = (
    "-@all +ping +info +client|list +config|get +dbsize +latency|histogram +latency|latest +slowlog|get"
    " +slowlog|len"
)
# What Sentinel does to servers that it watches.
SENTINEL = (
    "&* -@all +ping +info +role +multi +exec +replicaof +slaveof +config|rewrite +client|kill +client|setname"
    " +client|pause +client|unpause +script|kill +publish +subscribe +failover"
)
# What clients ask Sentinel.
CLIENT = (
    "&* -@all +auth +hello +ping +client|setname +client|setinfo +client|id +subscribe +unsubscribe"
    " +psubscribe +punsubscribe +sentinel|get-primary-addr-by-name +sentinel|get-master-addr-by-name"
    " +sentinel|primary +sentinel|master +sentinel|replicas +sentinel|slaves +sentinel|sentinels"
)


def hash_of(password: str) -> str:
    """A password as Valkey keeps it."""
    return hashlib.sha256(password.encode()).hexdigest()


def rules(service: str, password: str) -> str:
    """What a service may, in the very words in which Valkey lists it."""
    return f"on #{hash_of(password)} ~{service}:* resetchannels &{service}:* {FORBIDDEN}"


def adjust(
    store: Store, client: Sequence[str], passwords: Mapping[str, str], execute: Execute, check: bool
) -> list[str]:
    """Bring about the services' users on every member; say what that changed, or would.

    Users are not copied with the data. The primary comes first, for the others take its users over.

    :param client: command that runs, in a member, the lines that it reads.
    :raises ValueError: there is no primary, a member does not answer, or refuses.
    """
    wanted = {service: rules(service, password) for service, password in sorted(passwords.items())}
    changes: list[str] = []
    for member in _primary_first(store, client, execute):
        now = read_users(execute(member, client, "ACL LIST\n"))
        work = {name: f"ACL SETUSER {name} reset {line}" for name, line in wanted.items()}
        work = {name: line for name, line in work.items() if now.get(name) != wanted[name]}
        gone = sorted(set(now) - set(wanted) - set(OWN))
        changes += [f"user {name}" for name in work] + [f"user {name} removed" for name in gone]
        if (work or gone) and not check:
            lines = [*work.values(), *(f"ACL DELUSER {name}" for name in gone), "ACL SAVE"]
            _run(member, client, lines, execute)
    return list(dict.fromkeys(changes))


def _primary_first(store: Store, client: Sequence[str], execute: Execute) -> list[str]:
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE)
        roles = {member: execute(member, client, "ROLE\n").partition("\n")[0] for member in store.members}
        leaders = [member for member, role in roles.items() if role == "master"]
        if len(leaders) == 1:
            return leaders + [member for member in store.members if member not in leaders]
    raise ValueError(f"{store.name} has {len(leaders)} primaries, expected one: {roles}")


def _run(member: str, client: Sequence[str], lines: Sequence[str], execute: Execute) -> None:
    answers = execute(member, client, "".join(f"{line}\n" for line in lines)).split("\n")
    bad = [answer for answer in answers if answer and answer != "OK" and not answer.isdigit()]
    if bad:
        raise ValueError(f"{member} refused: {'; '.join(bad)}")


def read_users(text: str) -> dict[str, str]:
    """Rules by user, from what ``ACL LIST`` says."""
    found = {}
    for line in text.splitlines():
        word, _space, rest = line.partition(" ")
        name, _space, words = rest.partition(" ")
        if word == "user":
            found[name] = words
    return found
