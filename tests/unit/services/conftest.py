"""The shipped inventory as the model sees it, and a way to change one thing of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.nilecare.platform.plugins.module_utils.services.inventory import Host, read_platform
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Finding, Platform
from jinja2.nativetypes import NativeEnvironment

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT / "inventories" / "shared"

Build = Callable[..., tuple[Platform, list[Finding]]]


@functools.cache
def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def options() -> dict[str, Any]:
    """The options of both roles, which the model's types and choices come from."""
    merged: dict[str, Any] = {}
    for role in ("namespaces", "service"):
        specification = load(ROOT / "roles" / role / "meta" / "argument_specs.yml")
        merged.update(specification["argument_specs"]["main"]["options"])
    return merged


def defaults() -> dict[str, Any]:
    return {
        **load(ROOT / "roles" / "namespaces" / "defaults" / "main.yml"),
        **load(ROOT / "roles" / "service" / "defaults" / "main.yml"),
    }


def shipped() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Host, namespace and own variables of every service of the shipped inventory."""
    children = load(SHARED / "services.yml")["services"]["children"]
    for namespace, group in children.items():
        for host, own in group["hosts"].items():
            yield host, namespace, own or {}


def render(value: Any, context: dict[str, Any]) -> Any:
    """What Ansible's templating would do, for the few expressions in defaults."""
    if isinstance(value, str) and "{{" in value:
        return render(_template(value).render(context), context)
    return value


@functools.cache
def _template(text: str) -> Any:
    return NativeEnvironment().from_string(text)


def host(name: str, namespace: str, own: dict[str, Any], group: dict[str, Any] | None = None) -> Host:
    around = {
        "inventory_hostname": name,
        "cluster_domain": "cluster.local",
        "cluster_time_zone": "Africa/Khartoum",
        "cluster_locale": "ar_SD.UTF-8",
        "cluster_state_directory": "/state",
        "mesh_enabled": False,
        "mesh_tag": "nilecare",
        "monitoring_enabled": False,
    }
    if group is None:
        group = load(SHARED / "group_vars" / f"{namespace}.yml")
    values = {**defaults(), **group, **own}
    context = {**around, **values}
    for _round in range(2):  # a default may name another one
        context = {key: render(entry, context) for key, entry in context.items()}
    return Host(name, {key: context[key] for key in values}, ("services", namespace))


@pytest.fixture
def build() -> Build:
    """Read the shipped inventory with changes: ``build(ehr={"service_port": 1})``; ``only`` keeps some hosts;
    ``group`` changes variables of namespaces, ``group={"clinical": {...}}``."""

    def make(
        only: list[str] | None = None,
        group: dict[str, dict[str, Any]] | None = None,
        **changes: dict[str, Any],
    ) -> tuple[Platform, list[Finding]]:
        hosts = []
        for name, namespace, own in shipped():
            if only is None or name in only:
                facts = {
                    **load(SHARED / "group_vars" / f"{namespace}.yml"),
                    **(group or {}).get(namespace, {}),
                }
                hosts.append(host(name, namespace, {**own, **changes.get(name.replace("-", "_"), {})}, facts))
        return read_platform(hosts, options())

    return make


@pytest.fixture(scope="session")
def platform() -> Platform:
    found, findings = read_platform([host(*entry) for entry in shipped()], options())
    assert findings == []
    return found
