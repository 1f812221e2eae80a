# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What people do to a delivery: look at it, hold it, let it go on, take it back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..kubernetes.client import Client
from ..kubernetes.errors import KubernetesError
from ..services.model import Service
from ..services.tasks import MODELLED_ARGUMENTS, PATIENCE, TaskError, modelled
from .eyes import ClusterEyes
from .machine import Phase, State
from .report import delivery_values, lines, section, summary
from .run import Run
from .store import LeaseHeldError, Store

ARGUMENTS: dict[str, Any] = {
    **MODELLED_ARGUMENTS,
    "command": {
        "type": "str",
        "choices": ["status", "pause", "resume", "promote", "abort"],
        "default": "status",
    },
}
# Seconds for a run that is at work to do what it was told.
OBEY_SECONDS = 90.0


def command_task(params: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """Do one of the commands.

    :raises TaskError: there is nothing to do it to, or it could not be done.
    """
    service, secrets = modelled(params)
    try:
        with Client.from_kubeconfig(params["kubeconfig"], None, PATIENCE) as client:
            return _Commands(client, params["kubeconfig"], service, secrets, check).do(params["command"])
    except KubernetesError as error:
        raise TaskError(str(error)) from error


class _Commands:
    def __init__(
        self, client: Client, kubeconfig: str, service: Service, secrets: Mapping[str, str], check: bool
    ) -> None:
        self.client = client
        self.kubeconfig = kubeconfig
        self.service = service
        self.secrets = secrets
        self.check = check
        self.store = Store(client, service.object_name, service.namespace)

    def do(self, command: str) -> dict[str, Any]:
        if self.service.strategy == "rolling":
            raise TaskError(f"{self.service.name} is delivered by rolling, which has no steps.")
        state, given = self.store.load(), self.store.command()
        if command == "status":
            return self._answer(False, state, given)
        if state is None or state.ended:
            raise TaskError(f"{self.service.name}: no delivery is under way. Nothing was changed.")
        if state.phase is Phase.KEPT:
            return self._kept(state, command)
        if command == "abort":
            return self._abort(state)
        wanted = "" if command == "resume" else command
        if given != wanted and not self.check:
            self.store.order(wanted)
        return self._answer(given != wanted, state, wanted)

    def _run(self) -> Run:
        return Run(
            self.client,
            self.service,
            self.secrets,
            ClusterEyes(self.client, self.kubeconfig, self.service),
        )

    def _kept(self, state: State, command: str) -> dict[str, Any]:
        if command not in ("abort", "promote"):
            raise TaskError(
                f"{self.service.name}: {state.version} serves already and {state.old_version} is only kept;"
                " abort switches back to it, promote removes it. Nothing was changed."
            )
        if self.check:
            return self._answer(True, state, "")
        run = self._run()
        outcome = run.take_back("taken back by hand") if command == "abort" else run.stop_keeping()
        return self._answer(True, outcome.state, "")

    def _abort(self, state: State) -> dict[str, Any]:
        if self.check:
            return self._answer(True, state, "abort")
        self.store.order("abort")
        try:
            outcome = self._run().take_back("aborted by hand")
        except LeaseHeldError:
            return self._answer(True, self._obeyed(state), "")
        return {**self._answer(True, outcome.state, ""), **delivery_values(self.service, outcome)}

    def _obeyed(self, state: State) -> State:
        """The run that is at work does it itself."""
        deadline = time.monotonic() + OBEY_SECONDS
        while time.monotonic() < deadline:
            found = self.store.load()
            if found is not None and found.ended:
                return found
            time.sleep(1)
        raise TaskError(
            f"{self.service.name}: the run that delivers {state.version} was told to take it back, and has"
            f" not within {OBEY_SECONDS:.0f} s; see delivery_status.yml"
        )

    def _answer(self, changed: bool, state: State | None, command: str) -> dict[str, Any]:
        values: dict[str, Any] = {
            "changed": changed,
            "delivery": summary(state),
            "command": command,
            "lines": lines(state, command),
        }
        if state is not None and state.record:
            values["nilecare_report"] = section(self.service, state, {})
        return values
