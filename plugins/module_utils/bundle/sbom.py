# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The bill of materials (CycloneDX JSON): every item of a bundle and every Go module inside its programs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from .manifest import Item
from .oci import CREATED

try:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    IMPORT_ERROR: Exception | None = None
except ImportError as error:
    IMPORT_ERROR = error

FILE = "sbom.cdx.json"

_TYPES = {"image": "CONTAINER", "package": "LIBRARY", "binary": "APPLICATION"}


def _purl(item: Item) -> Any:
    if item.kind == "package":
        return PackageURL("deb", "debian", item.name, item.version, {"arch": "amd64"})
    if item.kind == "image":
        name, _colon, tag = item.name.rpartition(":")
        return PackageURL(
            "oci", None, name.split("/")[-1], f"sha256:{item.sha256}", {"repository_url": name, "tag": tag}
        )
    return PackageURL("generic", None, item.name, item.version)


def _component(item: Item) -> Any:
    licences = [LicenseExpression(item.licence)] if item.licence.replace("-", "").isalnum() else []
    if item.licence and not licences:
        licences = [DisjunctiveLicense(name=item.licence)]  # type: ignore[list-item]
    kind = getattr(ComponentType, _TYPES.get(item.kind, "FILE"))
    return Component(
        name=item.name,
        version=item.version,
        type=kind,
        bom_ref=f"{item.kind}:{item.path}:{item.name}",
        purl=_purl(item),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=item.sha256)],
        licenses=licences,
        properties=[Property(name="nilecare:origin", value=item.origin)],
    )


def render(key: str, items: Iterable[Item], modules: Mapping[str, list[dict[str, str]]]) -> str:
    """The bill as text. `modules` holds the Go modules of each component's programs, by item name."""
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"nilecare.platform/bundle/{key}"))
    libraries: dict[tuple[str, str], Any] = {}
    for item in sorted(items):
        component = _component(item)
        bom.components.add(component)
        parts = []
        for module in modules.get(item.name, []):
            pair = (module["path"], module["version"])
            if pair not in libraries:
                libraries[pair] = Component(
                    name=module["path"],
                    version=module["version"],
                    type=ComponentType.LIBRARY,
                    bom_ref=f"go:{module['path']}@{module['version']}",
                    purl=PackageURL("golang", None, module["path"], module["version"]),
                )
                bom.components.add(libraries[pair])
            parts.append(libraries[pair])
        bom.register_dependency(component, parts)
    value = json.loads(JsonV1Dot6(bom).output_as_string())
    value["metadata"]["timestamp"] = CREATED
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
