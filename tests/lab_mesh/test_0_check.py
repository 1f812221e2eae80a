"""From bare machines the mesh and monitoring can be looked at before anything is there."""

from __future__ import annotations

import os

import pytest

from tests.lab.harness import Lab


def test_check_from_bare_says_what_would_come(lab: Lab) -> None:
    if os.environ.get("NILECARE_LAB_STANDS"):
        pytest.skip("the machines are not bare any more")
    watched = "monitoring" in os.environ["NILECARE_BUNDLE_SETS"].split(",")
    ran = lab.run("site", "--check", NILECARE_LAB_MONITORING="1" if watched else "0").expect_success()
    titles = {name for name, _host in ran.changed}
    assert any("Istio" in title or "mesh" in title.lower() for title in titles), titles
    assert "Apply Prometheus, Alertmanager, what they scrape and the rules" in titles or not watched
    assert not (lab.state / "kubeconfig").exists()
