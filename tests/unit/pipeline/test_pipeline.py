"""Whether an image may come in: the verdict, by programs whose answers are known."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline import evidence, images
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.admission import (
    Admission,
    Terms,
    admit,
    section,
)
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.scan import (
    Accepted,
    Database,
    Policy,
    Problem,
    counted,
    read,
)
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.serving import serving
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.tools import (
    PipelineError,
    Tools,
    last_words,
)
from ansible_collections.nilecare.platform.plugins.module_utils.report import sections

TODAY = datetime.date(2026, 11, 28)
IMAGE = "ci.nilecare.internal/ehr:2.1.0"
DIGEST = "sha256:" + "a" * 64
SIGNED = evidence.SIGNATURE_TYPES[0]
BILL = {"components": [{"name": "python3"}]}
HOLE = {
    "VulnerabilityID": "CVE-2026-1",
    "PkgName": "openssl",
    "InstalledVersion": "3.0.1",
    "FixedVersion": "3.0.2",
    "Severity": "CRITICAL",
}


def payload(predicate: Mapping[str, Any]) -> str:
    statement = base64.b64encode(json.dumps({"predicate": predicate}).encode()).decode()
    return json.dumps({"payload": statement})


class Programs:
    """crane, cosign and trivy about one image; what they are asked is kept."""

    def __init__(self, **different: Any) -> None:
        self.kinds: list[str] = [SIGNED, "https://cyclonedx.org/bom"]
        self.claims: dict[str, Any] = {"cyclonedx": BILL}
        self.digests = {IMAGE: DIGEST}
        self.report: dict[str, Any] = {"Results": []}
        self.asked: list[tuple[str, ...]] = []
        self.secrets: list[Mapping[str, str]] = []
        for name, value in different.items():
            setattr(self, name, value)

    def __call__(
        self,
        program: str,
        *arguments: str,
        secrets: Mapping[str, str] | None = None,
        given: str | None = None,
    ) -> str:
        self.asked.append((program, *arguments))
        self.secrets.append(secrets or {})
        image = arguments[-1]
        if arguments[0] == "digest":
            if image not in self.digests:
                raise PipelineError("crane digest failed: MANIFEST_UNKNOWN: manifest unknown")
            return self.digests[image] + "\n"
        if arguments[0] == "ls":
            tags = [name.rpartition(":")[2] for name in self.digests if name.startswith(image + ":")]
            return "\n".join(tags)
        if arguments[0] == "verify":
            if not self.kinds:
                raise PipelineError("cosign verify failed: no matching attestations")
            return json.dumps([{"critical": {"type": kind}} for kind in self.kinds])
        if arguments[0] == "verify-attestation":
            (kind,) = (part.partition("=")[2] for part in arguments if part.startswith("--type="))
            if kind not in self.claims:
                raise PipelineError("cosign verify-attestation failed: none of the attestations matched")
            return payload(self.claims[kind])
        return json.dumps(self.report) if program == "trivy" else ""


def judged(tmp_path: Path, programs: Programs, **terms: Any) -> Admission:
    asked = Terms(key="public", **{"database_required": False, **terms})
    return admit(programs, tmp_path, IMAGE, asked, TODAY)


def database(tmp_path: Path, updated: str = "2026-11-27T03:00:00Z") -> Path:
    folder = tmp_path / "list"
    folder.mkdir()
    (folder / "trivy.db").write_bytes(b"")
    (folder / "metadata.json").write_text(json.dumps({"UpdatedAt": updated}))
    return folder


def test_a_good_image_comes_in_and_the_digest_is_what_was_judged(tmp_path: Path) -> None:
    programs = Programs()
    found = judged(tmp_path, programs, database=str(database(tmp_path)), database_required=True)
    assert (found.refusals, found.uncovered) == ([], [])
    assert (found.digest, found.bill, found.components) == (DIGEST, "cyclonedx", 1)
    assert all(
        f"ci.nilecare.internal/ehr@{DIGEST}" in call for call in programs.asked if call[1] != "digest"
    ), "a tag may mean something else a moment later"
    assert "--scanners=vuln,secret" in programs.asked[-1]


def test_keys_are_in_no_command_line(tmp_path: Path) -> None:
    programs = Programs()
    judged(tmp_path, programs)
    evidence.claim(programs, "image", "kind", {}, "private", "word")
    assert not any(
        word in part for call in programs.asked for part in call for word in ("public", "private", "word")
    )
    assert {"NILECARE_KEY": "private", "COSIGN_PASSWORD": "word"} in programs.secrets


def test_an_image_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert judged(tmp_path, Programs(digests={})).refusals == [f"{IMAGE} is not there"]


def test_a_registry_that_does_not_answer_is_an_error() -> None:
    def run(*_arguments: str, **_more: Any) -> str:
        raise PipelineError("crane digest failed: connection refused")

    with pytest.raises(PipelineError, match="refused"):
        images.digest_of(run, IMAGE)


@pytest.mark.parametrize("kinds", [[], ["https://cyclonedx.org/bom"], [evidence.stage_type("staging")]])
def test_only_a_signature_of_the_image_counts_and_without_it_nothing_is_unpacked(
    tmp_path: Path, kinds: list[str]
) -> None:
    programs = Programs(kinds=kinds)
    (refusal,) = judged(tmp_path, programs).refusals
    assert refusal.startswith("it is not signed by those who build")
    assert not any(call[0] == "trivy" for call in programs.asked)


@pytest.mark.parametrize("claims", [{}, {"cyclonedx": {"components": []}}])
def test_a_bill_of_materials_with_something_on_it_is_asked_for(
    tmp_path: Path, claims: dict[str, Any]
) -> None:
    (refusal,) = judged(tmp_path, Programs(claims=claims)).refusals
    assert refusal.startswith("it has no signed bill of materials")


def test_spdx_will_do_as_well(tmp_path: Path) -> None:
    found = judged(tmp_path, Programs(claims={"spdxjson": {"packages": [{}, {}]}}))
    assert (found.refusals, found.bill, found.components) == ([], "spdxjson", 2)


def test_stages_are_asked_for_with_the_platforms_key(tmp_path: Path) -> None:
    kind = evidence.stage_type("staging")
    passed = Programs(claims={"cyclonedx": BILL, kind: {"version": "2.1.0"}})
    found = judged(tmp_path, passed, stages=("staging",), stage_key="platform")
    assert found.stages == ["staging"]
    asked = [
        secrets
        for call, secrets in zip(passed.asked, passed.secrets, strict=True)
        if f"--type={kind}" in call
    ]
    assert asked == [{"NILECARE_KEY": "platform"}]


def test_what_speaks_against_it_is_said_at_once(tmp_path: Path) -> None:
    programs = Programs(claims={}, report={"Results": [{"Target": "t", "Vulnerabilities": [HOLE]}]})
    found = judged(tmp_path, programs, stages=("staging",), database_required=True)
    starts = (
        "it has no signed bill",
        "it has not passed staging",
        "known vulnerabilities were not looked for",
    )
    assert [line.startswith(start) for line, start in zip(found.refusals, starts, strict=False)] == [True] * 3
    assert found.refusals[-1] == "CRITICAL CVE-2026-1 in openssl 3.0.1, mended in 3.0.2"
    parsed = sections.parse(section("Images", [found]))
    assert parsed.state == "failed"
    assert [cell.text for cell in parsed.tables[0].rows[0]][-2:] == ["1 critical", "refused"]


def test_without_a_list_of_vulnerabilities_it_is_said(tmp_path: Path) -> None:
    programs = Programs()
    found = judged(tmp_path, programs)
    assert found.is_admitted
    assert found.uncovered[0].startswith("known vulnerabilities were not looked for")
    assert "--scanners=secret" in programs.asked[-1]
    assert sections.parse(section("Images", [found])).state == "warning"


def test_an_old_list_is_none(tmp_path: Path) -> None:
    old = Database(database(tmp_path, "2026-11-01T00:00:00Z"))
    assert old.problem(7, TODAY) == "the list of known vulnerabilities is 27 days old, at most 7 are allowed"
    assert old.problem(27, TODAY) == ""


def test_trivys_report_is_read_worst_first() -> None:
    report = {
        "Results": [
            {
                "Target": "config",
                "Misconfigurations": [
                    {"ID": "DS-0026", "Severity": "LOW", "Status": "FAIL", "Title": "No HEALTHCHECK"},
                    {"ID": "DS-0001", "Severity": "HIGH", "Status": "PASS"},
                ],
            },
            {
                "Target": "/app/key.pem",
                "Secrets": [{"RuleID": "private-key", "Severity": "HIGH", "Title": "k"}],
            },
            {"Target": "debian", "Vulnerabilities": [HOLE]},
        ]
    }
    found = read(json.dumps(report))
    assert [(one.kind, one.severity) for one in found] == [
        ("vulnerability", "CRITICAL"),
        ("secret", "HIGH"),
        ("setting", "LOW"),
    ]
    assert counted(found) == {"CRITICAL": 1, "HIGH": 1, "LOW": 1}
    assert read("{}") == []


def test_what_is_refused_and_what_somebody_answers_for() -> None:
    mended = Problem("vulnerability", "CVE-1", "HIGH", "a", fixed="2")
    open_ = Problem("vulnerability", "CVE-2", "HIGH", "b")
    secret = Problem("secret", "private-key", "HIGH", "c")
    small = Problem("vulnerability", "CVE-3", "LOW", "d", fixed="2")
    everything = [mended, open_, secret, small]
    assert Policy().refused(everything, TODAY) == [mended, secret]
    assert Policy(unfixed=True).refused(everything, TODAY) == [mended, open_, secret]
    until = Policy(accepted=(Accepted("CVE-1", "not reachable", "2026-11-28"),))
    assert until.refused(everything, TODAY) == [secret]
    tomorrow = TODAY + datetime.timedelta(days=1)
    assert until.refused(everything, tomorrow) == [mended, secret]
    assert until.expired(tomorrow) == list(until.accepted)


def test_what_is_said_of_an_image_comes_before_its_tag() -> None:
    evidence_tag = DIGEST.replace(":", "-")
    programs = Programs(digests={IMAGE: DIGEST, f"ci.nilecare.internal/ehr:{evidence_tag}": "sha256:e"})
    copies = images.missing_copies(programs, "ci.nilecare.internal/ehr", DIGEST, "mirror/ehr", "2.1.0")
    assert copies == [
        (f"ci.nilecare.internal/ehr:{evidence_tag}", f"mirror/ehr:{evidence_tag}"),
        (f"ci.nilecare.internal/ehr@{DIGEST}", "mirror/ehr:2.1.0"),
    ]
    programs.digests |= {f"mirror/ehr:{evidence_tag}": "sha256:e", "mirror/ehr:2.1.0": DIGEST}
    assert images.missing_copies(programs, "ci.nilecare.internal/ehr", DIGEST, "mirror/ehr", "2.1.0") == []


def test_a_tag_never_changes_its_meaning() -> None:
    programs = Programs(digests={IMAGE: DIGEST, "mirror/ehr:2.1.0": "sha256:other"})
    with pytest.raises(PipelineError, match="a tag always means the same image"):
        images.missing_copies(programs, "ci.nilecare.internal/ehr", DIGEST, "mirror/ehr", "2.1.0")


def test_credentials_are_in_a_file_of_the_owner(tmp_path: Path) -> None:
    tools = Tools(tmp_path, tmp_path, credentials={"r:5000": {"user": "u", "password": "p"}})
    assert json.loads((tmp_path / "config.json").read_text()) == {"auths": {"r:5000": {"auth": "dTpw"}}}
    assert tools.environment["DOCKER_CONFIG"] == str(tmp_path)
    with pytest.raises(PipelineError, match="pipeline"):
        tools("crane", "digest", "x")


def test_a_programs_own_error_is_shown() -> None:
    assert (
        last_words("WARNING: x\nError: no signature\nerror during command execution: no signature")
        == "no signature"
    )
    assert last_words("") == "it said nothing"


class Cluster:
    """An API server with one service and its pods."""

    def __init__(self, *images_of_pods: str) -> None:
        self.pods = [
            {"metadata": {"name": f"p{n}"}, "spec": {"containers": [{"name": "ehr-service", "image": image}]}}
            for n, image in enumerate(images_of_pods)
        ]

    def get(self, *_what: str) -> Any:
        return {"spec": {"selector": {"app": "ehr-service"}}}

    def list(self, *_what: str) -> Any:
        return SimpleNamespace(items=self.pods)


@pytest.mark.parametrize(
    ("pods", "names", "problem"),
    [
        (("r/ehr:2.1.0", "r/ehr:2.1.0"), ["p0", "p1"], ""),
        (("r/ehr:2.1.0", "r/ehr:2.0.0"), [], "pod p1 runs r/ehr:2.0.0, expected r/ehr:2.1.0"),
        ((), [], "no pod serves"),
    ],
)
def test_only_pods_of_the_version_are_tried(pods: tuple[str, ...], names: list[str], problem: str) -> None:
    service = SimpleNamespace(object_name="ehr-service", namespace="clinical", image="r/ehr", version="2.1.0")
    assert serving(Cluster(*pods), service) == (names, problem)  # type: ignore[arg-type]
