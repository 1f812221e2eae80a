# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who creates, joins, is undone first, and whom nobody may touch."""

from __future__ import annotations

from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm.plan import make_plan
from hypothesis import given
from hypothesis import strategies as st

PLANES = ["k1", "o1", "b1"]


def info(state: str = "absent", role: str = "", ca: str = "", **more: Any) -> dict[str, Any]:
    return {
        "state": state,
        "role": role,
        "ca_fingerprint": ca,
        "finalised": False,
        "etcd_data": False,
        "addons": None,
        "reason": "because",
        **more,
    }


def plane(ca: str = "ca1", **more: Any) -> dict[str, Any]:
    return info("joined", "control_plane", ca, finalised=True, etcd_data=True, addons=True, **more)


BARE = {name: info() for name in [*PLANES, "k2", "o2"]}
RUNNING = {**{name: plane() for name in PLANES}, "k2": info("joined", "worker", "ca1")}


def test_bare_machines_the_first_creates_and_all_others_join() -> None:
    plan = make_plan(BARE, PLANES)
    assert plan.actions == {"k1": "init", "o1": "join", "b1": "join", "k2": "join", "o2": "join"}
    assert (plan.exists, plan.serving, plan.refusals) == (False, "k1", {})


def test_a_whole_cluster_needs_nothing() -> None:
    plan = make_plan(RUNNING, PLANES)
    assert set(plan.actions.values()) == {"joined"}
    assert plan.exists


def test_a_new_machine_joins_and_nobody_else_does_anything() -> None:
    plan = make_plan({**RUNNING, "o2": info()}, PLANES)
    assert {host for host, action in plan.actions.items() if action != "joined"} == {"o2"}


def test_the_first_control_plane_reinstalled_joins_the_others() -> None:
    plan = make_plan({**RUNNING, "k1": info()}, PLANES)
    assert plan.actions["k1"] == "join"
    assert plan.serving == "o1"


def test_killed_init_is_done_again() -> None:
    plan = make_plan({**BARE, "k1": info("partial", "control_plane", "ca0", etcd_data=True)}, PLANES)
    assert plan.actions["k1"] == "init"


def test_killed_joins_are_undone() -> None:
    half = {"o1": info("partial", "control_plane", "ca1"), "k2": info("partial", "worker", "ca1")}
    plan = make_plan({**RUNNING, **half}, PLANES)
    assert (plan.actions["o1"], plan.actions["k2"]) == ("rejoin", "rejoin")


def test_init_killed_before_its_addons_is_finished() -> None:
    plan = make_plan({**BARE, "k1": {**plane(), "addons": False}}, PLANES)
    assert (plan.actions["k1"], plan.actions["o1"], plan.serving) == ("init", "join", "k1")


def test_a_control_plane_with_data_is_never_created_anew() -> None:
    damaged = info("partial", "control_plane", "ca1", finalised=True, etcd_data=True)
    plan = make_plan({**BARE, "k1": damaged}, PLANES)
    assert "k1" in plan.refusals
    assert "k1" not in plan.actions


def test_a_silent_control_plane_stops_everything() -> None:
    silent = info("unreachable", "control_plane", "ca1", finalised=True, etcd_data=True)
    assert "k1" in make_plan({**BARE, "k1": silent}, PLANES).refusals


def test_machines_of_another_cluster_are_refused() -> None:
    plan = make_plan({**RUNNING, "k2": info("joined", "worker", "other")}, PLANES)
    assert "another cluster" in plan.refusals["k2"]
    plan = make_plan({**BARE, "k2": info("joined", "worker", "other")}, PLANES)
    assert "k2" in plan.refusals


def test_two_clusters_in_one_inventory_are_refused() -> None:
    plan = make_plan({**RUNNING, "b1": plane("ca2")}, PLANES)
    assert set(plan.refusals) == set(RUNNING)


def test_a_changed_role_is_refused() -> None:
    plan = make_plan({**RUNNING, "k2": plane()}, PLANES)
    assert "reset.yml" in plan.refusals["k2"]


def test_no_cluster_is_created_when_not_all_control_planes_are_looked_at() -> None:
    plan = make_plan({"k1": info(), "k2": info()}, PLANES)
    assert "o1, b1" in plan.refusals["k1"]


def test_a_run_limited_to_a_new_worker_joins_it() -> None:
    plan = make_plan({"k2": info()}, PLANES)
    assert plan.actions == {"k2": "join"}
    assert plan.serving == "k1"


_INFO = st.builds(
    info,
    st.sampled_from(["absent", "partial", "joined", "unreachable"]),
    st.sampled_from(["control_plane", "worker"]),
    st.sampled_from(["ca1", "ca2"]),
    finalised=st.booleans(),
    etcd_data=st.booleans(),
    addons=st.sampled_from([None, True, False]),
)


@given(st.dictionaries(st.sampled_from([*PLANES, "k2", "o2"]), _INFO, min_size=1))
def test_each_host_has_an_action_or_a_refusal_and_data_is_safe(infos: dict[str, dict[str, Any]]) -> None:
    plan = make_plan(infos, PLANES)
    assert set(plan.actions) | set(plan.refusals) == set(infos)
    for host, action in plan.actions.items():
        if infos[host]["state"] == "unreachable":
            raise AssertionError(f"{host} would be touched: {action}")
        if action == "init" and host not in plan.refusals:
            it = infos[host]
            assert not (it["state"] == "partial" and it["finalised"] and it["etcd_data"])
