"""The lab with backups: three machines, one a site, and an object store on the mirror's."""

from __future__ import annotations

import os

import pytest

from tests.lab.harness import Lab

os.environ.setdefault("NILECARE_LAB_NODES", "3")
os.environ["NILECARE_BUNDLE_SETS"] = ",".join(
    sorted({"backup", *filter(None, os.environ.get("NILECARE_BUNDLE_SETS", "").split(","))})
)


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The cluster with its backups, from bare machines; NILECARE_LAB_STANDS takes the one that is there."""
    lab = Lab()
    if not os.environ.get("NILECARE_LAB_STANDS"):
        for playbook in ("lab", "preflight", "mirror", "machines", "cluster", "backup_schedule"):
            lab.run(playbook).expect_success()
    return lab
