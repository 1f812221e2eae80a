"""What the tests of the whole lab share: playbooks that run or are killed, power, questions to the cluster.

Everything goes through what a user has: the playbooks, the inventory plugin's environment, kubectl.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "tests" / "output"
PODMAN = "/var/lib/nilecare-lab/podman"
CONTROL_PLANES = ["bahri-1", "khartoum-1", "omdurman-1"]
WORKERS = ["bahri-2", "khartoum-2", "omdurman-2"]
NODES = sorted([*CONTROL_PLANES, *WORKERS])
#: how many times longer than on a quiet machine a condition may take: others work on this one too
PATIENCE = 3
#: seconds for a drain: each pod waits until its successor serves
DRAIN = 240 * PATIENCE
MACHINES = [*CONTROL_PLANES, *WORKERS, "mirror-1"]


@dataclass(frozen=True)
class Ran:
    """A playbook's run.

    :param code: exit status.
    :param text: what it printed.
    :param report: its report.json, or an empty dict where it ended before there was one.
    :param seconds: how long it took.
    """

    code: int
    text: str
    report: dict[str, Any]
    seconds: float

    def steps(self, status: str | None = None) -> list[tuple[str, str]]:
        """Task and host of every step, or of those with a status: ok, changed, failed, skipped."""
        return [
            (task["name"], step["host"])
            for task in self.report["tasks"]
            for step in task["steps"]
            if status is None or step["status"] == status
        ]

    @property
    def changed(self) -> list[tuple[str, str]]:
        """Task and host of every step that changed something."""
        return self.steps("changed")

    def expect_success(self) -> Ran:
        """Fail the test with the end of the output if the run failed."""
        assert self.code == 0, f"exit status {self.code}\n{self.text[-6000:]}"
        return self


class Lab:
    """The lab under test, named by NILECARE_LAB_NAME."""

    def __init__(self) -> None:
        self.name = os.environ.get("NILECARE_LAB_NAME", "test")
        self.environment = dict(os.environ, NILECARE_LAB_NAME=self.name, PYTHONUNBUFFERED="1")
        self.state = Path.home() / ".local" / "state" / "nilecare" / self.name
        self._runs = 0
        OUTPUT.mkdir(parents=True, exist_ok=True)

    def _command(self, playbook: str, arguments: tuple[str, ...]) -> list[str]:
        path = ROOT / "playbooks" / f"{playbook}.yml"
        executable = Path(sys.executable).with_name("ansible-playbook")
        return [str(executable), "-i", str(ROOT / "inventories" / "lab"), str(path), *arguments]

    def start(self, playbook: str, *arguments: str, **environment: str) -> Running:
        """Start a playbook in a process group of its own."""
        self._runs += 1
        log = OUTPUT / f"{self._runs:02d}-{playbook}.log"
        reports = OUTPUT / f"{self._runs:02d}-{playbook}-report"
        variables = self.environment | {"NILECARE_REPORT_DIRECTORY": str(reports)} | environment
        with log.open("wb") as target:
            process = subprocess.Popen(
                self._command(playbook, arguments),
                cwd=ROOT,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Running(process, log, reports)

    def run(self, playbook: str, *arguments: str, **environment: str) -> Ran:
        """Run a playbook to its end."""
        print(f"\n-- {playbook}.yml {' '.join(arguments)}", flush=True)
        ran = self.start(playbook, *arguments, **environment).wait()
        print(f"   exit status {ran.code} after {ran.seconds:.0f} s", flush=True)
        return ran

    def machine(self, name: str, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command as root on a machine, past SSH."""
        return subprocess.run(
            [PODMAN, "exec", f"nilecare-{self.name}-{name}", *command],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def kubectl(self, *arguments: str, timeout: float = 60 * PATIENCE) -> str:
        """Run kubectl as a user of the cluster does; fails the test with its message."""
        command = [str(self.state / "bin" / "kubectl"), "--kubeconfig", str(self.state / "kubeconfig")]
        done = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """``kubectl get`` as data."""
        answer: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return answer

    def ready_nodes(self) -> list[str]:
        """Names of the nodes that are Ready, sorted."""
        return sorted(
            node["metadata"]["name"]
            for node in self.get("nodes")["items"]
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
        )

    @contextmanager
    def powered_off(self, *machines: str) -> Iterator[None]:
        """Cut the power of machines, and give it back."""
        self.power("off", *machines)
        try:
            yield
        finally:
            self.power("on", *machines)

    def power(self, way: str, *machines: str) -> None:
        """Cut or give the power of machines; way is on or off."""
        names = ["-e", f"lab_machines={','.join(machines)}"] if machines else []
        self.run("lab", "-e", f"lab_state=powered_{way}", *names).expect_success()


@dataclass(frozen=True)
class Running:
    """A playbook that runs."""

    process: subprocess.Popen[bytes]
    log: Path
    reports: Path
    began: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "began", time.monotonic())

    def wait(self) -> Ran:
        """Wait for its end."""
        code = self.process.wait()
        seconds = time.monotonic() - self.began
        found = sorted(self.reports.glob("**/report.json"))
        report = json.loads(found[-1].read_text()) if found else {}
        return Ran(code, self.log.read_text(errors="replace"), report, seconds)

    def kill_when(self, reached: Callable[[], bool], moment: str) -> None:
        """Kill the run, with its workers (they have groups of their own), as soon as a moment is reached."""
        while self.process.poll() is None:
            if reached():
                for pid in [self.process.pid, *processes_below(self.process.pid)]:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                self.process.wait()
                return
            time.sleep(0.1)
        text = self.log.read_text(errors="replace")[-6000:]
        raise AssertionError(
            f"the run ended ({self.process.returncode}) before this moment: {moment}\n{text}"
        )


def processes_below(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found = list(children.get(pid, []))
    for process in found:
        found += children.get(process, [])
    return found


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for a condition to give something true; an error of the cluster counts as not yet.

    :param seconds: that are enough on a quiet machine.
    """
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = condition()
            if last:
                return last
        except (AssertionError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
            last = error
        time.sleep(1)
    raise AssertionError(f"not within {seconds:.0f} s: {what}; last seen: {last}")
