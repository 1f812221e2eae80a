"""Which pod is moved, and when none is."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.services.spread import (
    Move,
    is_settled,
    next_move,
    pods_of,
    zones,
)
from hypothesis import given
from hypothesis import strategies as st

ZONES = ("bahri", "khartoum", "omdurman")
DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "ehr-service", "namespace": "clinical", "generation": 4},
    "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "ehr-service"}}},
    "status": {"observedGeneration": 4, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3},
}


def node(zone: str, cpu: str = "2", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{zone}-1", "labels": {"topology.kubernetes.io/zone": zone}},
        "spec": spec,
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "allocatable": {"cpu": cpu, "memory": "4Gi", "pods": "10"},
        },
    }


def nodes(**changed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for zone in ZONES for found in [changed.get(zone, node(zone))]}


def pods(*places: str) -> list[dict[str, Any]]:
    return [
        {
            "metadata": {
                "name": f"pod-{number}",
                "namespace": "clinical",
                "labels": {"app": "ehr-service"},
                "creationTimestamp": f"2026-11-28T10:{number:02}:00Z",
            },
            "spec": {
                "nodeName": f"{zone}-1",
                "containers": [{"resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}],
            },
            "status": {"phase": "Running"},
        }
        for number, zone in enumerate(places)
    ]


def move(places: tuple[str, ...], **changed: dict[str, Any]) -> Move | str:
    found = pods(*places)
    return next_move(found, nodes(**changed), found)


def test_the_youngest_pod_of_the_fullest_zone_goes_to_the_empty_one() -> None:
    assert move(("bahri", "khartoum", "bahri")) == Move("pod-2", "bahri", "omdurman")


@pytest.mark.parametrize("places", [(), ("bahri",), ("bahri", "khartoum"), ZONES, (*ZONES, "bahri")])
def test_nothing_moves_where_pods_stand_evenly(places: tuple[str, ...]) -> None:
    assert move(places) == ""


CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    "closed",
    [
        node("omdurman", unschedulable=True),
        node("omdurman", taints=[CONTROL_PLANE]),
        {**node("omdurman"), "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}},
    ],
)
def test_a_zone_that_takes_no_pods_is_no_place(closed: dict[str, Any]) -> None:
    assert move(("bahri", "khartoum", "bahri"), omdurman=closed) == ""


def test_nothing_moves_to_where_there_is_no_room() -> None:
    places = ("bahri", "khartoum", "bahri")
    assert move(places, omdurman=node("omdurman", cpu="50m")) == "no node of omdurman has room for a pod"


def test_pods_that_end_and_pods_of_others_do_not_count() -> None:
    ours = pods("bahri", "khartoum", "omdurman")
    ours[0]["metadata"]["deletionTimestamp"] = "2026-11-28T11:00:00Z"
    ours[1]["metadata"]["namespace"] = "business"
    assert [pod["metadata"]["name"] for pod in pods_of(DEPLOYMENT, ours)] == ["pod-2"]


def test_a_service_that_is_being_updated_is_not_settled() -> None:
    assert is_settled(DEPLOYMENT)
    assert not is_settled({**DEPLOYMENT, "status": {**DEPLOYMENT["status"], "updatedReplicas": 1}})
    assert not is_settled({**DEPLOYMENT, "status": {**DEPLOYMENT["status"], "observedGeneration": 3}})


@given(st.lists(st.sampled_from(ZONES), max_size=12))
def test_moves_end_with_pods_as_even_as_can_be(places: list[str]) -> None:
    found = pods(*places)
    for _number in range(len(found) + 1):
        following = next_move(found, nodes(), found)
        if isinstance(following, str):
            break
        for pod in found:
            if pod["metadata"]["name"] == following.pod:
                pod["spec"]["nodeName"] = f"{following.to}-1"
    counts = [zones(found, nodes())[zone] for zone in ZONES]
    assert max(counts) - min(counts) <= 1
