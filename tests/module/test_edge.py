"""The edge's other output, Ingress objects, is what a real API server accepts."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client

from tests.module import playbooks
from tests.module.control_plane import ControlPlane

NAMESPACES = ("infrastructure", "clinical", "business", "integration")


def test_the_routes_come_out_as_ingress_objects(
    control_plane: ControlPlane, client: Client, tmp_path: Path
) -> None:
    for name in NAMESPACES:
        client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    state = playbooks.state_directory(tmp_path, control_plane)
    arguments = ("--tags", "edge", "-e", "edge_output=ingress", "-e", "edge_ingress_class=f5")
    playbooks.run(state, "edge", *arguments)
    found = {
        ingress["metadata"]["name"]: ingress["spec"]
        for ingress in client.list("networking.k8s.io/v1", "Ingress").items
    }
    assert len(found) == 14
    ehr = found["ehr-service"]
    assert ehr["ingressClassName"] == "f5"
    assert ehr["rules"][0]["host"] == "api.nilecare.sd"
    path = ehr["rules"][0]["http"]["paths"][0]
    assert (path["path"], path["pathType"]) == ("/ehr", "Prefix")
    assert path["backend"]["service"] == {"name": "ehr-service", "port": {"name": "http"}}
    assert "changed=0" in playbooks.run(state, "edge", *arguments)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("edge_domain=api.evilnilecare.sd", "may not sign for api.evilnilecare.sd."),
        ("edge_output=istio", "mesh_enabled must be true. Nothing was changed."),
    ],
)
def test_what_cannot_be_served_is_refused(
    control_plane: ControlPlane, tmp_path: Path, choice: str, said: str
) -> None:
    state = playbooks.state_directory(tmp_path, control_plane)
    text = playbooks.run(state, "edge", "--tags", "edge", "-e", choice, code=2)
    assert said in " ".join(text.split())
