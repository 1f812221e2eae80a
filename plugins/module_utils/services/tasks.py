# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The bodies of the modules: from arguments to return values, in a module as in an action plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..delivery.eyes import ClusterEyes
from ..delivery.report import delivery_values
from ..delivery.run import DeliveryFailedError, Run
from ..kubernetes.client import Client
from ..kubernetes.errors import ClusterUnreachable, KubeconfigError, KubernetesError
from .deliver import Delivery, DeliveryError, Target, deliver, go_back, look, plan_first
from .model import Service

MODELLED_ARGUMENTS: dict[str, Any] = {
    "kubeconfig": {"type": "path", "required": True},
    "service": {"type": "dict", "required": True},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
}
SERVICE_ARGUMENTS: dict[str, Any] = {
    **MODELLED_ARGUMENTS,
    "force": {"type": "bool", "default": False},
}
TARGET_ARGUMENTS: dict[str, Any] = {
    "kubeconfig": {"type": "path", "required": True},
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
}
# Seconds after which check mode believes that there is no cluster yet, and after which a run gives up.
CHECK_PATIENCE = 3.0
PATIENCE = 60.0


class TaskError(Exception):
    """A failure that was expected: its text is for people; ``values`` are returned beside it."""

    def __init__(self, message: str, values: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.values = values or {}


def _silent(text: str) -> None:
    """Nobody listens."""


def modelled(params: Mapping[str, Any]) -> tuple[Service, dict[str, str]]:
    """The service and its secrets that MODELLED_ARGUMENTS give.

    :raises TaskError: it is no service as the model has them.
    """
    try:
        service = Service.from_dict(params["service"])
    except (ValueError, TypeError) as error:
        raise TaskError(
            f"service is not what nilecare.platform.service_model returns: {error}. Nothing was changed."
        ) from error
    return service, {str(name): str(value) for name, value in (params["secrets"] or {}).items()}


def service_task(
    params: Mapping[str, Any], check: bool, diff: bool, say: Callable[[str], None] = _silent
) -> dict[str, Any]:
    """Make one service true.

    :param say: is told how a delivery in steps goes on, a line at a time.
    :raises TaskError: it could not be done.
    """
    service, secrets = modelled(params)
    missing = sorted(set(service.secret_names) ^ set(secrets))
    if missing:
        raise TaskError(
            f"{service.name}: secrets are {', '.join(sorted(secrets)) or 'none'}, but the model has"
            f" {', '.join(service.secret_names) or 'none'}. Nothing was changed."
        )
    try:
        with Client.from_kubeconfig(
            params["kubeconfig"], None, CHECK_PATIENCE if check else PATIENCE
        ) as client:
            if service.strategy == "rolling" or not service.runs_pods:
                delivery = deliver(client, service, secrets, check, diff, params["force"])
            else:
                return in_colours(client, service, secrets, params, check, diff, say)
    except DeliveryError as error:
        values = report_values(service, error.delivery, check, diff, str(error))
        raise TaskError(str(error), values) from error  # pylint: disable=bad-exception-cause  # it is one
    except (KubeconfigError, ClusterUnreachable) as error:
        if not check or not _nothing_there(error):
            raise TaskError(str(error)) from error
        delivery = plan_first(service, secrets, diff)
    except KubernetesError as error:
        raise TaskError(str(error)) from error
    return report_values(service, delivery, check, diff)


def _nothing_there(error: KubernetesError) -> bool:
    """Whether the cluster does not exist yet, rather than being misconfigured."""
    if isinstance(error, ClusterUnreachable):
        return "certificate was refused" not in str(error)
    return "does not exist" in str(error)


def in_colours(
    client: Client,
    service: Service,
    secrets: Mapping[str, str],
    params: Mapping[str, Any],
    check: bool,
    diff: bool,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """The strategies with two versions beside each other."""
    eyes = ClusterEyes(client, params["kubeconfig"], service)
    try:
        outcome = Run(client, service, secrets, eyes, say, check, diff, params["force"]).deliver()
    except DeliveryFailedError as error:
        values = report_values(service, error.delivery, check, diff, str(error))
        values.update(delivery_values(service, error.outcome))
        raise TaskError(str(error), values) from error  # pylint: disable=bad-exception-cause  # it is one
    finally:
        eyes.close()
    values = report_values(service, outcome.delivery, check, diff)
    if not check:
        values.update(delivery_values(service, outcome, values["nilecare_report"]))
    return values


def report_values(
    service: Service, delivery: Delivery, check: bool, diff: bool, failure: str = ""
) -> dict[str, Any]:
    result = delivery.result
    values: dict[str, Any] = {
        "changed": result.changed,
        "created": result.created,
        "updated": result.updated,
        "pruned": result.pruned,
        "unchanged": result.unchanged,
        "revision": delivery.revision,
        "image": delivery.image,
        "pods": delivery.pods,
        "restored": delivery.restored,
        "seconds": delivery.seconds,
        "warnings": list(result.warnings),
    }
    if diff:
        values["diff"] = result.differences
    if not check:
        values["nilecare_report"] = _report(service, delivery, failure)
    return values


def _report(service: Service, delivery: Delivery, failure: str) -> dict[str, Any]:
    """A row of the run's report (docs/report.md)."""
    serving = delivery.image.rpartition(":")[2]
    row = [
        service.name,
        service.namespace,
        {"text": serving, "state": "failed" if failure else "ok"},
        delivery.pods,
        delivery.revision,
        f"{delivery.seconds:.0f} s",
    ]
    report: dict[str, Any] = {
        "section": "Services",
        "table": {"columns": ["Service", "Namespace", "Serves", "Pods", "Revision", "Took"], "rows": [row]},
    }
    if failure:
        report.update(state="failed", summary=failure)
    return report


def history_task(params: Mapping[str, Any]) -> dict[str, Any]:
    """The versions of one service, newest first.

    :raises TaskError: the cluster could not be asked.
    """
    target = Target(params["name"], params["namespace"])
    try:
        with Client.from_kubeconfig(params["kubeconfig"], None, PATIENCE) as client:
            snapshot = look(client, target)
            # A service of two colours has a Deployment for each.
            names = sorted(obj["metadata"]["name"] for obj in snapshot.of_kind("Deployment"))
            found = [revision for name in names for revision in snapshot.revisions(name)]
    except KubernetesError as error:
        raise TaskError(str(error)) from error
    return {
        "changed": False,
        "revisions": [revision.summary() for revision in reversed(found)],
        "lines": [str(revision) for revision in reversed(found)],
    }


def rollback_task(params: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """Bring an earlier version of one service back.

    :raises TaskError: there is none, or it does not come up.
    """
    target = Target(params["name"], params["namespace"])
    try:
        with Client.from_kubeconfig(params["kubeconfig"], None, PATIENCE) as client:
            was, now, changed = go_back(client, target, params["revision"], params["deadline"], check)
    except KubernetesError as error:
        raise TaskError(str(error)) from error
    return {"changed": changed, "before": was.summary(), "after": now.summary()}
