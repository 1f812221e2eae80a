# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""From inventory variables to the stores, with what services declared of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..services.inventory import Host, read_amounts, read_namespace
from ..services.model import Finding, Namespace, Peer, Tier
from ..services.quantities import byte_count
from ..services.specification import convert, unknown
from .model import MEMBERS, Declaration, Store
from .volumes import CLASSES

DECLARED = {"databases": "service_databases", "topics": "service_topics", "queues": "service_queues"}


@dataclass(frozen=True)
class Client:
    """A service, as far as stores know it.

    :param dependencies: what it calls.
    :param declared: names by store, for each of ``DECLARED``.
    """

    name: str
    namespace: str
    labels: dict[str, str]
    dependencies: tuple[str, ...] = ()
    declared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stores:
    """All stores of an inventory, and their namespaces."""

    stores: dict[str, Store]
    namespaces: dict[str, Namespace]
    tiers: dict[str, Tier]


def read_stores(
    hosts: list[Host], options: Mapping[str, Any], clients: list[Client], sites: Mapping[str, str]
) -> tuple[Stores, list[Finding]]:
    """Read every store.

    :param hosts: inventory hosts with their variables ``store_*`` and ``namespaces_*``.
    :param options: the options of roles store and namespaces.
    :param clients: all services.
    :param sites: site by machine, of all machines of the cluster.
    :returns: the stores as far as they could be read, and every error that was met.
    """
    findings: list[Finding] = []
    stores: dict[str, Store] = {}
    namespaces: dict[str, Namespace] = {}
    tiers: dict[str, Tier] = {}
    for host in hosts:
        values = _convert(host, options, findings)
        known = values.get("store_namespaces") or []
        own = [group for group in host.groups if group in known]
        if len(own) != 1:
            findings.append(Finding(host.name, "", f"is not in exactly one group of {', '.join(known)}"))
            continue
        if own[0] not in namespaces:
            namespace = read_namespace(own[0], values, findings)
            if namespace is not None:
                namespaces[own[0]] = namespace
        store = _read(host.name, own[0], values, sites, findings)
        if store is not None:
            tiers.setdefault(store.tier.name, store.tier)
            stores[host.name] = store
    return Stores(_connect(stores, clients, findings), namespaces, tiers), findings


def _convert(host: Host, options: Mapping[str, Any], findings: list[Finding]) -> dict[str, Any]:
    for key, message in host.failures.items():
        findings.append(Finding(host.name, key, message))
    converted = {}
    for key, value in host.variables.items():
        if key in options:
            converted[key] = convert(host.name, key, value, options[key], findings)
        else:
            findings.append(Finding(host.name, key, unknown(key, options)))
    return converted


def _read(
    host: str,
    namespace: str,
    values: Mapping[str, Any],
    sites: Mapping[str, str],
    findings: list[Finding],
) -> Store | None:
    before = len(findings)
    tier = _tier(host, values, findings)
    size = 0
    try:
        size = byte_count(values.get("store_size") or "")
    except ValueError as error:
        findings.append(Finding(host, "store_size", str(error)))
    machines = tuple(values.get("store_machines") or ())
    findings += _machines(host, machines, sites)
    if values.get("store_storage_class") not in CLASSES:
        findings.append(Finding(host, "store_storage_class", f"expected one of {', '.join(CLASSES)}"))
    for key in ("store_image", "store_version"):
        if not values.get(key):
            findings.append(Finding(host, key, "is missing"))
    if len(findings) > before or tier is None:
        return None
    return Store(
        name=host,
        namespace=namespace,
        size=size,
        machines=machines,
        tier=tier,
        **{
            name: values[f"store_{name}"]
            for name in (
                "engine",
                "image",
                "version",
                "storage_class",
                "uid",
                "domain",
                "monitoring_namespace",
                "api_server_port",
            )
        },
    )


def _tier(host: str, values: Mapping[str, Any], findings: list[Finding]) -> Tier | None:
    name, defined = values.get("store_tier"), values.get("store_tiers") or {}
    if name not in defined:
        findings.append(Finding(host, "store_tier", f"is {name!r}, expected one of {', '.join(defined)}"))
        return None
    amounts = read_amounts(host, f"store_tiers.{name}", defined[name], findings)
    return Tier(str(name), **amounts) if amounts else None


def _machines(host: str, machines: tuple[str, ...], sites: Mapping[str, str]) -> list[Finding]:
    key = "store_machines"
    strange = sorted(set(machines) - set(sites))
    if strange:
        return [Finding(host, key, f"{', '.join(strange)}: not in group cluster")]
    if len(machines) != MEMBERS:
        return [Finding(host, key, f"names {len(machines)} machines, expected {MEMBERS}")]
    if len({sites[machine] for machine in machines}) != MEMBERS:
        return [Finding(host, key, "expected each in another site: a lost site must be a minority lost")]
    return []


def _connect(stores: dict[str, Store], clients: list[Client], findings: list[Finding]) -> dict[str, Store]:
    """Give each store its callers, and what they keep in it."""
    callers: dict[str, list[Peer]] = {name: [] for name in stores}
    declared: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {name: {} for name in stores}
    owners: dict[tuple[str, str, str], str] = {}
    for client in sorted(clients, key=lambda one: (one.namespace, one.name)):
        for name in client.dependencies:
            if name in callers:
                callers[name].append(Peer(client.name, client.namespace, dict(client.labels)))
        for kind, by_store in client.declared.items():
            for name, things in by_store.items():
                key = f"{DECLARED[kind]}.{name}"
                if name not in client.dependencies:
                    findings.append(Finding(client.name, key, "the store is not in service_dependencies"))
                if name not in stores:
                    continue
                for thing in things if kind == "databases" else ():
                    other = owners.setdefault((name, kind, thing), client.name)
                    if other != client.name:
                        findings.append(Finding(client.name, key, f"{thing!r} belongs to {other}"))
                declared[name].setdefault(client.name, {})[kind] = tuple(things)
    namespaces = {client.name: client.namespace for client in clients}
    return {
        name: replace(
            store,
            callers=tuple(callers[name]),
            declarations=tuple(
                Declaration(service, namespaces[service], **things)
                for service, things in sorted(declared[name].items())
            ),
        )
        for name, store in stores.items()
    }
