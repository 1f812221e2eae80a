# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What files and answers mean together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import state
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm.state import Answers, Evidence
from hypothesis import given
from hypothesis import strategies as st
from kubeadm_files import CONTROL_PLANE_FILES, WORKER_FILES

Machine = Callable[[dict[str, str]], Path]
KNOWN = Answers(node=True, member=True, addons=True)


def test_bare_machine_is_absent(machine: Machine) -> None:
    evidence = state.read_evidence(machine({}))
    assert state.judge(evidence, Answers()).state == state.ABSENT


def test_our_own_settings_are_no_trace_of_a_cluster(machine: Machine) -> None:
    root = machine(
        {
            "etc/kubernetes/nilecare/encryption.yaml": "x",
            "etc/kubernetes/kubelet.conf.d/50-nilecare.conf": "x",
        }
    )
    assert state.judge(state.read_evidence(root), Answers()).state == state.ABSENT


@pytest.mark.parametrize("files, role", [(WORKER_FILES, "worker"), (CONTROL_PLANE_FILES, "control_plane")])
def test_complete_and_known_is_joined(machine: Machine, files: dict[str, str], role: str) -> None:
    judged = state.judge(state.read_evidence(machine(files)), KNOWN)
    assert (judged.state, judged.role, judged.missing) == (state.JOINED, role, [])


@pytest.mark.parametrize("missing", sorted(WORKER_FILES))
def test_worker_without_one_file_is_partial_whatever_the_cluster_says(machine: Machine, missing: str) -> None:
    files = {name: text for name, text in WORKER_FILES.items() if name != missing}
    judged = state.judge(state.read_evidence(machine(files)), KNOWN)
    assert judged.state == state.PARTIAL
    assert judged.missing


@pytest.mark.parametrize("missing", sorted(CONTROL_PLANE_FILES))
def test_control_plane_without_one_file_is_partial(machine: Machine, missing: str) -> None:
    files = {name: text for name, text in CONTROL_PLANE_FILES.items() if name != missing}
    judged = state.judge(state.read_evidence(machine(files)), KNOWN)
    assert (judged.state, judged.role) == (state.PARTIAL, "control_plane")


def test_unfinished_bootstrap_is_partial(machine: Machine) -> None:
    root = machine({**WORKER_FILES, "etc/kubernetes/bootstrap-kubelet.conf": "token"})
    assert state.judge(state.read_evidence(root), KNOWN).state == state.PARTIAL


def test_init_before_its_last_phases_is_not_finalised(machine: Machine) -> None:
    root = machine({**CONTROL_PLANE_FILES, "etc/kubernetes/kubelet.conf": "client-certificate-data: eA==\n"})
    judged = state.judge(state.read_evidence(root), Answers())
    assert (judged.state, judged.finalised, judged.etcd_data) == (state.PARTIAL, False, True)


@pytest.mark.parametrize(
    "answers, expected",
    [
        (Answers(node=None), state.UNREACHABLE),
        (Answers(node=False), state.PARTIAL),
        (Answers(node=True, member=None), state.UNREACHABLE),
        (Answers(node=True, member=False), state.PARTIAL),
        (Answers(node=True, member=True), state.JOINED),
    ],
)
def test_answers_decide_over_a_complete_control_plane(
    machine: Machine, answers: Answers, expected: str
) -> None:
    assert state.judge(state.read_evidence(machine(CONTROL_PLANE_FILES)), answers).state == expected


def test_silence_never_makes_a_complete_node_partial(machine: Machine) -> None:
    root = machine(WORKER_FILES)
    asked = state.ask_cluster(state.read_evidence(root), "a", "10.0.0.1", [], seconds=0, root=root)
    assert asked.node is None
    assert state.judge(state.read_evidence(root), asked).state == state.UNREACHABLE


_FLAGS = st.builds(
    Evidence,
    kubelet_conf=st.booleans(),
    bootstrap_conf=st.booleans(),
    kubelet_config=st.booleans(),
    client_certificate=st.booleans(),
    finalised=st.booleans(),
    ca_fingerprint=st.sampled_from(["", "ab"]),
    manifests=st.frozensets(st.sampled_from(sorted(state.MANIFESTS))),
    kubeconfigs=st.frozensets(st.sampled_from(["admin", "controller-manager", "scheduler"])),
    ca_key=st.booleans(),
    etcd_data=st.booleans(),
)
_ANSWERS = st.builds(
    Answers, node=st.sampled_from([None, True, False]), member=st.sampled_from([None, True, False])
)


@given(_FLAGS, _ANSWERS)
def test_every_combination_has_one_state_with_a_reason(evidence: Evidence, answers: Answers) -> None:
    judged = state.judge(evidence, answers)
    assert judged.reason
    assert (judged.state == state.ABSENT) == evidence.nothing
    if judged.state == state.JOINED:
        assert evidence.complete and answers.node
    if judged.state == state.UNREACHABLE:
        assert evidence.complete


def test_fingerprint_is_over_the_der_bytes() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nQ0E=\n-----END CERTIFICATE-----\n"
    assert state.fingerprint(pem) == state.fingerprint("text before\n" + pem.replace("\n", "\r\n"))
    assert state.fingerprint("nothing") == ""
