# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Objects of Istio: what istioctl is asked, and what of its answer is left out. A script stands for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible_collections.nilecare.platform.plugins.lookup.istio import render, without_what_istiod_keeps

ANSWER = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: validator}
webhooks:
  - {name: a, failurePolicy: Ignore, clientConfig: {caBundle: "", service: {name: istiod}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: injector}
webhooks:
  - {name: b, failurePolicy: Fail, clientConfig: {caBundle: "", service: {name: istiod}}}
"""


def program(folder: Path, body: str) -> Path:
    path = folder / "istioctl"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_the_specification_is_handed_over_and_the_answer_read(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(ANSWER)
    asked = tmp_path / "asked"
    istioctl = program(tmp_path, f'echo "$KUBECONFIG" >{asked}.env; cp "$4" {asked}; cat {tmp_path}/answer')
    found = render({"hub": "docker.io/istio", "components": {"base": {"enabled": True}}}, istioctl)
    assert [obj["kind"] for obj in found] == [
        "ConfigMap",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
    ]
    specification = yaml.safe_load(asked.read_text())
    assert specification["spec"] == {
        "profile": "empty",
        "hub": "docker.io/istio",
        "components": {"base": {"enabled": True}},
    }
    assert Path(f"{asked}.env").read_text().strip().endswith("/none"), "it must not find a cluster"


def test_fields_that_istiod_writes_are_left_out() -> None:
    other, validating, mutating = map(without_what_istiod_keeps, yaml.safe_load_all(ANSWER))
    assert other["metadata"] == {"name": "istio"}
    assert validating["webhooks"] == [{"name": "a", "clientConfig": {"service": {"name": "istiod"}}}]
    assert mutating["webhooks"] == [
        {"name": "b", "failurePolicy": "Fail", "clientConfig": {"service": {"name": "istiod"}}}
    ]


def test_what_istioctl_refuses_is_said(tmp_path: Path) -> None:
    istioctl = program(tmp_path, "echo 'unknown field pdb' >&2; exit 1")
    with pytest.raises(AnsibleError, match="unknown field pdb"):
        render({}, istioctl)


def test_a_bundle_without_the_mesh_is_explained(tmp_path: Path) -> None:
    with pytest.raises(AnsibleError, match="when bundle_sets names mesh"):
        render({}, tmp_path / "istioctl")
