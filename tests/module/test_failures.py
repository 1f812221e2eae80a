"""What goes wrong is told so that one knows what to do; what passes by itself is waited for."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client

from tests.module.conftest import Apply
from tests.module.control_plane import VIEWER_TOKEN, ControlPlane, free_port
from tests.module.samples import config_map, custom, deployment, pod


def quota(client: Client, namespace: str, pods: int) -> None:
    """A quota as the controller, which does not run here, would have published it."""
    hard = {"pods": str(pods)}
    client.create(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "namespace", "namespace": namespace},
            "spec": {"hard": hard},
        }
    )
    status = {"status": {"hard": hard, "used": {"pods": "0"}}}
    client.patch("v1", "ResourceQuota", "namespace", namespace, status, subresource="status")


def service_account(client: Client, name: str) -> str:
    """Make it and answer its uid."""
    metadata = {"name": name, "namespace": "default"}
    made = client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    return str(made["metadata"]["uid"])


def test_an_immutable_field_says_what_to_do(apply: Apply, namespace: str) -> None:
    apply([deployment("app", labels={"app": "one"})])
    refused = apply([deployment("app", labels={"app": "two"}), config_map("settings")])
    assert f"Deployment {namespace}/app: " in refused["msg"]
    assert "spec.selector: invalid value: field is immutable" in refused["msg"]
    assert "delete the object, then apply again" in refused["msg"]
    assert "LabelSelector{" not in refused["msg"] and len(refused["msg"]) < 500
    # The configuration came before the workload, and the result says so.
    assert refused["changed"] and refused["created"] == [f"ConfigMap {namespace}/settings"]
    assert "nothing pruned" in refused["msg"]


def test_all_refused_objects_are_told_at_once(apply: Apply) -> None:
    wrong = [config_map("one"), config_map("two")]
    for obj in wrong:
        obj["data"] = {"key with blanks": "x"}
    refused = apply([*wrong, config_map("three")])
    assert "2 of 3 objects" in refused["msg"] and "/one:" in refused["msg"] and "/two:" in refused["msg"]


def test_an_unknown_field_is_refused(apply: Apply) -> None:
    obj = deployment("app")
    obj["spec"]["replica"] = 3
    assert 'unknown field "spec.replica"' in apply([obj])["msg"] or ".spec.replica" in apply([obj])["msg"]


def test_a_quota_refuses(apply: Apply, client: Client, namespace: str) -> None:
    quota(client, namespace, 1)
    assert apply([pod("one")])["changed"]
    refused = apply([pod("one"), pod("two")])
    assert (
        f"Pod {namespace}/two: " in refused["msg"]
        and "exceeded quota: namespace, requested: pods=1" in refused["msg"]
    )


def test_pod_security_refuses(apply: Apply, client: Client, namespace: str) -> None:
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    client.patch("v1", "Namespace", namespace, None, labels)
    refused = apply([pod("privileged", securityContext={"privileged": True})])
    assert "violates PodSecurity" in refused["msg"] and "privileged" in refused["msg"]


def test_rights_are_named(apply: Apply, control_plane: ControlPlane) -> None:
    viewer = control_plane.write_kubeconfig("viewer", {"token": VIEWER_TOKEN})
    assert (
        'User "viewer" cannot get resource "secrets"'
        in apply([config_map("x")], kubeconfig=str(viewer))["msg"]
    )


def test_an_expired_token_is_told(apply: Apply, control_plane: ControlPlane, client: Client) -> None:
    token = control_plane.token("expired", service_account(client, "expired"), lifetime=-60)
    expired = control_plane.write_kubeconfig("expired", {"token": token})
    for check in (False, True):
        result = apply([config_map("x")], kubeconfig=str(expired), check=check)
        assert result["failed"] and not result["changed"]
        assert "401 Unauthorized" in result["msg"] and "the token expired at 20" in result["msg"]
        assert str(expired) in result["msg"] and token not in str(result)


def test_a_token_in_force_is_accepted(control_plane: ControlPlane, client: Client) -> None:
    """The expired token above is refused because it expired, not because it is malformed."""
    token = control_plane.token("deployer", service_account(client, "deployer"), lifetime=600)
    valid = control_plane.write_kubeconfig("valid", {"token": token})
    with Client.from_kubeconfig(valid) as deployer:
        review = deployer.request(
            "POST",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            body={"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
        )
    assert review["status"]["userInfo"]["username"] == "system:serviceaccount:default:deployer"


def test_client_certificates_and_server_names(apply: Apply, control_plane: ControlPlane) -> None:
    certificate, key = control_plane.authority.issue("deployer", "deployer", "system:masters")
    user = {"client-certificate": certificate.name, "client-key": str(key)}
    named = control_plane.write_kubeconfig(
        "certificate", user, **{"tls-server-name": "api.nilecare.internal"}
    )
    assert apply([config_map("x")], kubeconfig=str(named))["changed"]
    wrong = control_plane.write_kubeconfig("wrong", user, **{"tls-server-name": "elsewhere.internal"})
    for check in (False, True):
        assert (
            "its certificate was refused"
            in apply([config_map("x")], kubeconfig=str(wrong), check=check)["msg"]
        )


def test_check_mode_without_a_cluster(apply: Apply, control_plane: ControlPlane, tmp_path: Path) -> None:
    absent = str(tmp_path / "kubeconfig")
    planned = apply([config_map("x")], check=True, diff=True, kubeconfig=absent)
    assert planned["changed"] and planned["created"] == ["ConfigMap x"] and planned["diff"][0]["before"] == ""
    assert "kubeconfig" in apply([config_map("x")], kubeconfig=absent)["msg"]

    silent = control_plane.write_kubeconfig("silent", {}, server=f"https://127.0.0.1:{free_port()}")
    assert apply([config_map("x")], check=True, kubeconfig=str(silent))["changed"]
    refused = apply([config_map("x")], kubeconfig=str(silent), api_patience=1)
    assert (
        "connection refused" in refused["msg"]
        and "tried for 1 s" in refused["msg"]
        and not refused["changed"]
    )


def test_check_mode_without_the_namespace_or_the_definition(
    apply: Apply, client: Client, namespace: str
) -> None:
    absent = f"{namespace}-absent"
    planned = apply([config_map("x", absent), custom("Clinic", "c", 1)], check=True)
    assert planned["created"] == ["Clinic c", f"ConfigMap {absent}/x"]
    assert "serves no kind Clinic" in str(planned["warnings"])
    assert client.get("v1", "Secret", "test-set", namespace) is None

    refused = apply([config_map("x"), custom("Clinic", "c", 1)])
    assert "serves no kind Clinic" in refused["msg"] and not refused["changed"]
    missing = apply([config_map("x")], namespace=absent)
    assert f"namespace {absent}" in missing["msg"] and "does not exist" in missing["msg"]


def test_malformed_objects_are_told_at_once(apply: Apply) -> None:
    message = apply([{"kind": "ConfigMap"}, "text", {"apiVersion": "v1", "metadata": {"name": "x"}}])["msg"]
    assert "object 1 (ConfigMap without a name) has no apiVersion" in message
    assert "object 2 is str" in message and "object 3 (no kind x) has no kind" in message


def test_a_webhook_that_is_not_up_yet_is_waited_for(apply: Apply, client: Client, namespace: str) -> None:
    name = f"absent-{namespace}"
    client.create(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [
                {
                    "name": "absent.test.nilecare.sd",
                    "clientConfig": {"url": f"https://127.0.0.1:{free_port()}/"},
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                    "rules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "operations": ["*"],
                            "resources": ["configmaps"],
                        }
                    ],
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                }
            ],
        }
    )
    arguments = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", name)
    try:
        probe, deadline = config_map("probe", namespace), time.monotonic() + 10
        while time.monotonic() < deadline:  # Until the API server has seen the webhook.
            impatient = apply([probe], name="probe", api_patience=0)
            if impatient.get("failed"):
                break
        assert "failed calling webhook" in impatient["msg"]
        threading.Timer(1.0, client.delete, arguments).start()
        assert apply([config_map("x")], api_patience=20)["changed"]
    finally:
        client.delete(*arguments)


def test_an_api_server_that_restarts_in_the_middle(
    apply: Apply, control_plane: ControlPlane, client: Client, namespace: str
) -> None:
    objects: list[dict[str, Any]] = [
        config_map(f"map-{number:03}", payload="x" * 200) for number in range(400)
    ]
    seen_before_restart: list[int] = []

    def restart() -> None:
        while not seen_before_restart or not seen_before_restart[-1]:
            seen_before_restart.append(len(client.list("v1", "ConfigMap", namespace).items))
        control_plane.stop_server()
        control_plane.start_server()

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        result = apply(objects, api_patience=40)
    finally:
        thread.join()
    assert 0 < seen_before_restart[-1] < 400
    assert not result.get("failed"), result.get("msg")
    # An object whose answer was lost counts as updated when it is sent again, or as unchanged.
    assert len(result["created"]) + len(result["updated"]) + result["unchanged"] == 400
    again = apply(objects)
    assert not again["changed"] and again["unchanged"] == 400
