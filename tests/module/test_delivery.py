"""Deliveries in two colours on real controllers: the switch, the way back, a killed run, two runs at once."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.delivery import run as running
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.machine import Phase, State
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.numbers import Counts
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.run import (
    DeliveryFailedError,
    Outcome,
    Run,
)
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.store import (
    Lease,
    LeaseHeldError,
    Store,
)
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import KubernetesError
from ansible_collections.nilecare.platform.plugins.module_utils.services.deliver import deliver
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Service
from ansible_collections.nilecare.platform.plugins.module_utils.services.namespaces import (
    namespace_objects,
)

from tests.module.shipped import SMALL, model
from tests.module.small_cluster import SmallCluster

#: seconds; a run on a busy machine must be able to renew it
LEASE = 8

_numbers = itertools.count(1)


class Traffic:
    """Eyes that see steady traffic, to whichever version the cluster sends it."""

    def __init__(self, client: Client, service: Service, rate: float = 200.0) -> None:
        self.client = client
        self.service = service
        self.rate = rate
        self.began = time.monotonic()
        self.error_rate = {"new": 0.0, "old": 0.0}
        self.smoke_failure = ""
        self.silent = False
        self.smoked: list[list[str]] = []
        self._last = self.began
        self._total: dict[str, dict[str, list[float]]] = {}

    def active(self) -> str:
        found = self.client.get("v1", "Service", self.service.object_name, self.service.namespace)
        return str((found or {})["spec"]["selector"].get("nilecare.sd/colour", ""))

    def smoke(self, pods: Iterable[str]) -> str:
        self.smoked.append(list(pods))
        return self.smoke_failure

    def counts(self) -> dict[str, dict[str, Counts]]:
        now = time.monotonic()
        requests = 0 if self.silent else (now - self._last) * self.rate
        self._last = now
        colour = self.active()
        total = self._total.setdefault(colour, {}).setdefault("pod", [0.0, 0.0])
        total[0] += requests
        total[1] += requests * self.error_rate["new" if colour != "blue" else "old"]
        return {
            name: {pod: Counts(r, e, {0.02: r, math.inf: r}) for pod, (r, e) in pods.items()}
            for name, pods in self._total.items()
        }

    def baseline(self, colour: str) -> Counts | None:
        return Counts(1000, 0, {0.02: 1000, math.inf: 1000})

    def saturation(self, pods: Iterable[str]) -> float | None:
        return 0.2

    def gate(self, query: str, colour: str, stable: str, window: float) -> float | None:
        return None

    def close(self) -> None:
        pass


@pytest.fixture
def service(cluster: SmallCluster, client: Client, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr(running, "SPREAD_SECONDS", 0.2)
    name = f"colours-{next(_numbers)}"
    for obj in namespace_objects(replace(model().namespaces["clinical"], name=name), {"small": SMALL}):
        client.apply(obj)
    base = model().services["ehr"]
    return replace(
        base,
        namespace=name,
        tier=SMALL,
        strategy="blue_green",
        minimum_ready_seconds=0,
        deadline=20,
        version="1.0.0",
        environment={"MODE": "calm"},
        delivery=replace(
            base.delivery,
            judged=True,
            watch_seconds=1,
            keep_seconds=600,
            no_data_seconds=2,
            minimum_requests=20,
        ),
    )


Deliver = Callable[..., Outcome]


@pytest.fixture
def eyes(client: Client, service: Service) -> Traffic:
    return Traffic(client, service)


@pytest.fixture
def run(client: Client, eyes: Traffic) -> Deliver:
    def deliver_it(service: Service, **arguments: Any) -> Outcome:
        eyes.service = service
        return Run(client, service, {}, eyes, lease_seconds=LEASE, **arguments).deliver()

    return deliver_it


def pods(client: Client, service: Service, colour: str = "") -> list[dict[str, Any]]:
    selector = f"app={service.object_name}" + (f",nilecare.sd/colour={colour}" if colour else "")
    items = client.list("v1", "Pod", service.namespace, selector).items
    return [pod for pod in items if not pod["metadata"].get("deletionTimestamp")]


def deployments(client: Client, service: Service) -> dict[str, str]:
    items = client.list("apps/v1", "Deployment", service.namespace).items
    return {
        d["metadata"]["name"]: d["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
        for d in items
    }


def state_of(client: Client, service: Service) -> State:
    state = Store(client, service.object_name, service.namespace).load()
    assert state is not None
    return state


def test_a_first_delivery_serves_and_a_second_run_changes_nothing(
    client: Client, service: Service, run: Deliver, eyes: Traffic
) -> None:
    outcome = run(service)
    assert (outcome.delivery.pods, outcome.delivery.image) == (3, f"{service.image}:1.0.0")
    assert eyes.active() == "blue"
    again = run(service)
    assert again.delivery.result.changed is False


def test_a_new_version_is_smoked_switched_to_and_the_old_one_kept(
    client: Client, service: Service, run: Deliver, eyes: Traffic
) -> None:
    run(service)
    newer = replace(service, version="2.0.0")
    outcome = run(newer)
    assert eyes.active() == "green"
    assert outcome.delivery.image.endswith(":2.0.0")
    assert len(eyes.smoked[-1]) == 3
    assert all("green" in name for name in eyes.smoked[-1])
    assert deployments(client, service) == {"ehr-service-blue": "1.0.0", "ehr-service-green": "2.0.0"}
    assert len(pods(client, service, "blue")) == 3
    assert run(newer).delivery.result.changed is False, "while it is kept nothing changes"
    later = run(newer, wall=lambda: time.time() + 1000)
    assert sorted(later.delivery.result.pruned) == [
        f"Deployment {service.namespace}/ehr-service-blue",
        f"HorizontalPodAutoscaler {service.namespace}/ehr-service-blue",
    ]
    assert run(newer).delivery.result.changed is False


def test_a_version_that_fails_its_smoke_test_is_never_asked(
    client: Client, service: Service, run: Deliver, eyes: Traffic
) -> None:
    run(service)
    selectors: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            selectors.add(eyes.active())
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    eyes.smoke_failure = "status 500, expected 200"
    try:
        with pytest.raises(DeliveryFailedError) as failure:
            run(replace(service, version="2.0.0"))
    finally:
        ended.set()
        watcher.join()
    assert "2.0.0 failed: status 500" in str(failure.value)
    assert "1.0.0 serves; it never stopped" in str(failure.value)
    assert selectors == {"blue"}
    assert deployments(client, service) == {"ehr-service-blue": "1.0.0"}
    assert state_of(client, service).phase is Phase.FAILED
    eyes.smoke_failure = ""
    assert run(replace(service, version="2.0.0")).delivery.image.endswith(":2.0.0"), "it is tried again"


@pytest.mark.parametrize("version", ["absent-1", "crash-1", "unready-1"])
def test_a_version_that_does_not_come_up_is_never_asked(
    client: Client, service: Service, run: Deliver, eyes: Traffic, version: str
) -> None:
    run(service)
    with pytest.raises(DeliveryFailedError) as failure:
        run(replace(service, version=version, deadline=6))
    assert version in str(failure.value)
    assert eyes.active() == "blue"
    assert deployments(client, service) == {"ehr-service-blue": "1.0.0"}


def test_a_version_that_errs_after_the_switch_is_taken_back(
    client: Client, service: Service, run: Deliver, eyes: Traffic
) -> None:
    run(service)
    eyes.error_rate["new"] = 0.2
    watched = replace(service, version="2.0.0", delivery=replace(service.delivery, watch_seconds=60))
    with pytest.raises(DeliveryFailedError) as failure:
        run(watched)
    assert "% errors" in str(failure.value)
    assert failure.value.delivery.restored
    assert eyes.active() == "blue"
    assert failure.value.outcome.state is not None
    entry = failure.value.outcome.state.record[-1]
    assert entry["verdict"] == "back"
    assert entry["requests_new"] > 0


def test_without_traffic_it_is_held_and_taken_back(
    client: Client, service: Service, run: Deliver, eyes: Traffic
) -> None:
    run(service)
    eyes.silent = True
    with pytest.raises(DeliveryFailedError, match="no verdict after"):
        run(replace(service, version="2.0.0"))
    assert eyes.active() == "blue"


class Killed(BaseException):
    """The run is gone, with everything that it would have done next."""


@pytest.mark.parametrize("phase", [Phase.HOOK, Phase.START, Phase.SMOKE, Phase.STEP, Phase.KEPT, Phase.BACK])
def test_a_killed_run_is_taken_up(
    client: Client,
    service: Service,
    run: Deliver,
    eyes: Traffic,
    monkeypatch: pytest.MonkeyPatch,
    phase: Phase,
) -> None:
    run(service)
    newer = replace(service, version="2.0.0")
    if phase is Phase.BACK:
        eyes.smoke_failure = "status 500"
    save = Store.save

    def save_and_die(store: Store, state: State) -> None:
        save(store, state)
        if state.phase is phase:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save", save_and_die)
        patch.setattr(Lease, "_release", lambda lease: None)
        with pytest.raises(Killed):
            run(newer)
    assert state_of(client, service).phase is phase
    if phase is Phase.BACK:
        with pytest.raises(DeliveryFailedError, match="status 500"):
            run(newer)
        assert (eyes.active(), deployments(client, service)) == ("blue", {"ehr-service-blue": "1.0.0"})
    else:
        run(newer)
        assert eyes.active() == "green"
        assert state_of(client, service).phase is Phase.KEPT


def test_another_version_takes_the_first_one_back_before_it_begins(
    client: Client, service: Service, run: Deliver, eyes: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(service)
    act = Run._act

    def die_in_step(this: Run, state: State) -> State:
        if state.phase is Phase.STEP:
            raise Killed
        return act(this, state)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "_act", die_in_step)
        with pytest.raises(Killed):
            run(replace(service, version="2.0.0"))
    assert eyes.active() == "green"
    said: list[str] = []
    run(replace(service, version="3.0.0"), say=said.append)
    assert any("another version is wanted" in line for line in said)
    assert deployments(client, service)["ehr-service-green"] == "3.0.0"


def test_two_runs_do_not_fight(client: Client, service: Service, run: Deliver, eyes: Traffic) -> None:
    run(service)
    lease = Lease(client, service.object_name, service.namespace, LEASE)
    with lease.held(), pytest.raises(LeaseHeldError, match="at this moment"):
        run(replace(service, version="2.0.0"))
    assert deployments(client, service) == {"ehr-service-blue": "1.0.0"}


def test_it_is_taken_back_by_hand_while_it_is_kept(
    client: Client, service: Service, run: Deliver, eyes: Traffic
) -> None:
    run(service)
    newer = replace(service, version="2.0.0")
    run(newer)
    outcome = Run(client, newer, {}, eyes, lease_seconds=LEASE).take_back("taken back by hand")
    assert outcome.delivery.image.endswith(":1.0.0")
    assert eyes.active() == "blue"
    with pytest.raises(KubernetesError, match="no delivery is under way"):
        Run(client, newer, {}, eyes, lease_seconds=LEASE).take_back("again")


def test_abort_promote_and_pause_are_heard(
    client: Client, service: Service, run: Deliver, eyes: Traffic
) -> None:
    run(service)
    store = Store(client, service.object_name, service.namespace)
    long = replace(service, version="2.0.0", delivery=replace(service.delivery, watch_seconds=600))

    def say_when(phase: Phase, command: str) -> threading.Thread:
        def wait() -> None:
            while state_of(client, service).phase is not phase or eyes.active() != "green":
                time.sleep(0.05)
            store.order(command)

        thread = threading.Thread(target=wait)
        thread.start()
        return thread

    thread = say_when(Phase.STEP, "abort")
    with pytest.raises(DeliveryFailedError, match="by hand"):
        run(long)
    thread.join()
    assert eyes.active() == "blue"
    thread = say_when(Phase.STEP, "promote")
    assert run(long).delivery.image.endswith(":2.0.0")
    thread.join()
    assert store.command() == ""


def test_a_rolling_service_becomes_a_coloured_one_and_back(
    client: Client, service: Service, run: Deliver, eyes: Traffic
) -> None:
    rolling = replace(service, strategy="rolling")
    deliver(client, rolling, {})
    outcome = run(replace(service, version="2.0.0"))
    assert outcome.delivery.image.endswith(":2.0.0")
    assert (eyes.active(), deployments(client, service)) == (
        "blue",
        {"ehr-service": "1.0.0", "ehr-service-blue": "2.0.0"},
    )
    assert len(pods(client, service, "plain")) == 3
    deliver(client, replace(rolling, version="2.1.0"), {})
    assert deployments(client, service) == {"ehr-service": "2.1.0"}
    found = client.get("v1", "Service", "ehr-service", service.namespace)
    assert found is not None
    assert found["spec"]["selector"] == {"app": "ehr-service"}


def test_check_mode_changes_nothing(client: Client, service: Service, run: Deliver, eyes: Traffic) -> None:
    run(service)
    planned = run(replace(service, version="2.0.0"), check=True, diff=True)
    assert f"Deployment {service.namespace}/ehr-service-green" in planned.delivery.result.created
    assert deployments(client, service) == {"ehr-service-blue": "1.0.0"}
    assert run(service).delivery.result.changed is False
