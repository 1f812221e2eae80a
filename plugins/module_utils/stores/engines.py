# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Engines: one module of this package each, found by its name; and how they read what an inventory sets."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

ENGINES = ("kafka", "mysql", "postgresql", "rabbitmq", "redis")


def engine_of(name: str) -> Any:
    """The module of an engine.

    :raises ValueError: there is none of this name.
    """
    if name not in ENGINES:
        raise ValueError(f"store_engine: {name!r} is no engine, expected one of {', '.join(ENGINES)}")
    return importlib.import_module(f"{__package__}.{name}")


def known(settings: type[Any], engine: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What an inventory sets, for an engine's class of settings.

    :raises ValueError: the engine has no such setting.
    """
    unknown = sorted(set(given) - {field.name for field in fields(settings)})
    if unknown:
        raise ValueError(f"{engine} has no setting {', '.join(unknown)}")
    return dict(given)


def check_share(name: str, value: float) -> None:
    """:raises ValueError: a share is none."""
    if not 0 < value < 1:
        raise ValueError(f"{name} is {value}, expected more than 0 and less than 1")
