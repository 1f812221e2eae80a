"""The pipeline in the lab: by the mirror onto the nodes, and what keeps an image out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline import evidence
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.tools import PipelineError, tools

from tests.lab.harness import Lab, Ran
from tests.pipeline.registries import BILL, Registries, serving

from .mesh import Mesh

REGISTRY = "registry.nilecare.internal"
PASSWORD = "a word of this test only"
SERVICE, NAMESPACE = "notification", "infrastructure"
REFERENCE = "docker.io/nilecare/reference-service"


@dataclass
class Pipeline:
    """Those who build, the platform's keys, and a mirror that takes pushes."""

    lab: Lab
    registries: Registries
    mirror: str
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)

    def terms(self, **different: Any) -> list[str]:
        values = {
            "mirror_images_registry": REGISTRY,
            "service_image": f"{REGISTRY}/{{{{ inventory_hostname }}}}",
            "pipeline_source": f"{self.registries.pushed}/ci",
            "pipeline_public_key": self.keys["builders"][1],
            "pipeline_stage_public_key": self.keys["platform"][1],
            "pipeline_signing_key": self.keys["platform"][0],
            "pipeline_credentials": {f"{self.mirror}:5000": {"user": "pipeline", "password": PASSWORD}},
            "pipeline_database_required": False,
        }
        return ["-e", json.dumps({**values, **different})]

    def run(self, version: str, **different: Any) -> Ran:
        limit = ["--limit", SERVICE, "-e", f"version={version}"]
        return self.lab.run("pipeline", *limit, *self.terms(**different))

    def bring(self, version: str, signed: bool) -> str:
        """A version in the builders' registry; its digest."""
        digest = self.registries.bring(SERVICE, version, f"{REFERENCE}:{version}")
        image = f"{self.registries.pushed}/ci/{SERVICE}@{digest}"
        if signed:
            evidence.claim(self.registries.run, image, "cyclonedx", BILL, self.keys["builders"][0], "")
            self.registries.sign(image, self.keys["builders"][0])
        return digest

    def images(self) -> set[str]:
        """What the service's pods run."""
        pods = self.lab.get("pods", "--namespace", NAMESPACE, "--selector", f"app={SERVICE}-service")["items"]
        return {
            c["image"]
            for pod in pods
            if not pod["metadata"].get("deletionTimestamp")
            for c in pod["spec"]["containers"]
            if c["name"] == f"{SERVICE}-service"
        }


@pytest.fixture(scope="module")
def pipeline(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    lab = mesh.lab
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-salt", "test", "-stdin"],
        input=PASSWORD,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    values = json.dumps({"mirror_images_registry": REGISTRY, "mirror_push_hash": hashed})
    for playbook in ("mirror", "machines"):
        lab.run(playbook, "-e", values).expect_success()
    network = os.environ.get("NILECARE_LAB_NETWORK", "10.77.0.0/16")
    mirror = ".".join(network.split(".")[:2]) + ".0.10"
    with serving(tmp_path_factory.mktemp("pipeline")) as registries:
        found = Pipeline(lab, registries, mirror)
        found.keys = {name: registries.key_pair(name) for name in ("builders", "platform")}
        yield found
    # Back to an image that is in every bundle.
    lab.run("services", "--limit", SERVICE).expect_success()


def test_an_image_that_nobody_signed_changes_nothing(pipeline: Pipeline) -> None:
    pipeline.bring("1.1.0", signed=False)
    before = pipeline.images()
    ran = pipeline.run("1.1.0")
    assert ran.code != 0
    assert "it is not signed by those who build" in ran.text
    assert ran.changed == []
    assert pipeline.images() == before


def test_a_signed_one_is_brought_in_served_and_signed_for(pipeline: Pipeline) -> None:
    pipeline.bring("2.0.0", signed=True)
    ran = pipeline.run("2.0.0", pipeline_passes="staging").expect_success()
    print(f"   from the builders' registry to tried pods: {ran.seconds:.0f} s", flush=True)
    assert pipeline.images() == {f"{REGISTRY}/{SERVICE}:2.0.0"}
    (section,) = (s for s in ran.report["sections"] if s["title"] == "Images")
    assert section["tables"][0]["rows"][0][-1]["text"] == "admitted"
    assert any("known vulnerabilities were not looked for" in line for line in section["summary"])
    assert pipeline.keys["platform"][0].splitlines()[1] not in ran.text
    assert PASSWORD not in ran.text
    again = pipeline.run("2.0.0", pipeline_passes="staging").expect_success()
    assert again.changed == []


def test_the_next_stage_asks_for_the_first_ones_signature(pipeline: Pipeline) -> None:
    # As production sees it: it takes from the mirror what staging signed for, and nothing else.
    production = {"pipeline_source": f"{pipeline.mirror}:5000/{REGISTRY}", "pipeline_requires": ["staging"]}
    pipeline.run("2.0.0", **production).expect_success()
    pipeline.bring("2.1.0", signed=True)
    ran = pipeline.run("2.1.0", pipeline_requires=["staging"])
    assert ran.code != 0
    assert "it has not passed staging" in ran.text
    assert pipeline.images() == {f"{REGISTRY}/{SERVICE}:2.0.0"}


def test_nobody_pushes_without_the_password_and_everybody_pulls(pipeline: Pipeline) -> None:
    authority = str(pipeline.lab.state / "ca" / "ca.crt")
    mine = f"{pipeline.mirror}:5000/{REGISTRY}/{SERVICE}"
    with tools(str(pipeline.registries.run.directory), [authority], None) as anybody:
        assert anybody("crane", "digest", f"{mine}:2.0.0").startswith("sha256:")
        with pytest.raises(PipelineError, match="401"):
            anybody("crane", "copy", f"{pipeline.registries.pushed}/ci/{SERVICE}:2.1.0", f"{mine}:9.9.9")
    wrong = {f"{pipeline.mirror}:5000": {"user": "pipeline", "password": "guessed"}}
    with (
        tools(str(pipeline.registries.run.directory), [authority], wrong) as guesser,
        pytest.raises(PipelineError, match="401"),
    ):
        guesser("crane", "copy", f"{pipeline.registries.pushed}/ci/{SERVICE}:2.1.0", f"{mine}:9.9.9")
