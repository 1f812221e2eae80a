# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Kafka's own tools inside a member: how they are called, and what they answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .members import Standing

MECHANISM = "SCRAM-SHA-512"
ROUNDS = {"SCRAM-SHA-256": 0, MECHANISM: 4}
"""Mechanisms of passwords, and where in the digest of a password their number of rounds begins."""


def rounds(password: str) -> dict[str, int]:
    """How often each mechanism hashes this password. Kafka shows nothing else of a password: the numbers tell
    whether the one that it has is the one that it shall have."""
    digest = hashlib.sha256(b"nilecare rounds " + password.encode()).digest()
    return {
        name: 4096 + int.from_bytes(digest[start : start + 4], "big") % 12288
        for name, start in ROUNDS.items()
    }


Right = tuple[str, str, str, str, str]
"""Kind and name of a resource, how the name is meant, who, and what it may do."""


@dataclass(frozen=True)
class Now:
    """What Kafka has.

    :param topics: own configuration by topic.
    :param users: rounds by mechanism, by user.
    """

    topics: dict[str, dict[str, str]]
    users: dict[str, dict[str, int]]


MARK = "-----"
TOOLS = """\
set -euf
umask 077
to="--bootstrap-server $OWN --command-config $HOME/member.properties"
topics() { $TOOL org.apache.kafka.tools.TopicCommand $to "$@"; }
configs() { $TOOL org.apache.kafka.tools.ConfigCommand $to "$@"; }
acls() { $TOOL org.apache.kafka.tools.AclCommand $to "$@"; }
quorum() { $TOOL org.apache.kafka.tools.MetadataQuorumCommand $to "$@"; }
password() {
  file=$(mktemp)
  cat > "$file"
  # The tool repeats the password when it does not like it.
  alter="--alter --entity-type users --entity-name $1 --add-config-file $file"
  configs $alter > /dev/null 2>&1 || failed=yes
  rm -f "$file"
  if [ -n "${failed:-}" ]; then echo "the password of $1 was not taken" >&2; exit 1; fi
}
"""
_TOPIC = re.compile(r"^Topic: (\S+)\s.*\sConfigs: ?(\S*)", re.MULTILINE)
_USER = re.compile(r"^SCRAM credential configs for user-principal '([^']+)' are (.*)$", re.MULTILINE)
_VOTER = re.compile(
    r"^(\d+)\s+\S+\s+\d+\s+(-?\d+)\s+-?\d+\s+-?\d+\s+(Leader|Follower|Observer)\s*$", re.MULTILINE
)
_STOPPED = re.compile(r"Topic: (\S+)\s+Partition: (\d+)")
_ROUNDS = re.compile(r"(SCRAM-SHA-\d+)=iterations=(\d+)")
_RESOURCE = re.compile(r"resourceType=(\w+), name=([^,]+), patternType=(\w+)\)")
_ENTRY = re.compile(r"principal=User:([^,]+), host=\*, operation=(\w+), permissionType=ALLOW")


def read_now(text: str) -> Now:
    """From descriptions of topics and, after the mark, of users."""
    described, _mark, users = text.partition(MARK)
    return Now(
        {
            name: dict(pair.split("=", 1) for pair in pairs.split(",") if pair)
            for name, pairs in _TOPIC.findall(described)
            if not name.startswith("__")
        },
        {
            name: {mechanism: int(times) for mechanism, times in _ROUNDS.findall(entries)}
            for name, entries in _USER.findall(users)
        },
    )


def read_rights(text: str) -> set[Right]:
    """From the list of rights."""
    found, resource = set(), ("", "", "")
    for line in text.splitlines():
        if match := _RESOURCE.search(line):
            resource = (match[1], match[2], match[3])
        elif match := _ENTRY.search(line):
            found.add((*resource, match[1], match[2]))
    return found


def read_standings(text: str, members: Sequence[str]) -> tuple[dict[str, Standing], list[str]]:
    """From the description of the quorum and, after the mark, of partitions that take no writes.

    A member's number is its place among the members.
    """
    described, _mark, stopped = text.partition(MARK)
    found = {}
    for number, lag, status in _VOTER.findall(described):
        if int(number) < len(members):
            behind = "" if status == "Leader" else f"{lag} records"
            found[members[int(number)]] = Standing(f"controller, {status.lower()}", behind)
    faults = [f"partition {part} of {topic} takes no writes" for topic, part in _STOPPED.findall(stopped)]
    if not any("leader" in standing.role for standing in found.values()):
        faults.append("no controller leads")
    return found, faults


def acl_options(found: Collection[Right]) -> list[str]:
    """Rights as options, as many in one call as Kafka's tool takes: each call starts Java anew.

    It gives every operation of a call on every resource of it, so those with the same operations go together.
    """
    operations: dict[tuple[str, str, str, str], list[str]] = {}
    for kind, name, pattern, user, operation in sorted(found):
        operations.setdefault((user, pattern, kind, name), []).append(operation)
    resources: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (user, pattern, kind, name), allowed in operations.items():
        option = {"TOPIC": "--topic", "GROUP": "--group", "TRANSACTIONAL_ID": "--transactional-id"}[kind]
        resources.setdefault((user, pattern, tuple(allowed)), []).append(f"{option} {name}")
    return [
        f"--allow-principal User:{user} {' '.join(f'--operation {one}' for one in allowed)} "
        f"{' '.join(names)} --resource-pattern-type {pattern.lower()}"
        for (user, pattern, allowed), names in resources.items()
    ]
