# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How a member is told to another one: as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from .decide import Seen
from .gtid import GtidSet


def write(seen: Seen) -> str:
    """A member as a text."""
    return json.dumps({**asdict(replace(seen, executed=GtidSet())), "executed": str(seen.executed)})


def read(text: str) -> Seen:
    """The reverse.

    :raises ValueError: it is no such text.
    """
    try:
        values = json.loads(text)
        return Seen(**{**values, "executed": GtidSet.parse(values["executed"])})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not what a member says: {error}") from error
