# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules of this host's firewall that keep a lab's network closed.

Without a default route machines have no way out. The rules hold even when a machine is given such a
route, and this host forwards packets, as podman makes it do. They also let the machines reach each
other where other software (Docker) makes bridged packets pass the firewall and drops them by default.
"""

from __future__ import annotations

from .process import run

CHAIN = "FORWARD"


def rules(bridge: str) -> list[list[str]]:
    """Return the rules of a lab, in their order."""
    return [
        ["--in-interface", bridge, "--out-interface", bridge, "--jump", "ACCEPT"],
        ["--in-interface", bridge, "--jump", "DROP"],
        ["--out-interface", bridge, "--jump", "DROP"],
    ]


def is_closed(bridge: str) -> bool:
    """Say whether all rules of a lab are there."""
    return all(_iptables("--check", rule) for rule in rules(bridge))


def close(bridge: str) -> None:
    """Put the rules of a lab before all others. Raises OSError."""
    remove(bridge)
    for rule in reversed(rules(bridge)):
        if not _iptables("--insert", rule):
            raise OSError(f"iptables refused the rule {CHAIN} {' '.join(rule)}")


def remove(bridge: str) -> bool:
    """Remove every rule of a lab; say whether there was one."""
    removed = False
    for rule in rules(bridge):
        while _iptables("--delete", rule):
            removed = True
    return removed


def _iptables(verb: str, rule: list[str]) -> bool:
    return run("iptables", "--wait", verb, CHAIN, *rule).returncode == 0
