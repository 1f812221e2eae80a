"""cert-manager with our main program issues and renews, with its role's rights and no others."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client

from tests.module import binaries, playbooks
from tests.module.conditions import until
from tests.module.control_plane import ADMIN_TOKEN, ControlPlane, free_port

ACCOUNT = "system:serviceaccount:cert-manager:cert-manager"
CERTIFICATES = ("cert-manager.io/v1", "Certificate", "edge", "edge")
TEMPLATE = playbooks.ROOT / "roles" / "edge" / "templates" / "certificate.yml.j2"


def play_the_deployment_controller(client: Client) -> None:
    """The program runs beside the API server, not in a pod: say that the pod is there."""
    deployment = until(
        lambda: client.get("apps/v1", "Deployment", "cert-manager", "cert-manager"), "the Deployment", 120
    )
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    status = {"observedGeneration": deployment["metadata"]["generation"], **counts}
    client.patch(
        "apps/v1", "Deployment", "cert-manager", "cert-manager", {"status": status}, subresource="status"
    )


@pytest.fixture(scope="module")
def state(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster with cert-manager: applied by its role, and run with the account's rights."""
    directory = tmp_path_factory.mktemp("cert-manager")
    program = binaries.find() / "cert-manager"
    if not program.is_file():
        images = binaries._bundle() / "images"
        binaries._extract(images, "quay.io/jetstack/cert-manager-controller", "cert-manager", program)
    state = playbooks.state_directory(directory, control_plane)
    account = control_plane.write_kubeconfig("cert-manager", {"token": ADMIN_TOKEN, "as": ACCOUNT})
    with control_plane.client() as client, (directory / "log").open("wb") as log:
        client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "edge"}})
        controller = threading.Thread(target=play_the_deployment_controller, args=(client,), daemon=True)
        controller.start()
        running = subprocess.Popen(
            [
                str(program),
                f"--kubeconfig={account}",
                "--namespaces=edge",
                f"--listen=127.0.0.1:{free_port()}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            playbooks.run(state, "edge", "--tags", "cert_manager")
            controller.join()
            yield state
        finally:
            running.kill()
            running.wait()


def certificate(**variables: Any) -> dict[str, Any]:
    """The edge's Certificate as its role writes it."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters["to_json"] = json.dumps
    values = {
        "edge_namespace": "edge",
        "edge_domain": "api.nilecare.sd",
        "edge_hosts": ["api.nilecare.sd", "fhir.nilecare.sd"],
        "edge_certificate_days": 90,
        "edge_tls_secret": "edge-issued-tls",
        **variables,
    }
    loaded: dict[str, Any] = yaml.safe_load(environment.from_string(TEMPLATE.read_text()).render(values))
    return loaded


def issued(client: Client) -> tuple[str, str]:
    """Certificate with its chain, and key; empty while there is none."""
    secret = client.get("v1", "Secret", "edge-issued-tls", "edge") or {"data": {}}
    return tuple(base64.b64decode(secret["data"].get(f"tls.{part}", "")).decode() for part in ("crt", "key"))  # type: ignore[return-value]


def ready(client: Client) -> bool:
    status = (client.get(*CERTIFICATES) or {}).get("status", {})
    conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
    return conditions.get("Ready") == "True" and "Issuing" not in conditions


def test_it_issues_what_clients_of_the_platform_trust(state: Path, client: Client, tmp_path: Path) -> None:
    client.apply(certificate())
    until(lambda: ready(client), "the certificate is ready")
    chain = tmp_path / "chain.pem"
    chain.write_text(issued(client)[0])
    verify = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-untrusted", str(chain)]
    for host, good in (("api.nilecare.sd", True), ("fhir.nilecare.sd", True), ("ehr.nilecare.sd", False)):
        done = subprocess.run(
            [*verify, "-CAfile", str(state / "ca" / "ca.crt"), "-verify_hostname", host, str(chain)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is good, (host, done.stderr)


def test_it_renews_with_a_new_key(state: Path, client: Client) -> None:
    client.apply(certificate())
    until(lambda: ready(client), "the certificate is ready")
    before = issued(client)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    # What its own clock says weeks before the end; here at once.
    issuing = {
        "type": "Issuing",
        "status": "True",
        "reason": "Test",
        "message": "",
        "lastTransitionTime": now,
    }
    conditions = [*client.get(*CERTIFICATES)["status"]["conditions"], issuing]  # type: ignore[index]
    client.patch(*CERTIFICATES, {"status": {"conditions": conditions}}, subresource="status")
    after = until(lambda: ready(client) and issued(client) != before and issued(client), "a new certificate")
    assert after[0] != before[0]
    assert after[1] != before[1]


def test_it_may_read_secrets_where_certificates_are_and_nowhere_else(
    state: Path, control_plane: ControlPlane
) -> None:
    for namespace, answer in (
        ("edge", "yes"),
        ("default", "no"),
        ("kube-system", "no"),
        ("cert-manager", "no"),
    ):
        asked = control_plane.kubectl(
            "auth", "can-i", "list", "secrets", "--namespace", namespace, f"--as={ACCOUNT}", check=False
        )
        assert asked.stdout.strip() == answer, namespace


def test_a_second_run_changes_nothing(state: Path) -> None:
    assert "changed=0" in playbooks.run(state, "edge", "--tags", "cert_manager")


def test_the_authority_of_the_namespace_stays_out_of_other_names(state: Path) -> None:
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in", str(state / "cert-manager" / "edge.crt")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "DNS:nilecare.sd" in text
    assert "Name Constraints: critical" in text
