"""Runs a playbook of ours against a test's API server, with the lab's inventory and no machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ansible_collections.nilecare.platform.plugins.module_utils.machines.certificates import (
    Request,
    issue,
    now,
)

from tests.module import binaries
from tests.module.control_plane import ControlPlane

ROOT = Path(__file__).resolve().parents[2]


def state_directory(directory: Path, plane: ControlPlane) -> Path:
    """A state directory as a cluster's controller has it: the kubeconfig and the platform's authority."""
    state = directory / "state"
    (state / "ca").mkdir(parents=True)
    shutil.copy(plane.kubeconfig, state / "kubeconfig")
    authority = issue(Request("test platform", days=30, authority=True), None, now())
    (state / "ca" / "ca.crt").write_text(authority.certificate)
    (state / "ca" / "ca.key").write_text(authority.private_key)
    return state


def run(state: Path, playbook: str, *arguments: str, code: int = 0) -> str:
    """What the run printed; another exit status than expected fails the test with it."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", "inventories/lab", f"playbooks/{playbook}.yml"),
            *("-e", f"cluster_state_directory={state}", "-e", f"bundle_directory={binaries._bundle()}"),
            *arguments,
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "NILECARE_REPORT_DIRECTORY": str(state / "reports"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        },
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    text = done.stdout + done.stderr
    assert done.returncode == code, text[-6000:]
    return text
