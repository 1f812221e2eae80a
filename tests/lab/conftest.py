"""The lab under test: one for the whole session, its tests in the order of their files."""

from __future__ import annotations

import pytest

from .edge import leaving, traffic_to
from .harness import NODES, Lab, until
from .traffic import Traffic


@pytest.fixture(scope="session")
def lab() -> Lab:
    """Seven bare machines, without a route out."""
    lab = Lab()
    lab.run("lab").expect_success()
    return lab


@pytest.fixture(scope="session")
def platform(lab: Lab) -> Lab:
    """The lab with the whole platform: as the tests before left it, or built now."""
    if not (lab.state / "kubeconfig").exists() or lab.ready_nodes() != NODES:
        lab.run("site").expect_success()
    return lab


@pytest.fixture
def traffic(lab: Lab) -> Traffic:
    # Pods of the version before answer what is still under way until their own end.
    until(lambda: not leaving(lab, "appointment-service"), 90, "pods of the version before have ended")
    return traffic_to(lab, "/appointment/slots")
