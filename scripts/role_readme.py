# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes the table of variables into every role's README.md.

The table stands between the lines `<!-- variables -->` and `<!-- end variables -->`. Descriptions and types
come from meta/argument_specs.yml, default values from defaults/main.yml or else from the spec.

Usage: .venv/bin/python scripts/role_readme.py [--check] [ROLE ...]
--check writes nothing and exits with 1 when a table is stale or the markers are missing.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).resolve().parent.parent / "roles"
START = "<!-- variables -->"
END = "<!-- end variables -->"
HEADER = "| variable | type | default | meaning |\n| --- | --- | --- | --- |"
MARKUP = re.compile(r"\b(?:C|O|V|E|B|I|M|P|RV|U)\(([^()]*)\)")
LONGEST = 60
"""Characters of a default value that a table shows; longer ones are in defaults/main.yml."""


def load(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; {} when the file is not there or empty."""
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.is_file() else {}


def plain(text: object) -> str:
    """A description (a text or a list of texts) as one line of Markdown, without Ansible's markup."""
    whole = " ".join(str(part) for part in text) if isinstance(text, list) else str(text or "")
    whole = MARKUP.sub(lambda match: f"`{re.sub('^ignore:|#.*$', '', match[1])}`", " ".join(whole.split()))
    return whole.replace("|", "\\|")


def default_of(name: str, option: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """A default value as a reader would write it in YAML, "" when there is none."""
    value = defaults.get(name, option.get("default"))
    if value is None:
        return "required" if option.get("required") else ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    if len(text) > LONGEST:
        return "see defaults/main.yml"
    return f"`{text}`".replace("|", "\\|") if text else '`""`'


def rows(prefix: str, options: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    """A table row an option, then one for each option inside it."""
    for name, option in options.items():
        kind = option.get("type", "str")
        if "elements" in option:
            kind = f"{kind} of {option['elements']}"
        meaning = plain(option.get("description"))
        if "choices" in option:
            meaning += f" One of {', '.join(f'`{choice}`' for choice in option['choices'])}."
        yield f"| `{prefix}{name}` | {kind} | {default_of(prefix + name, option, defaults)} | {meaning} |"
        yield from rows(f"{prefix}{name}.", option.get("options") or {}, {})


def table(role: Path) -> str:
    """The table of one role: all entry points of its argument_specs together, each variable once."""
    specs = load(role / "meta/argument_specs.yml").get("argument_specs") or {}
    options: dict[str, Any] = {}
    for entry in specs.values():
        options.update(entry.get("options") or {})
    lines = list(rows("", options, load(role / "defaults/main.yml")))
    return "\n".join([HEADER, *lines]) if lines else "This role has no variables of its own."


def with_table(readme: str, content: str) -> str | None:
    """A README with the table put between the markers; None when the markers are not there."""
    before, start, rest = readme.partition(START)
    _old, end, after = rest.partition(END)
    if not (start and end):
        return None
    return f"{before}{START}\n{content}\n{END}{after}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Write the tables of variables into the roles' README.md.")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is stale")
    parser.add_argument("roles", nargs="*", metavar="ROLE", help="names of roles (default: all)")
    options = parser.parse_args(arguments)
    faults = 0
    for role in sorted(path for path in ROLES.iterdir() if (path / "meta/argument_specs.yml").is_file()):
        if options.roles and role.name not in options.roles:
            continue
        path = role / "README.md"
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        new = with_table(old, table(role))
        if new is None:
            sys.stderr.write(f"{path}: expected the lines {START} and {END}\n")
            faults += 1
        elif new != old and options.check:
            sys.stderr.write(f"{path}: the table of variables is stale; run scripts/role_readme.py\n")
            faults += 1
        elif new != old:
            path.write_text(new, encoding="utf-8")
            sys.stdout.write(f"{path}: written\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
