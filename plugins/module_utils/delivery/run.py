# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Brings a service's new version in, in two colours: the cluster's side of ``machine``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..kubernetes import reasons
from ..kubernetes.apply import Options, Result, apply_set
from ..kubernetes.client import MANAGER, Client
from ..kubernetes.errors import KubernetesError
from ..services.deliver import (
    Delivery,
    DeliveryError,
    Snapshot,
    Target,
    follow,
    look,
    raise_floor,
    still_read,
)
from ..services.model import Service
from ..services.ownership import applied_by
from . import machine
from .colours import (
    COLOUR,
    FINGERPRINT,
    PER_COLOUR,
    colour_name,
    colour_objects,
    fingerprint,
    hook_job,
    labelled,
    shared_objects,
)
from .eyes import Eyes
from .machine import PLAIN, Event, Phase, State
from .numbers import Counts, since
from .store import Lease, Store
from .verdict import Action, Decision, Measures, decide

# Kinds of a colour beside those that look() reads.
_SCALERS = (("keda.sh/v1alpha1", "ScaledObject"), ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler"))
# Seconds between two looks at a step: a twentieth of it, within these.
LOOK_LEAST, LOOK_MOST = 1.0, 15.0
# Seconds that every node and proxy needs to hear of a switch, before the pods that were left may go.
SPREAD_SECONDS = 3.0

Say = Callable[[str], None]


def _silent(text: str) -> None:
    """Nobody listens."""


@dataclass
class Outcome:
    """What a run did: the delivery as other strategies report it, and the states it went through."""

    delivery: Delivery
    state: State | None = None
    figures: dict[str, Counts] = field(default_factory=dict)


class DeliveryFailedError(DeliveryError):
    """The new version was taken back; ``outcome`` says what was done."""

    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message, outcome.delivery)
        self.outcome = outcome


class Run:
    """One run on one service, in whatever state it finds it.

    :param eyes: for smoke tests and figures.
    :param say: is told what happens, a line at a time.
    :param wall: seconds since 1970; :param clock: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        client: Client,
        service: Service,
        secrets: Mapping[str, str],
        eyes: Eyes,
        say: Say = _silent,
        check: bool = False,
        diff: bool = False,
        force: bool = False,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        lease_seconds: float | None = None,
    ) -> None:
        self.client = client
        self.service = service
        self.secrets = secrets
        self.eyes = eyes
        self.say = say
        self.wall = wall
        self.clock = clock
        self.target = Target(service.object_name, service.namespace)
        self.store = Store(client, service.object_name, service.namespace)
        self.lease = (
            Lease(client, service.object_name, service.namespace)
            if lease_seconds is None
            else Lease(client, service.object_name, service.namespace, lease_seconds)
        )
        self.options = Options(
            name=service.object_name,
            namespace=service.namespace,
            check=check,
            diff=diff,
            force=force,
            prune=True,
        )
        self.result = Result()
        self.figures: dict[str, Counts] = {}
        self.began = time.monotonic()

    # What is wanted

    def deliver(self) -> Outcome:
        """Make the service what the inventory says; take up or take back what an earlier run left.

        :raises DeliveryFailedError: the new version was taken back; the message has the reason.
        :raises KubernetesError: nothing could be done, or another run is at work.
        """
        if self.options.check:
            return self._plan()
        with self.lease.held():
            state = self.store.load()
            wanted = fingerprint(self.service, self.secrets)
            if state is not None and not state.resting and state.fingerprint != wanted:
                self.say(f"{state.version} was on its way; {self.service.version} is wanted now")
                state = self._drive(self._fail(state, "another version is wanted now"))
            if state is None or state.resting:
                state = self._next(state, wanted)
            else:
                self.say(f"taking up the delivery of {state.version}, {_where(state, self.service)}")
            return self._end(self._drive(state))

    def _plan(self) -> Outcome:
        """Check mode: what applying the first state would change."""
        state = self.store.load()
        if state is None or state.resting:
            state = self._next(state, fingerprint(self.service, self.secrets), starting=True)
        self._apply(state)
        return Outcome(self._finished(state), state)

    def _next(self, last: State | None, wanted: str, starting: bool = False) -> State:
        """The state to go on from when no delivery is under way."""
        now = self.wall()
        snapshot = look(self.client, self.target)
        active = self._active(snapshot)
        if last is not None and last.phase is Phase.FAILED and not last.old:
            active = ""  # The first version never served.
        deployment = snapshot.deployment(colour_name(self.service, active)) if active else None
        found = ((deployment or {}).get("metadata", {}).get("annotations") or {}).get(FINGERPRINT)
        if deployment is not None and found == wanted:
            if last is not None and last.phase is Phase.KEPT and now < last.kept_until:
                return last
            if last is None or last.phase is not Phase.DONE or last.new != active:
                last = State(self.service.strategy, self.service.version, wanted, active)
            return replace(last, phase=Phase.DONE)
        adopt = not active and snapshot.deployment(self.service.object_name) is not None
        serving = snapshot.deployment(self.service.object_name) if adopt else deployment
        state = machine.begin(
            self.service.strategy,
            self.service.version,
            wanted,
            PLAIN if adopt else (active if deployment is not None else ""),
            _version(serving),
            adopt,
            now,
        )
        if not starting:
            self.store.order("")
        return replace(state, phase=Phase.START, started=True) if starting and not adopt else state

    def _active(self, snapshot: Snapshot) -> str:
        for obj in snapshot.of_kind("Service"):
            if obj["metadata"]["name"] == self.service.object_name:
                return str((obj["spec"].get("selector") or {}).get(COLOUR, ""))
        return ""

    # What people want

    def take_back(self, reason: str) -> Outcome:
        """Abort: the old version serves again at once, also while it is only kept.

        :raises KubernetesError: there is nothing to take back, or another run is at work.
        """
        with self.lease.held():
            state = self.store.load()
            if state is None or state.ended:
                raise KubernetesError(f"{self.service.name}: no delivery is under way. Nothing was changed.")
            self.store.order("")
            state = self._drive(self._fail(state, reason))
            return Outcome(self._finished(state), state, self.figures)

    def stop_keeping(self) -> Outcome:
        """The old version is wanted no more."""
        with self.lease.held():
            state = self.store.load()
            if state is None or state.phase is not Phase.KEPT:
                raise KubernetesError(
                    f"{self.service.name}: no earlier version is kept. Nothing was changed."
                )
            self.store.order("")
            state = self._drive(self._advance(state, Event.DONE))
            return Outcome(self._finished(state), state)

    # The way through the states

    def _drive(self, state: State) -> State:
        while True:
            self.lease.check()
            if self.store.load() != state:
                self.store.save(state)
            self._apply(state)
            if state.ended or (state.phase is Phase.KEPT and self.wall() < state.kept_until):
                return state
            state = self._act(state)

    def _advance(self, state: State, event: Event, reason: str = "") -> State:
        return machine.advance(state, self.service.delivery, event, self.wall(), reason)

    def _fail(self, state: State, reason: str) -> State:
        if state.phase is not Phase.BACK:
            self.say(f"{state.version} is taken back: {reason}")
        return self._advance(state, Event.FAIL, reason)

    def _act(self, state: State) -> State:
        """Do what the phase is for; the state after it."""
        if state.phase in (Phase.BACK, Phase.KEPT):
            time.sleep(SPREAD_SECONDS)
            return self._advance(state, Event.DONE)
        if state.phase is Phase.STEP:
            return self._step(state)
        acts = {
            Phase.ADOPT: lambda: self._follow(PLAIN),
            Phase.HOOK: lambda: self._hook(state),
            Phase.START: lambda: self._follow(state.new),
            Phase.SMOKE: lambda: self._smoke(state),
        }
        if self.store.command() == "abort":
            self.store.order("")
            return self._fail(state, "it was aborted")
        failure = acts[state.phase]()
        return self._fail(state, failure) if failure else self._advance(state, Event.DONE)

    def _follow(self, colour: str) -> str:
        name = colour_name(self.service, colour)
        named = replace(self.service, object_name=name)
        raise_floor(self.client, named, self.result)
        target = Target(name, self.service.namespace)
        chosen = f"app={self.service.object_name}" + ("" if colour == PLAIN else f",{COLOUR}={colour}")
        failure = follow(self.client, target, self.service.deadline, chosen)
        if not failure:
            return ""
        deployment = self.client.get("apps/v1", "Deployment", name, self.service.namespace)
        found = reasons.explain(self.client, deployment) if deployment else []
        return "\n".join([failure, *[f"- {reason}" for reason in found]])

    def _hook(self, state: State) -> str:
        if not self.service.delivery.hook:
            return ""
        name = f"{self.service.object_name}-hook-{state.fingerprint[:8]}"
        self.say(f"hook before {state.version}: {' '.join(self.service.delivery.hook)}")
        found = self.client.get("batch/v1", "Job", name, self.service.namespace)
        if found is not None and _ended(found) == "Failed":
            self.client.delete("batch/v1", "Job", name, self.service.namespace, "Foreground")
            self._gone("batch/v1", "Job", name)
            found = None
        # What it reads; the pods that come after it read the same.
        for obj in colour_objects(self.service, self.secrets, state.new):
            if obj["kind"] in ("ConfigMap", "Secret"):
                self.client.apply(obj, MANAGER)
        if found is None:
            self.client.apply(hook_job(self.service, self.secrets, name), MANAGER)
        deadline = self.clock() + self.service.delivery.hook_seconds + 30
        while self.clock() < deadline:
            job = self.client.get("batch/v1", "Job", name, self.service.namespace) or {}
            ended = _ended(job)
            if ended == "Complete":
                return ""
            if ended == "Failed":
                return "\n".join(["its hook failed", *[f"- {r}" for r in reasons.explain(self.client, job)]])
            time.sleep(0.5)
        return f"its hook did not end within {self.service.delivery.hook_seconds} s"

    def _gone(self, api_version: str, kind: str, name: str) -> None:
        deadline = self.clock() + 30
        while self.clock() < deadline:
            if self.client.get(api_version, kind, name, self.service.namespace) is None:
                return
            time.sleep(0.3)

    def _smoke(self, state: State) -> str:
        self.say(f"smoke tests against {state.version}, which nobody else can reach yet")
        return self.eyes.smoke([pod["metadata"]["name"] for pod in self._pods(state.new)])

    def _pods(self, colour: str) -> list[dict[str, Any]]:
        selector = f"app={self.service.object_name},{COLOUR}={colour}"
        found = self.client.list("v1", "Pod", self.service.namespace, selector).items
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def _step(self, state: State) -> State:
        """Hold a step until it is judged."""
        terms = self.service.delivery
        planned = machine.steps(state.strategy, terms)
        step = planned[min(state.step, len(planned) - 1)]
        self.say(f"{state.version}: step {step.name}, held for {step.seconds:.0f} s")
        before: dict[str, dict[str, Counts]] | None = None
        baseline: Counts | None = None
        began = self.clock()
        pause = min(LOOK_MOST, max(LOOK_LEAST, step.seconds / 20))
        told = began
        while True:
            self.lease.check()
            measures, before, baseline = self._measure(state, step, before, baseline, self.clock() - began)
            command = self.store.command()
            held = self.clock() - began
            decision = decide(terms, step.seconds, held, step.minimum, measures, command == "pause")
            if decision.action is not Action.BACK and command in ("abort", "promote"):
                self.store.order("")
                action = Action.BACK if command == "abort" else Action.NEXT
                decision = replace(decision, action=action, reason=f"by hand ({command})")
            if decision.action is not Action.HOLD or self.clock() - told >= 10:
                told = self.clock()
                self.say(_line(state, step, held, measures, decision))
            if decision.action is Action.HOLD:
                time.sleep(pause)
                continue
            entry = {"began": round(state.changed_at, 1), **_entry(step, held, measures, decision)}
            state = replace(state, record=(*state.record, entry))
            if decision.action is Action.BACK:
                return self._fail(state, decision.reason)
            return self._advance(state, Event.DONE)

    def _measure(
        self,
        state: State,
        step: machine.Step,
        before: dict[str, dict[str, Counts]] | None,
        baseline: Counts | None,
        held: float,
    ) -> tuple[Measures, dict[str, dict[str, Counts]] | None, Counts | None]:
        pods = self._pods(state.new)
        restarts = sum(
            status.get("restartCount", 0)
            for pod in pods
            for status in (pod.get("status") or {}).get("containerStatuses") or []
        )
        terms = self.service.delivery
        if not terms.judged:
            return Measures(restarts=restarts), None, None
        try:
            now = self.eyes.counts()
            before = now if before is None else before
            new = since(before.get(state.new, {}), now.get(state.new, {}))
            old = since(before.get(state.old, {}), now.get(state.old, {}))
            if old.requests >= step.minimum > 0:
                baseline = old
            elif baseline is None:
                baseline = self.eyes.baseline(state.old)
            names = [pod["metadata"]["name"] for pod in pods]
            measures = Measures(
                new=new,
                old=old,
                baseline=baseline,
                restarts=restarts,
                saturation=self.eyes.saturation(names),
                gates={
                    gate.name: self.eyes.gate(gate.query, state.new, state.old, held) for gate in terms.gates
                },
            )
        except KubernetesError as error:
            return Measures(restarts=restarts, trouble=str(error)), before, baseline
        self.figures = {state.old_version: baseline or old, state.version: new}
        return measures, before, baseline

    # The objects of a state

    def _apply(self, state: State) -> None:
        snapshot = look(self.client, self.target)
        wanted = self._objects(state, snapshot)
        wanted += still_read(snapshot, wanted)
        done = apply_set(self.client, wanted, self.options)
        self.result = _joined(self.result, done)

    def _objects(self, state: State, snapshot: Snapshot) -> list[dict[str, Any]]:
        running = machine.colours(state)
        policies = {obj["metadata"]["name"]: obj for obj in snapshot.of_kind("NetworkPolicy")}
        where = machine.split(state, self.service.delivery)
        wanted = shared_objects(self.service, where, running, policies.get(self.target.name))
        for colour in running:
            if colour == state.new and state.phase is not Phase.BACK:
                wanted += colour_objects(self.service, self.secrets, colour)
            else:
                wanted += self._as_it_is(snapshot, colour, state)
        return wanted

    def _as_it_is(self, snapshot: Snapshot, colour: str, state: State) -> list[dict[str, Any]]:
        """A colour that is not the wanted version, as it was applied."""
        name = colour_name(self.service, colour)
        live = [
            obj for obj in snapshot.objects if obj["kind"] in PER_COLOUR and obj["metadata"]["name"] == name
        ]
        live += [obj for kind in _SCALERS for obj in self._optional(*kind, name)]
        found = [own for obj in live if (own := applied_by(obj, MANAGER)) is not None]
        if not state.adopted and state.phase is Phase.ADOPT:
            for obj in found:
                if obj["kind"] == "Deployment":
                    labelled(obj, colour)
        return found

    def _optional(self, api_version: str, kind: str, name: str) -> list[dict[str, Any]]:
        if self.client.discovery.find(api_version, kind) is None:
            return []
        found = self.client.get(api_version, kind, name, self.service.namespace)
        return [] if found is None else [found]

    # The end

    def _end(self, state: State) -> Outcome:
        outcome = Outcome(self._finished(state), state, self.figures)
        if state.phase is Phase.FAILED and state.reason:
            serves = (
                f"{state.old_version} serves; it never stopped."
                if state.old
                else "No earlier version serves that could be gone back to; the objects stay as they are."
            )
            outcome.delivery.restored = bool(state.old)
            raise DeliveryFailedError(
                f"{self.service.name} {state.version} failed: {state.reason}\n{serves}", outcome
            )
        return outcome

    def _finished(self, state: State) -> Delivery:
        delivery = Delivery(self.result, seconds=round(time.monotonic() - self.began, 1))
        active = machine.split(state, self.service.delivery).active or PLAIN
        name = colour_name(self.service, active)
        deployment = self.client.get("apps/v1", "Deployment", name, self.service.namespace)
        if deployment is not None:
            annotations = deployment["metadata"].get("annotations") or {}
            delivery.revision = int(annotations.get("deployment.kubernetes.io/revision", 0))
            delivery.image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
            delivery.pods = (deployment.get("status") or {}).get("availableReplicas", 0)
        return delivery


def _version(deployment: dict[str, Any] | None) -> str:
    if deployment is None:
        return ""
    image = str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
    return image.rpartition(":")[2]


def _where(state: State, service: Service) -> str:
    if state.phase is not Phase.STEP:
        return f"phase {state.phase.value}"
    planned = machine.steps(state.strategy, service.delivery)
    return f"step {planned[min(state.step, len(planned) - 1)].name} from its beginning"


def _ended(job: dict[str, Any]) -> str:
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
            return str(condition["type"])
    return ""


def _joined(first: Result, second: Result) -> Result:
    """What both together did; an object is named once."""
    created = list(dict.fromkeys([*first.created, *second.created]))
    return Result(
        created=created,
        updated=[n for n in dict.fromkeys([*first.updated, *second.updated]) if n not in created],
        pruned=list(dict.fromkeys([*first.pruned, *second.pruned])),
        kept=second.kept,
        unchanged=second.unchanged,
        differences=[*first.differences, *second.differences],
        warnings=list(dict.fromkeys([*first.warnings, *second.warnings])),
    )


def _quantile(counts: Counts) -> float | None:
    value = counts.quantile(0.95)
    return None if value is None else round(value, 4)


def _entry(step: machine.Step, held: float, measures: Measures, decision: Decision) -> dict[str, Any]:
    baseline = measures.baseline or Counts()
    return {
        "step": step.name,
        "held": round(held, 1),
        "requests_new": round(measures.new.requests),
        "requests_old": round(measures.old.requests),
        "errors_new": round(measures.new.errors),
        "errors_old": round(measures.old.errors),
        "p95_new": _quantile(measures.new),
        "p95_old": _quantile(baseline),
        "verdict": decision.action.value,
        "reason": decision.reason,
    }


def _line(state: State, step: machine.Step, held: float, measures: Measures, decision: Decision) -> str:
    new, old = measures.new, measures.old
    return (
        f"{state.version} {step.name}: {decision.action.value} after {held:.0f} s;"
        f" {new.requests:.0f} requests, {new.error_rate:.1%} errors"
        f" (stable {old.requests:.0f}, {old.error_rate:.1%}); {decision.reason}"
    )
