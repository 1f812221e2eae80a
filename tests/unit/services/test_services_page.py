"""docs/services.md and its picture are what the inventory says, read by Ansible itself."""

from __future__ import annotations

import subprocess
import sys

from .conftest import ROOT


def test_the_page_is_fresh() -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "services_doc.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr + "run scripts/services_doc.py"
