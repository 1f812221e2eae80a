# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Arguments that modules for backups share."""

from __future__ import annotations

from typing import Any

TARGETS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {
        "name": {"type": "str", "required": True},
        "site": {"type": "str", "default": ""},
        "endpoint": {"type": "str", "required": True},
        "bucket": {"type": "str", "required": True},
        "region": {"type": "str", "default": "us-east-1"},
        "access_key": {"type": "str", "required": True, "no_log": False},
        "secret_key": {"type": "str", "required": True, "no_log": True},
        "authority": {"type": "str", "default": ""},
        "country": {"type": "str", "default": ""},
        "enabled": {"type": "bool", "default": True},
        "residency_approval": {"type": "str", "default": ""},
    },
}
