"""The pipeline with the real programs: crane, cosign and trivy against the bundle's registry program.

Needs a bundle with the set pipeline (``NILECARE_BUNDLE_SETS=pipeline``); without one these tests are skipped.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline import evidence, images
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.admission import Terms, admit
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.tools import PipelineError, Tools

from tests.module.control_plane import free_port

BUNDLES = Path.home() / ".cache" / "nilecare" / "bundles"
# Small ones, so that a scan takes a second
IMAGES = ("registry.k8s.io/pause:3.10.2", "registry.k8s.io/coredns/coredns:v1.14.2")
TODAY = datetime.date(2026, 11, 28)
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
        pytest.skip("there is no bundle with the set pipeline (NILECARE_BUNDLE_SETS=pipeline)")
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


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registries]:
    files, home = bundle(), tmp_path_factory.mktemp("pipeline")
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


def test_from_those_who_build_to_production(registries: Registries) -> None:
    run, home = registries.run, registries.home
    key, public = registries.key_pair("builders")
    stage_key, stage_public = registries.key_pair("platform")
    digest = registries.bring("ehr", "2.1.0")
    source = f"{registries.pushed}/ci/ehr"
    image = f"{source}:2.1.0"
    by_digest = f"{source}@{digest}"
    terms = Terms(public, database_required=False)

    def refusals(asked: Terms, of: str = image) -> list[str]:
        work = home / f"scan-{time.monotonic_ns()}"
        work.mkdir()
        return admit(run, work, of, asked, TODAY).refusals

    (unsigned,) = refusals(terms)
    assert unsigned.startswith("it is not signed by those who build")

    # A signed claim about it is no signature of it.
    evidence.claim(run, by_digest, "cyclonedx", BILL, key, "")
    (claimed,) = refusals(terms)
    assert "no signature of the image itself" in claimed

    registries.sign(by_digest, key)
    assert refusals(terms) == []
    (foreign,) = refusals(Terms(stage_public, database_required=False))
    assert foreign.startswith("it is not signed by those who build")

    staging = f"{registries.pushed}/staging/ehr"
    copies = images.missing_copies(run, source, digest, staging, "2.1.0")
    images.copy(run, copies)
    assert images.missing_copies(run, source, digest, staging, "2.1.0") == []

    # The builders' key cannot say that staging was passed.
    wanted = Terms(public, ("staging",), stage_public, database_required=False)
    kind = evidence.stage_type("staging")
    evidence.claim(run, f"{staging}@{digest}", kind, {"version": "2.1.0"}, key, "")
    (early,) = refusals(wanted, f"{staging}:2.1.0")
    assert early.startswith("it has not passed staging")
    evidence.claim(run, f"{staging}@{digest}", kind, {"version": "2.1.0"}, stage_key, "")
    assert refusals(wanted, f"{staging}:2.1.0") == []

    production = f"{registries.pushed}/production/ehr"
    images.copy(run, images.missing_copies(run, staging, digest, production, "2.1.0"))
    assert refusals(wanted, f"{production}:2.1.0") == []
    assert images.digest_of(run, f"{production}:2.1.0") == digest


def test_a_tag_that_means_another_image_is_refused(registries: Registries) -> None:
    run = registries.run
    old, new = registries.bring("auth", "1.0.0"), registries.bring("auth", "1.1.0", IMAGES[1])
    target = f"{registries.pushed}/staging/auth"
    images.copy(run, images.missing_copies(run, f"{registries.pushed}/ci/auth", old, target, "1"))
    with pytest.raises(PipelineError, match="a tag always means the same image"):
        images.missing_copies(run, f"{registries.pushed}/ci/auth", new, target, "1")
    assert images.digest_of(run, f"{target}:1") == old


def test_a_registry_that_is_read_only_is_told_of(registries: Registries) -> None:
    digest = registries.bring("lab", "1.0.0")
    target = f"{registries.shipped}/ci/lab"
    copies = images.missing_copies(registries.run, f"{registries.pushed}/ci/lab", digest, target, "1.0.0")
    with pytest.raises(PipelineError, match=r"crane copy failed: .*(405|UNSUPPORTED|METHOD)"):
        images.copy(registries.run, copies)
