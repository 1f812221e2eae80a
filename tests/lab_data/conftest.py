"""The lab with data stores: three machines, one a site, and no services."""

from __future__ import annotations

import os

import pytest

from tests.lab.harness import Lab

from .stores import Stores

os.environ.setdefault("NILECARE_LAB_NODES", "3")
os.environ["NILECARE_BUNDLE_SETS"] = ",".join(
    sorted({"data", *filter(None, os.environ.get("NILECARE_BUNDLE_SETS", "").split(","))})
)


@pytest.fixture(scope="session")
def lab() -> Lab:
    """Four bare machines, without a route out."""
    lab = Lab()
    if not os.environ.get("NILECARE_LAB_STANDS"):
        lab.run("lab").expect_success()
    return lab


@pytest.fixture(scope="session")
def stores(lab: Lab) -> Stores:
    """The cluster with its stores, built when it is first asked for."""
    if not os.environ.get("NILECARE_LAB_STANDS"):  # to run some tests again on what is there
        for playbook in ("preflight", "mirror", "machines", "cluster", "stores"):
            lab.run(playbook).expect_success()
    return Stores(lab)
