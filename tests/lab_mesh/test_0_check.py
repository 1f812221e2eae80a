"""From bare machines the mesh and monitoring can be looked at before anything is there."""

from __future__ import annotations

from tests.lab.harness import Lab


def test_check_from_bare_says_what_would_come(lab: Lab) -> None:
    assert not (lab.state / "kubeconfig").exists(), "the machines are not bare any more"
    ran = lab.run("site", "--check", NILECARE_LAB_MONITORING="1").expect_success()
    titles = {name for name, _host in ran.changed}
    assert any("Istio" in title or "mesh" in title.lower() for title in titles), titles
    assert "Apply Prometheus, Alertmanager, what they scrape and the rules" in titles
    assert not (lab.state / "kubeconfig").exists()
