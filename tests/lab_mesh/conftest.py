"""The lab with the mesh: three machines, and as many services as the tests talk to."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab.harness import Lab

from .mesh import SERVICES, Mesh

os.environ.setdefault("NILECARE_LAB_NODES", "3")
os.environ["NILECARE_LAB_MESH"] = "1"
os.environ.setdefault("NILECARE_BUNDLE_SETS", "mesh,monitoring,pipeline")


@pytest.fixture(scope="session")
def lab() -> Lab:
    """Four bare machines, without a route out."""
    lab = Lab()
    if not os.environ.get("NILECARE_LAB_STANDS"):
        lab.run("lab").expect_success()
    return lab


@pytest.fixture(scope="session")
def mesh(lab: Lab) -> Iterator[Mesh]:
    """The cluster with the mesh and its services, built when it is first asked for."""
    if not os.environ.get("NILECARE_LAB_STANDS"):  # to run some tests again on what is there
        for playbook in ("preflight", "mirror", "machines", "cluster", "mesh"):
            lab.run(playbook).expect_success()
        lab.run("services", "--limit", SERVICES).expect_success()
        lab.run("edge").expect_success()
    mesh = Mesh(lab)
    yield mesh
    mesh.clean()
