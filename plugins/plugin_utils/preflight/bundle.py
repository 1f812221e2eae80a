# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the bundle whole, and does it hold the wanted version of Kubernetes?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import Settings

VERSIONED = ("kubeadm", "kubelet", "kubectl")
"""Items whose version must be kubernetes_version."""


def check_bundle(directory: Path, settings: Settings) -> Iterator[Finding]:
    """A bundle that is not there, holds another Kubernetes, or lacks a file that its manifest lists."""
    manifest = directory / "manifest.json"
    try:
        items = json.loads(manifest.read_text(encoding="utf-8"))["items"]
    except FileNotFoundError:
        yield Finding(
            "", "bundle_directory", f"{directory} holds no bundle", "a bundle made by playbooks/bundle.yml"
        )
        return
    except (OSError, ValueError, LookupError, TypeError) as error:
        yield Finding(
            "", "bundle_directory", f"{manifest} cannot be read: {error}", "the manifest of a bundle"
        )
        return
    versions = {
        item["name"]: str(item["version"]).removeprefix("v") for item in items if item["kind"] == "binary"
    }
    for name in VERSIONED:
        found = versions.get(name)
        if found != settings.kubernetes_version:
            message = f"{name} {found} is in the bundle" if found else f"{name} is not in the bundle"
            yield Finding(
                "", "kubernetes_version", message, f"{name} {settings.kubernetes_version}", str(manifest)
            )
