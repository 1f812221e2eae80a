# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which kinds the cluster serves and under which paths, from two calls (aggregated discovery, v2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import UnknownKind

ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
)


@dataclass(frozen=True)
class Resource:
    """One served kind. ``group`` is empty for the core group."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_kind(self) -> str:
        """As in ApplySet annotations: ``Deployment.apps``, ``ConfigMap``."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """URL path of the collection, the object or its subresource."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


class Discovery:
    """Finds :class:`Resource` by ``apiVersion`` and kind, or by group and kind (preferred version)."""

    def __init__(self, resources: list[Resource]) -> None:
        self._by_version: dict[tuple[str, str], Resource] = {}
        self._by_group_kind: dict[str, Resource] = {}
        for resource in resources:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Versions added first are preferred."""
        self._by_version.setdefault((resource.api_version, resource.kind), resource)
        self._by_group_kind.setdefault(resource.group_kind, resource)

    def find(self, api_version: str, kind: str) -> Resource | None:
        return self._by_version.get((api_version, kind))

    def find_group_kind(self, group_kind: str) -> Resource | None:
        return self._by_group_kind.get(group_kind)

    def resource(self, api_version: str, kind: str) -> Resource:
        """Like :meth:`find`; raises :class:`UnknownKind`, which names other versions that are served."""
        found = self.find(api_version, kind)
        if found is None:
            others = sorted(r.api_version for (_version, k), r in self._by_version.items() if k == kind)
            hint = f"it serves {kind} in {', '.join(others)}" if others else "its definition is not installed"
            raise UnknownKind(f"the cluster serves no kind {kind} in {api_version}: {hint}")
        return found


def parse(answers: list[dict[str, Any]]) -> list[Resource]:
    """Resources of ``APIGroupDiscoveryList`` answers (``/api``, ``/apis``), preferred versions first."""
    resources = []
    for answer in answers:
        for group in answer.get("items") or []:
            name = group.get("metadata", {}).get("name", "")
            for version in group.get("versions") or []:
                for entry in version.get("resources") or []:
                    kind = (entry.get("responseKind") or {}).get("kind")
                    if kind:
                        resources.append(
                            Resource(
                                name,
                                version["version"],
                                kind,
                                entry["resource"],
                                entry.get("scope") == "Namespaced",
                            )
                        )
    return resources


def from_definition(definition: dict[str, Any]) -> list[Resource]:
    """Resources that a CustomResourceDefinition object will serve once it is Established."""
    spec = definition.get("spec") or {}
    names = spec.get("names") or {}
    return [
        Resource(
            spec["group"], version["name"], names["kind"], names["plural"], spec.get("scope") == "Namespaced"
        )
        for version in spec.get("versions") or []
        if version.get("served", True)
    ]
