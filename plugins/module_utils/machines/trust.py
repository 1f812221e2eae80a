# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificate authorities that a Debian machine trusts."""

from __future__ import annotations

from pathlib import Path

from .files import Wish, apply_wishes
from .state import Change, Machine, StateError

SPEC = {
    "name": {"type": "str", "required": True},
    "certificate": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
SOURCES = Path("/usr/local/share/ca-certificates")
STORE = Path("/etc/ssl/certs/ca-certificates.crt")


def body(pem: str) -> str:
    """Return a PEM text without blanks, for comparison."""
    return "".join(pem.split())


def ensure(machine: Machine, name: str, certificate: str | None = None, state: str = "present") -> Change:
    """Put a certificate (PEM) into the trust store, or take it out, and rebuild the store when needed.

    In check mode the certificate may be empty: it may not have been made yet.
    """
    if state == "absent":
        return _absent(machine, name)
    text = (certificate or "").strip() + "\n"
    if "BEGIN CERTIFICATE" not in text and not machine.check_mode:
        raise StateError(f"authority {name}: a certificate in PEM form was expected; nothing was changed")
    path = SOURCES / f"{name}.crt"
    change = apply_wishes([Wish(path, content=text, mode=0o644)], machine.check_mode)
    if body(text) not in body(STORE.read_text() if STORE.exists() else "") and not change.lines:
        change.add(f"{STORE}: {name} is missing")
    if change.lines and not machine.check_mode:
        _rebuild(machine, f"{path} was written")
    return change


def _absent(machine: Machine, name: str) -> Change:
    change = apply_wishes([Wish(SOURCES / f"{name}.crt", state="absent")], machine.check_mode)
    if change.lines and not machine.check_mode:
        _rebuild(machine, f"{SOURCES / name}.crt was removed", "--fresh")
    return change


def _rebuild(machine: Machine, done: str, *options: str) -> None:
    answer = machine.run("update-ca-certificates", *options)
    if answer.code != 0:
        raise StateError(f"update-ca-certificates failed: {answer.error.strip()}; {done}")
