"""The pipeline with the real programs: crane, cosign and trivy against the bundle's registry program.

A bundle with the set pipeline must have been made (``NILECARE_BUNDLE_SETS=pipeline``).
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline import evidence, images
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.admission import Terms, admit
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.tools import PipelineError

from tests.pipeline.registries import BILL, IMAGES, Registries, serving

TODAY = datetime.date(2026, 11, 28)


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registries]:
    with serving(tmp_path_factory.mktemp("pipeline")) as both:
        yield both


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
