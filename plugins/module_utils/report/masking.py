# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes secrets out of text before a person or a file sees it.

This is the second line: the first is ``no_log``, which Ansible has applied already. A diff of a file or an
error message of a program can still hold a password, a token or a private key.
"""

from __future__ import annotations

import re

MASK = "********"

_SECRET_NAMES = (
    r"(?:passwords?|passwd|passphrase|secrets?|tokens?|private[_-]?keys?|api[_-]?keys?|credentials?"
)
_SECRET_NAMES += r"|certificate[_-]?keys?|(?:client-|tls\.|)key-?data)"
_RULES = (
    # A private key, whole: PEM, from its first line to its last (or to the end, where it is cut off).
    (
        re.compile(
            r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        r"\1 " + MASK + r" \2",
    ),
    # name: value, name = value, "name": "value". A name may be part of a longer one: database_password.
    (
        re.compile(
            r"""((?<![\w./-])["']?[\w.-]*?""" + _SECRET_NAMES + r"""["']?[ \t]*[:=][ \t]*)"""
            r"""("[^"\n]+"|'[^'\n]+'|(?!\{|\[|\||>|null\b|true\b|false\b)[^\s,}]+)""",
            re.IGNORECASE,
        ),
        r"\1" + MASK,
    ),
    # --token value, --password value
    (
        re.compile(r"(--[\w-]*?" + _SECRET_NAMES + r"[ =])(\S+)", re.IGNORECASE),
        r"\1" + MASK,
    ),
    # Authorization: Bearer value
    (re.compile(r"(\b(?:Bearer|Basic) )[A-Za-z0-9._~+/=-]{8,}"), r"\1" + MASK),
    # A bootstrap token of kubeadm, wherever it stands.
    (re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"), MASK),
    # scheme://user:password@host
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]+:)[^\s/@]+@"), r"\1" + MASK + "@"),
)


def mask(text: str) -> str:
    """Return the text with everything that looks like a secret replaced by asterisks."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
