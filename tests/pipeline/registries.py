"""Two registries for tests of the pipeline, run by the bundle's program, and the tools that talk to them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline import images
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.tools import Tools

from tests.module.control_plane import free_port

BUNDLES = Path.home() / ".cache" / "nilecare" / "bundles"
# Small ones, so that a scan takes a second
IMAGES = ("registry.k8s.io/pause:3.10.2", "registry.k8s.io/coredns/coredns:v1.14.2")
BILL = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "components": [{"type": "library", "name": "python3", "version": "3.11.2"}],
}


def bundle() -> Path:
    """The newest bundle with the programs."""
    found = [path for path in BUNDLES.glob("*") if (path / "bin" / "cosign").is_file()]
    found += [Path(os.environ["NILECARE_BUNDLE"])] if os.environ.get("NILECARE_BUNDLE") else []
    whole = [path for path in found if all((path / "bin" / name).is_file() for name in ("crane", "trivy"))]
    if not whole:
        pytest.fail("there is no bundle with it: NILECARE_BUNDLE_SETS=pipeline")
    return max(whole, key=lambda path: path.stat().st_mtime)


@dataclass
class Registries:
    """One registry with the bundle's images, and one that is written to."""

    run: Tools
    shipped: str
    pushed: str
    home: Path

    def key_pair(self, name: str) -> tuple[str, str]:
        """Private and public key, with an empty password."""
        prefix = self.home / name
        self.run(
            "cosign", "generate-key-pair", f"--output-key-prefix={prefix}", secrets={"COSIGN_PASSWORD": ""}
        )
        return prefix.with_suffix(".key").read_text(), prefix.with_suffix(".pub").read_text()

    def bring(self, name: str, version: str, image: str = IMAGES[0]) -> str:
        """A service's image in the registry of those who build; its digest."""
        self.run("crane", "copy", f"{self.shipped}/{image}", f"{self.pushed}/ci/{name}:{version}")
        return images.digest_of(self.run, f"{self.pushed}/ci/{name}:{version}")

    def sign(self, image: str, key: str) -> None:
        secrets = {"NILECARE_KEY": key, "COSIGN_PASSWORD": ""}
        arguments = ("--yes", "--key=env://NILECARE_KEY", "--use-signing-config=false", "--tlog-upload=false")
        self.run("cosign", "sign", *arguments, image, secrets=secrets)


@contextlib.contextmanager
def serving(home: Path) -> Iterator[Registries]:
    """Both, while they run."""
    files = bundle()
    processes, places = [], []
    for name, storage, extra in (
        ("shipped", files / "images", {"maintenance": {"readonly": {"enabled": True}}}),
        ("pushed", home / "storage", {}),
    ):
        port = free_port()
        configuration = home / f"{name}.yml"
        configuration.write_text(
            json.dumps(
                {
                    "version": 0.1,
                    "log": {"level": "error", "accesslog": {"disabled": True}},
                    "storage": {"filesystem": {"rootdirectory": str(storage)}, **extra},
                    "http": {"addr": f"127.0.0.1:{port}", "relativeurls": True},
                }
            )
        )
        processes.append(
            subprocess.Popen(
                [str(files / "bin" / "registry"), "serve", str(configuration)],
                env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        places.append(f"127.0.0.1:{port}")
    try:
        for place in places:
            _answers(place)
        yield Registries(Tools(files / "bin", home), places[0], places[1], home)
    finally:
        for process in processes:
            process.kill()
            process.wait(timeout=30)


def _answers(place: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(f"http://{place}/v2/", timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
