"""Where the real kube-apiserver, etcd and kubectl come from: the bundle, whose images hold them."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.bundle.registry_store import blob_path

CACHE = Path("~/.cache/nilecare/test-binaries").expanduser()
_FROM_IMAGES = {"kube-apiserver": "registry.k8s.io/kube-apiserver", "etcd": "registry.k8s.io/etcd"}
NEEDED = (*_FROM_IMAGES, "kubectl")


class NoBinariesError(Exception):
    """There is no bundle, or it does not hold what the tests need."""


def find() -> Path:
    """A directory with ``kube-apiserver``, ``etcd`` and ``kubectl``.

    ``NILECARE_TEST_BIN`` names one; else they are taken once from the bundle (``NILECARE_BUNDLE``, or the
    newest below ``~/.cache/nilecare/bundles``).
    """
    given = os.environ.get("NILECARE_TEST_BIN")
    if given:
        missing = [name for name in NEEDED if not (Path(given) / name).is_file()]
        if missing:
            raise NoBinariesError(f"NILECARE_TEST_BIN={given} does not hold {', '.join(missing)}")
        return Path(given)
    bundle = _bundle()
    target = CACHE / bundle.name
    if all((target / name).is_file() for name in NEEDED):
        return target
    target.mkdir(parents=True, exist_ok=True)
    _copy(bundle / "bin" / "kubectl", target / "kubectl")
    for name, repository in _FROM_IMAGES.items():
        _extract(bundle / "images", repository, name, target / name)
    return target


def _bundle() -> Path:
    given = os.environ.get("NILECARE_BUNDLE")
    if given:
        return Path(given).resolve()
    manifests = list(Path("~/.cache/nilecare/bundles").expanduser().glob("*/manifest.json"))
    if not manifests:
        raise NoBinariesError("there is no bundle: run playbooks/bundle.yml, or set NILECARE_TEST_BIN")
    return max(manifests, key=lambda path: path.stat().st_mtime).parent.resolve()


def _extract(images: Path, repository: str, binary: str, target: Path) -> None:
    """The file named ``binary`` of the newest tag of an image in the registry's storage."""
    tags = list(
        (images / "docker/registry/v2/repositories" / repository / "_manifests/tags").glob("*/current/link")
    )
    if not tags:
        raise NoBinariesError(f"the bundle's registry {images} holds no image {repository}")
    link = max(tags, key=lambda path: path.stat().st_mtime)
    manifest: dict[str, Any] = json.loads(blob_path(images, link.read_text().strip()).read_text())
    for layer in reversed(manifest["layers"]):
        with tarfile.open(blob_path(images, layer["digest"])) as archive:
            for entry in archive:
                if entry.isfile() and Path(entry.name).name == binary:
                    source = archive.extractfile(entry)
                    assert source is not None
                    partial = target.with_suffix(f".{os.getpid()}.partial")
                    with partial.open("wb") as output:
                        shutil.copyfileobj(source, output)
                    partial.chmod(0o755)
                    partial.rename(target)
                    return
    raise NoBinariesError(f"image {repository} holds no file {binary}")


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise NoBinariesError(f"the bundle does not hold {source}")
    partial = target.with_suffix(f".{os.getpid()}.partial")
    shutil.copy2(source, partial)
    partial.rename(target)
