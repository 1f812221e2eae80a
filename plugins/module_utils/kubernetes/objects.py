# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Objects as plain mappings: reading, checking, identity, and the order in which they are applied."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import KubernetesError

try:
    import yaml

    class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """YAML as Kubernetes reads it: a lone ``=`` is a text (some definitions list it as a value)."""

    _Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: str(node.value))
except ImportError:  # reported by the module through missing_required_lib
    yaml = None  # type: ignore[assignment]


class InvalidObjects(KubernetesError):  # noqa: N818
    """Objects that cannot be sent, all of them in one message."""


@dataclass(frozen=True, order=True)
class Reference:
    """What names an object in the cluster."""

    api_version: str
    kind: str
    namespace: str | None
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """The same for all versions of a kind."""
        return self.group, self.kind, self.namespace or "", self.name


def reference(obj: dict[str, Any]) -> Reference:
    metadata = obj["metadata"]
    return Reference(obj["apiVersion"], obj["kind"], metadata.get("namespace") or None, metadata["name"])


def read(path: str | Path) -> list[dict[str, Any]]:
    """All objects of a YAML or JSON file (several documents, and lists, are taken apart)."""
    file = Path(path).expanduser()
    try:
        return parse(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise InvalidObjects(f"{file} cannot be read: {error.strerror}") from None


def parse(text: str, origin: str) -> list[dict[str, Any]]:
    """Objects of YAML text; ``origin`` is named in errors."""
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise InvalidObjects(f"{origin} is not YAML: {error}") from None
    return flatten(document for document in documents if document)


def flatten(documents: Iterable[Any]) -> list[dict[str, Any]]:
    """Replace objects of kind ``List`` by their items."""
    found = []
    for document in documents:
        if _is_list(document):
            found.extend(flatten(document["items"] or []))
        else:
            found.append(document)
    return found


def _is_list(document: Any) -> bool:
    """Kind ``List``, ``ConfigMapList`` …, and not a custom object whose kind happens to end so."""
    if not isinstance(document, dict) or "items" not in document:
        return False
    named = isinstance(document.get("metadata"), dict) and document["metadata"].get("name")
    return str(document.get("kind", "")).endswith("List") and not named


def problems(objects: Iterable[Any]) -> list[str]:
    """What keeps ``objects`` from being sent: one text each, empty when all is well."""
    found = []
    for position, obj in enumerate(objects, 1):
        if not isinstance(obj, dict):
            found.append(f"object {position} is {type(obj).__name__}, expected a mapping")
            continue
        metadata = obj.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        label = f"object {position} ({obj.get('kind') or 'no kind'} {name or 'without a name'})"
        for key in ("apiVersion", "kind"):
            if not isinstance(obj.get(key), str) or not obj[key]:
                found.append(f"{label} has no {key}")
        if not isinstance(name, str) or not name:
            found.append(f"{label} has no metadata.name")
    return found


_SERVER_OWNED = ("creationTimestamp", "managedFields", "resourceVersion", "uid", "generation", "selfLink")


def cleaned(obj: dict[str, Any]) -> dict[str, Any]:
    """A copy without what only the server writes; ``stringData`` of a Secret becomes ``data``.

    ``stringData`` is write-only: were it applied as it is, nobody could find out whether it changed.
    """
    copy = {key: value for key, value in obj.items() if key != "status"}
    copy["metadata"] = {k: v for k, v in obj["metadata"].items() if k not in _SERVER_OWNED}
    if copy["kind"] == "Secret" and copy["apiVersion"] == "v1" and "stringData" in copy:
        plain = copy.pop("stringData") or {}
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        copy["data"] = {**(copy.get("data") or {}), **encoded}
    return copy


_PHASES: tuple[tuple[str, ...], ...] = (
    ("Namespace",),
    ("CustomResourceDefinition", "PriorityClass", "StorageClass", "RuntimeClass", "IngressClass"),
    (
        "ServiceAccount",
        "Role",
        "ClusterRole",
        "ResourceQuota",
        "LimitRange",
        "NetworkPolicy",
        "PersistentVolume",
        "ConfigMap",
        "Secret",
    ),
    ("RoleBinding", "ClusterRoleBinding", "PersistentVolumeClaim", "Service"),
    ("*",),
    ("HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress", "APIService"),
    (
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "MutatingAdmissionPolicy",
    ),
    ("ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding"),
)
_PHASE = {kind: number for number, kinds in enumerate(_PHASES) for kind in kinds}


def phase(kind: str) -> int:
    """When a kind is applied: what others stand on first, webhooks (which could refuse the rest) last.

    Kinds that are not named here, workloads and custom objects, come after configuration and Services.

    >>> phase("Namespace") < phase("Secret") < phase("Deployment") < phase("ValidatingWebhookConfiguration")
    True
    """
    return _PHASE.get(kind, _PHASE["*"])


def phases(objects: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Objects in groups: those of one group do not depend on each other."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for obj in objects:
        groups.setdefault(phase(obj["kind"]), []).append(obj)
    return [groups[number] for number in sorted(groups)]
