"""The lab under test: one for the whole session, its tests in the order of their files."""

from __future__ import annotations

import pytest

from .harness import Lab


@pytest.fixture(scope="session")
def lab() -> Lab:
    """Seven bare machines, without a route out."""
    lab = Lab()
    lab.run("lab").expect_success()
    return lab
