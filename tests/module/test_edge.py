"""The edge's other output, Ingress objects, is what a real API server accepts."""

from __future__ import annotations

from pathlib import Path

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


def test_a_name_that_the_issuer_may_not_sign_for_is_refused(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    state = playbooks.state_directory(tmp_path, control_plane)
    text = playbooks.run(state, "edge", "--tags", "edge", "-e", "edge_domain=api.evilnilecare.sd", code=2)
    assert "may not sign for api.evilnilecare.sd." in " ".join(text.split())


def test_a_gateway_of_a_mesh_that_is_not_there_is_refused(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    state = playbooks.state_directory(tmp_path, control_plane)
    text = playbooks.run(state, "edge", "--tags", "edge", "-e", "edge_output=istio", code=2)
    assert "mesh_enabled must be true. Nothing was changed." in " ".join(text.split())
