# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Make a named set of objects true: compare, apply in order, prune, wait."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import applyset, discovery, display, fields, objects, readiness, reasons, waiting
from .client import MANAGER, Client
from .discovery import Resource
from .errors import ApiError, ClusterUnreachable, KubernetesError, UnknownKind
from .objects import Reference, reference

_DEFINITION = "CustomResourceDefinition"
_ESTABLISH_TIMEOUT = 60.0
_PAUSE = 0.5
_RECREATE = (
    "This cannot be changed in place: delete the object, then apply again (its pods or data may go with it)"
)
_DEFINITION_LAG = 10.0
"""Seconds in which API servers may not yet know a definition just written, or its new fields."""


@dataclass(frozen=True)
class Options:
    """How to apply a set.

    ``name``, ``namespace``: of the set's parent; objects without a namespace get it too. ``protected``:
    kinds that are never pruned. ``wait_timeout`` in seconds. ``check`` changes nothing.
    """

    name: str
    namespace: str = "default"
    manager: str = MANAGER
    force: bool = False
    prune: bool = True
    protected: tuple[str, ...] = applyset.PROTECTED
    check: bool = False
    diff: bool = False
    wait: bool = False
    wait_timeout: float = 300.0


@dataclass
class Result:
    """What was done (in check mode: would be). Objects are named as ``Deployment clinical/ehr-service``."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    unchanged: int = 0
    differences: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.created or self.updated or self.pruned)


class ApplyFailed(KubernetesError):  # noqa: N818
    """Not all was done; ``result`` says what was."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


def apply_set(client: Client, wanted: Iterable[dict[str, Any]], options: Options) -> Result:
    """Make the set ``options.name`` consist of exactly the ``wanted`` objects.

    No objects at all means: prune every member, then the set itself. Raises :class:`ApplyFailed` (after
    having begun, or when the wait failed), or another :class:`KubernetesError` (nothing was changed).
    """
    return _Run(client, prepare(wanted), options).run()


def prepare(wanted: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Check and clean objects; raises :class:`objects.InvalidObjects` with all that is wrong."""
    flat = objects.flatten(wanted)
    found = objects.problems(flat)
    if found:
        raise objects.InvalidObjects("; ".join(found) + ". Nothing was changed.")
    return [objects.cleaned(obj) for obj in flat]


def plan_without_cluster(wanted: Iterable[dict[str, Any]], options: Options) -> Result:
    """What a first run would do, for check mode before there is a cluster."""
    result = Result()
    for obj in prepare(wanted):
        title = str(reference(obj))
        result.created.append(title)
        if options.diff:
            result.differences.append(display.difference(title, None, obj))
    return result


@dataclass(frozen=True)
class _Task:
    """One object to be applied; ``live`` is its state as listed, None when it is not a member yet."""

    object: dict[str, Any]
    reference: Reference
    live: dict[str, Any] | None


@dataclass(frozen=True)
class _Outcome:
    task: _Task
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    created: bool = False
    error: KubernetesError | None = None
    skipped: bool = False

    @property
    def changed(self) -> bool:
        if self.created or self.task.live is None:
            return True
        return display.content(self.task.live) != display.content(self.after or {})


class _Run:
    def __init__(self, client: Client, wanted: list[dict[str, Any]], options: Options) -> None:
        self.client = client
        self.options = options
        self.identity = applyset.set_id(options.name, options.namespace)
        self.result = Result()
        self.fatal: KubernetesError | None = None
        self.new_definitions = False
        self.errors: list[_Outcome] = []
        self.untried: list[str] = []
        self.unserved: set[tuple[str, str]] = set()
        self.unestablished: set[Reference] = set()
        for definition in (obj for obj in wanted if obj["kind"] == _DEFINITION):
            for resource in discovery.from_definition(definition):
                if client.discovery.find(resource.api_version, resource.kind) is None:
                    self.unserved.add((resource.api_version, resource.kind))
                    self.unestablished.add(reference(definition))
                    client.discovery.add(resource)
        self.desired = self._placed(wanted)

    # Before anything is sent

    def _placed(self, wanted: list[dict[str, Any]]) -> dict[tuple[str, str, str, str], dict[str, Any]]:
        """Objects by identity, each in its namespace and with the set's label."""
        placed: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        wrong = []
        for obj in wanted:
            resource = self.client.discovery.find(obj["apiVersion"], obj["kind"])
            metadata = dict(obj["metadata"])
            if resource is None:
                if not self.options.check:
                    wrong.append(f"{reference(obj)}: {self._unknown(obj)}")
                    continue
                self.result.warnings.append(f"{reference(obj)}: {self._unknown(obj)}")
                self.unserved.add((obj["apiVersion"], obj["kind"]))
            elif resource.namespaced:
                metadata["namespace"] = metadata.get("namespace") or self.options.namespace
            else:
                metadata.pop("namespace", None)
            obj = applyset.member({**obj, "metadata": metadata}, self.identity)
            identity = reference(obj).identity
            if identity in placed:
                wrong.append(f"{reference(obj)} is given twice")
            placed[identity] = obj
        if wrong:
            raise UnknownKind("; ".join(wrong) + ". Nothing was changed.")
        return placed

    def _unknown(self, obj: dict[str, Any]) -> str:
        try:
            self.client.discovery.resource(obj["apiVersion"], obj["kind"])
        except UnknownKind as error:
            return str(error)
        return ""

    # The run

    def run(self) -> Result:
        options = self.options
        parent = self.client.get("v1", "Secret", options.name, options.namespace)
        if parent is not None:
            applyset.check_parent(parent, options.name, options.namespace)
        if parent is None and not self.desired:
            return self.result
        recorded_kinds, recorded_namespaces = applyset.recorded(parent, options.namespace)
        namespaces = recorded_namespaces | {options.namespace} | self._namespaces()
        kinds = self._kinds()
        members = self._members(kinds | recorded_kinds, namespaces)
        tasks = self._tasks(members)
        if not options.force:
            self._refuse_foreign(tasks, namespaces)
        leaving = [obj for identity, obj in members.items() if identity not in self.desired]
        prunable, kept = self._prunable(leaving)

        early, later = self._split(tasks)
        if early:
            self._apply_phase(early)
        self._stop_on_errors([])
        parent = self._write_parent(parent, kinds | recorded_kinds, namespaces)
        groups = objects.phases([task.object for task in later])
        by_identity = {task.reference.identity: task for task in later}
        for number, group in enumerate(groups):
            if objects.phase(group[0]["kind"]) > objects.phase(_DEFINITION):
                self._establish()
            self._apply_phase([by_identity[reference(obj).identity] for obj in group])
            self._stop_on_errors([str(reference(obj)) for rest in groups[number + 1 :] for obj in rest])
        self._establish()
        if options.prune:
            self._prune(prunable)
            self.result.kept = [str(reference(obj)) for obj in kept]
            self._finish_parent(parent, kinds, kept, namespaces)
        self.result.created.sort()
        self.result.updated.sort()
        if options.wait and not options.check:
            self._wait()
        return self.result

    def _namespaces(self) -> set[str]:
        return {
            obj["metadata"]["namespace"] for obj in self.desired.values() if obj["metadata"].get("namespace")
        }

    def _kinds(self) -> set[str]:
        return {
            f"{obj['kind']}.{reference(obj).group}" if reference(obj).group else obj["kind"]
            for obj in self.desired.values()
        }

    def _members(
        self, kinds: set[str], namespaces: set[str]
    ) -> dict[tuple[str, str, str, str], dict[str, Any]]:
        """The set's objects as the cluster holds them, from one list a kind."""
        versions = {(reference(obj).group, obj["kind"]): obj["apiVersion"] for obj in self.desired.values()}
        resources = []
        for group_kind in sorted(kinds):
            kind, _dot, group = group_kind.partition(".")
            version = versions.get((group, kind))
            found = (
                self.client.discovery.find(version, kind)
                if version
                else self.client.discovery.find_group_kind(group_kind)
            )
            if found is not None and (found.api_version, found.kind) not in self.unserved:
                resources.append(found)
        selector = f"{applyset.MEMBER_LABEL}={self.identity}"
        listed = self.client.map(lambda resource: self._list(resource, namespaces, selector), resources)
        return {reference(obj).identity: obj for items in listed for obj in items}

    def _list(
        self, resource: Resource, namespaces: set[str], selector: str, metadata_only: bool = False
    ) -> list[dict[str, Any]]:
        """In all namespaces at once; one by one where we may not look at all of them."""
        if not resource.namespaced:
            return self.client.list_resource(resource, None, selector, None, metadata_only).items
        if len(namespaces) > 1:
            try:
                items = self.client.list_resource(resource, None, selector, None, metadata_only).items
                return [item for item in items if item["metadata"]["namespace"] in namespaces]
            except ApiError as error:
                if error.status != 403:
                    raise
        found = []
        for namespace in sorted(namespaces):
            found += self.client.list_resource(resource, namespace, selector, None, metadata_only).items
        return found

    def _tasks(self, members: dict[tuple[str, str, str, str], dict[str, Any]]) -> list[_Task]:
        """Objects that are not known to be as wanted."""
        tasks = []
        for identity, obj in self.desired.items():
            live = members.get(identity)
            if live is not None and fields.certainly_unchanged(obj, live, self.options.manager):
                self.result.unchanged += 1
            else:
                tasks.append(_Task(obj, reference(obj), live))
        return tasks

    def _refuse_foreign(self, tasks: list[_Task], namespaces: set[str]) -> None:
        """Objects that are members of another set must not change hands silently."""
        newcomers = {task.reference.identity: task.reference for task in tasks if task.live is None}
        resources = {
            found
            for target in newcomers.values()
            if (target.api_version, target.kind) not in self.unserved
            and (found := self.client.discovery.find(target.api_version, target.kind))
        }
        selector = f"{applyset.MEMBER_LABEL},{applyset.MEMBER_LABEL}!={self.identity}"
        listed = self.client.map(
            lambda resource: self._list(resource, namespaces, selector, metadata_only=True),
            sorted(resources, key=str),
        )
        foreign = [
            f"{newcomers[identity]} (set {item['metadata']['labels'][applyset.MEMBER_LABEL]})"
            for items in listed
            for item in items
            if (identity := reference(item).identity) in newcomers
        ]
        if foreign:
            raise applyset.ForeignSet(
                f"these objects belong to another ApplySet: {', '.join(foreign)}; "
                "remove them there, or take them over with force. Nothing was changed."
            )

    def _prunable(self, leaving: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Objects to delete, and those of protected kinds that stay members."""
        prunable: list[dict[str, Any]] = []
        kept: list[dict[str, Any]] = []
        for obj in leaving:
            owners = obj["metadata"].get("ownerReferences") or []
            if any(owner.get("controller") for owner in owners):
                continue  # A controller copied our label from its own object to this one.
            (kept if obj["kind"] in self.options.protected else prunable).append(obj)
        return prunable, kept

    def _split(self, tasks: list[_Task]) -> tuple[list[_Task], list[_Task]]:
        """The namespace of the set's parent comes before the parent, and so before everything."""
        early = [
            t for t in tasks if t.object["kind"] == "Namespace" and t.reference.name == self.options.namespace
        ]
        return early, [task for task in tasks if task not in early]

    # Applying

    def _apply_phase(self, tasks: list[_Task]) -> None:
        outcomes = self.client.map(self._apply, tasks)
        self.errors = [outcome for outcome in outcomes if outcome.error is not None]
        self.untried = [str(outcome.task.reference) for outcome in outcomes if outcome.skipped]
        for outcome in outcomes:
            if outcome.error is None and not outcome.skipped:
                self._record(outcome)
            if outcome.task.object["kind"] == _DEFINITION:
                self.unestablished.add(outcome.task.reference)

    def _apply(self, task: _Task) -> _Outcome:
        if self.fatal is not None:
            return _Outcome(task, skipped=True)
        options, target = self.options, task.reference
        if options.check and (target.api_version, target.kind) in self.unserved:
            return _Outcome(task, None, task.object, created=True)
        before = task.live
        try:
            if before is None and options.diff:
                before = self.client.get(target.api_version, target.kind, target.name, target.namespace)
            applied = self._send(task)
            return _Outcome(task, before, applied.object, applied.created)
        except ApiError as error:
            if error.status == 401:
                self.fatal = error
            elif options.check and error.not_found:
                # The namespace is not there yet: nothing can be tried in it, and all of it would be new.
                return _Outcome(task, None, task.object, created=True)
            return _Outcome(task, error=error)
        except ClusterUnreachable as error:
            self.fatal = error
            return _Outcome(task, error=error)
        except KubernetesError as error:
            return _Outcome(task, error=error)

    def _send(self, task: _Task) -> Any:
        options = self.options
        deadline = time.monotonic() + _DEFINITION_LAG
        while True:
            try:
                return self.client.apply(task.object, options.manager, options.force, options.check)
            except ApiError as error:
                lagging = error.not_found or (error.status == 400 and "unknown field" in error.message)
                if not (self.new_definitions and lagging and time.monotonic() < deadline):
                    raise
                time.sleep(0.2)

    def _record(self, outcome: _Outcome) -> None:
        title = str(outcome.task.reference)
        if not outcome.changed:
            self.result.unchanged += 1
            return
        (self.result.created if outcome.created else self.result.updated).append(title)
        if self.options.diff:
            self.result.differences.append(display.difference(title, outcome.before, outcome.after))

    def _establish(self) -> None:
        """Wait until the definitions that were written, or left by a run that was killed, are served."""
        if self.options.check or not self.unestablished:
            return
        pending = waiting.wait_for(self.client, self.unestablished, _ESTABLISH_TIMEOUT)
        if pending:
            texts = [f"{entry.reference}: {entry.readiness.message}" for entry in pending]
            raise ApplyFailed(f"definitions were not established: {'; '.join(texts)}", self.result)
        self.unestablished = set()
        self.new_definitions = True

    def _stop_on_errors(self, rest: list[str]) -> None:
        errors = self.errors
        if not errors:
            return
        untried = self.untried + rest
        done = len(self.result.created) + len(self.result.updated)
        if self.fatal is not None:
            lines = [str(self.fatal)]
        else:
            lines = [
                f"{outcome.task.reference}: {_tell(outcome.error)}" for outcome in errors if outcome.error
            ]
        verb = "would be" if self.options.check else "were"
        head = (
            f"{len(errors)} of {len(self.desired)} objects of set {self.options.name} could not be applied "
            f"({done} {verb} changed before, {len(untried)} not tried, nothing pruned)"
        )
        raise ApplyFailed(head + ":\n" + "\n".join(f"- {line}" for line in lines), self.result)

    # Parent and pruning

    def _write_parent(
        self, found: dict[str, Any] | None, kinds: set[str], namespaces: set[str]
    ) -> dict[str, Any] | None:
        """Before members change, the parent must name all kinds that are, were or will be in the set."""
        wanted = applyset.parent(self.options.name, self.options.namespace, kinds, namespaces)
        if self.options.check or (found is not None and _annotations(found) == _annotations(wanted)):
            return found
        try:
            return self.client.apply(wanted, self.options.manager, force=True).object
        except ApiError as error:
            if error.not_found:
                raise ApplyFailed(
                    f"namespace {self.options.namespace}, in which the set {self.options.name} is recorded, "
                    "does not exist; create it first or add it to the objects",
                    self.result,
                ) from None
            raise

    def _prune(self, leaving: list[dict[str, Any]]) -> None:
        ordered = sorted(leaving, key=lambda obj: -objects.phase(obj["kind"]))
        if not self.options.check:
            self.client.map(self._delete, ordered)
            if self._until_gone:
                self._wait_until_gone(ordered)
        for obj in ordered:
            title = str(reference(obj))
            self.result.pruned.append(title)
            if self.options.diff:
                self.result.differences.append(display.difference(title, obj, None))

    @property
    def _until_gone(self) -> bool:
        """Whether the whole set is taken away, and what it owns is waited for."""
        return self.options.wait and not self.desired

    def _delete(self, obj: dict[str, Any]) -> None:
        target = reference(obj)
        self.client.delete(
            target.api_version,
            target.kind,
            target.name,
            target.namespace,
            "Foreground" if self._until_gone else "Background",
            uid=obj["metadata"]["uid"],
        )

    def _wait_until_gone(self, leaving: list[dict[str, Any]]) -> None:
        """An object that is deleted in the foreground goes after all that it owns."""
        deadline = time.monotonic() + self.options.wait_timeout
        left = [reference(obj) for obj in leaving]
        while left := [
            one for one in left if self.client.get(one.api_version, one.kind, one.name, one.namespace)
        ]:
            if time.monotonic() > deadline:
                names = ", ".join(str(one) for one in left)
                raise ApplyFailed(
                    f"{names}: deleted, but still there after {self.options.wait_timeout} s", self.result
                )
            time.sleep(_PAUSE)

    def _finish_parent(
        self, found: dict[str, Any] | None, kinds: set[str], kept: list[dict[str, Any]], namespaces: set[str]
    ) -> None:
        """After pruning, the parent names only what is left; a set without members goes."""
        if self.options.check or found is None:
            return
        left_kinds = set(kinds)
        left_namespaces = self._namespaces()
        for obj in kept:
            resource = self.client.resource(obj["apiVersion"], obj["kind"])
            left_kinds.add(resource.group_kind)
            if obj["metadata"].get("namespace"):
                left_namespaces.add(obj["metadata"]["namespace"])
        if left_kinds:
            self._write_parent(found, left_kinds, left_namespaces)
        else:
            self.client.delete("v1", "Secret", self.options.name, self.options.namespace)

    # Waiting

    def _wait(self) -> None:
        targets = [
            reference(obj)
            for obj in self.desired.values()
            if readiness.has_rule(obj["apiVersion"], obj["kind"])
        ]
        pending = waiting.wait_for(
            self.client,
            targets,
            self.options.wait_timeout,
            label_selector=f"{applyset.MEMBER_LABEL}={self.identity}",
        )
        if pending:
            raise ApplyFailed(describe_pending(self.client, pending, self.options.wait_timeout), self.result)


def describe_pending(client: Client, pending: list[waiting.Pending], timeout: float) -> str:
    """The error for objects that are not ready: each with its state and the cluster's own reasons."""
    lines = []
    for entry in pending:
        lines.append(f"- {entry.reference}: {entry.readiness.message or entry.readiness.state}")
        if entry.object is not None:
            lines += [f"  {reason}" for reason in reasons.explain(client, entry.object)]
    hopeless = all(entry.readiness.state == readiness.FAILED for entry in pending)
    head = f"{len(pending)} objects " + ("failed" if hopeless else f"are not ready after {timeout:g} s")
    return f"{head} (everything was applied):\n" + "\n".join(lines)


def _annotations(parent: dict[str, Any]) -> dict[str, str]:
    annotations = parent["metadata"].get("annotations") or {}
    return {key: annotations.get(key, "") for key in (applyset.TOOLING, applyset.KINDS, applyset.NAMESPACES)}


def _tell(error: KubernetesError) -> str:
    """An error of one object in words, with what to do where that is known."""
    if not isinstance(error, ApiError):
        return str(error)
    if error.field_conflicts:
        owned = ", ".join(f"{cause.field} ({_manager(cause.message)})" for cause in error.field_conflicts)
        return f"fields belong to other managers: {owned}; leave them out, or take them over with force: true"
    text = str(error)
    if error.immutable:
        return f"{text}. {_RECREATE}"
    if "being terminated" in text:
        return f"{text}. The namespace is being deleted: wait until it is gone"
    return text


def _manager(message: str) -> str:
    """``conflict with "kubectl-edit" using apps/v1`` → ``manager kubectl-edit``."""
    parts = message.split('"')
    return f"manager {parts[1]}" if len(parts) > 2 else message
