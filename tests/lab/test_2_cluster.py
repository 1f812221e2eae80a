"""What a finished cluster is."""

from __future__ import annotations

import stat

from .harness import CONTROL_PLANES, MACHINES, OUTPUT, Lab


def test_it_is_healthy(lab: Lab) -> None:
    lab.run("health").expect_success()


def test_zones_and_pools_come_from_the_inventory_and_drift_is_mended(lab: Lab) -> None:
    lab.kubectl("label", "node", "bahri-2", "topology.kubernetes.io/region=egypt", "--overwrite")
    ran = lab.run("cluster").expect_success()
    assert ran.changed != []
    for node in lab.get("nodes")["items"]:
        labels = node["metadata"]["labels"]
        site = node["metadata"]["name"].rpartition("-")[0]
        assert labels["topology.kubernetes.io/zone"] == site
        assert labels["topology.kubernetes.io/region"] == "sudan"
        is_control_plane = node["metadata"]["name"] in CONTROL_PLANES
        assert ("nilecare.sd/pool" in labels) is not is_control_plane


def test_secrets_are_encrypted_at_rest(lab: Lab) -> None:
    lab.kubectl("create", "secret", "generic", "at-rest", "--from-literal=word=plainly-readable")
    try:
        certificates = "/etc/kubernetes/pki/etcd"
        raw = lab.kubectl(
            "exec", "--namespace", "kube-system", "etcd-khartoum-1", "--",
            "etcdctl", "--endpoints=https://127.0.0.1:2379", f"--cacert={certificates}/ca.crt",
            f"--cert={certificates}/server.crt", f"--key={certificates}/server.key",
            "get", "/registry/secrets/default/at-rest",
        )  # fmt: skip
    finally:
        lab.kubectl("delete", "secret", "at-rest")
    assert "k8s:enc:secretbox" in raw
    assert "plainly-readable" not in raw


def test_the_encryption_key_is_in_no_log(lab: Lab) -> None:
    key = (lab.state / "secrets" / "encryption.key").read_text().strip()
    for machine in CONTROL_PLANES:
        journal = lab.machine(machine, "journalctl", "--no-pager", "--output=cat").stdout
        assert "kubeadm" in journal
        assert key not in journal
    for log in OUTPUT.glob("*.log"):
        assert key not in log.read_text(errors="replace"), log


def test_the_kubeconfig_is_for_its_owner_only(lab: Lab) -> None:
    assert stat.S_IMODE((lab.state / "kubeconfig").stat().st_mode) == 0o600
    assert stat.S_IMODE(lab.state.stat().st_mode) == 0o700


def test_one_more_worker_costs_only_that_worker(lab: Lab) -> None:
    more = {"NILECARE_LAB_EXTRA": "bahri:1"}
    lab.run("lab", **more).expect_success()
    ran = lab.run("site", "--skip-tags", "services,edge", **more).expect_success()
    # A step that runs on a control plane on behalf of the newcomer is the newcomer's: letting it in.
    elsewhere = [
        (task["name"], step["host"])
        for task in ran.report["tasks"]
        for step in task["steps"]
        if step["status"] == "changed" and {step["host"], step["owner"] or step["host"]} <= set(MACHINES)
    ]
    assert elsewhere == []
    assert "bahri-3" in lab.ready_nodes()
    lab.run("reset", "--limit", "bahri-3,localhost", "-e", f"confirm={lab.name}", **more).expect_success()
    assert "bahri-3" not in [node["metadata"]["name"] for node in lab.get("nodes")["items"]]
    lab.run("lab", "-e", "lab_prune=true").expect_success()
