"""A run as the lab makes it: seven machines in three sites, some sixty tasks. Seeded: always the same."""

from __future__ import annotations

import random

from ansible_collections.nilecare.platform.plugins.module_utils.report.model import Machine, Run
from ansible_collections.nilecare.platform.plugins.module_utils.report.recorder import Recorder

SITES = ("khartoum", "omdurman", "bahri")
PLAYS = {
    "Check the inventory and the machines": ("preflight", ["Read the machines", "Check everything at once"]),
    "Make the platform's certificates": (
        "certificate_authority",
        ["Make the authority", "Issue the mirror's"],
    ),
    "Serve the bundle inside the sites": (
        "mirror",
        [
            "Copy the bundle",
            "Install the packages",
            "Write the files",
            "Start the registry",
            "Start the file server",
        ],
    ),
    "Prepare the machines": (
        "host",
        [
            "Trust the platform's authority",
            "Point apt at the mirror",
            "Install the packages",
            "Load the kernel modules",
            "Set the kernel's parameters",
            "Turn swap off",
            "Set time zone and locale",
            "Keep the time by the mirror",
            "Limit the journal",
        ],
    ),
    "Install the container runtime": (
        "container_runtime",
        ["Install the programs", "Write the files", "Start containerd"],
    ),
    "Build the cluster": (
        "kubernetes_node",
        [
            "Read the node's state",
            "Install the programs",
            "Write kubelet's files",
            "Start the local endpoint",
            "Make the encryption key",
            "Start the first control plane",
            "Join the control planes",
            "Join the workers",
            "Label the nodes",
            "Apply Calico",
            "Sign the kubelets' certificates",
        ],
    ),
    "Verify the cluster": ("verification", ["Wait for the nodes", "Look up a name", "Reach every site"]),
}


def make(result: str = "ok", per_site: int = 2, changes: float = 0.6, check: bool = False) -> Run:
    """Return a run; ``result`` is ok, failed or interrupted."""
    dice = random.Random(7)
    run = Run("site.yml", cluster="lab", started=1_795_860_191.0, check=check)
    run.versions = {
        "kubernetes": "1.36.3",
        "bundle": "5f21c09ab311",
        "collection": "0.1.0",
        "ansible_core": "2.21.5",
        "python": "3.13.0",
    }
    recorder = Recorder(run)
    for number, site in enumerate(SITES, start=1):
        for index in range(1, per_site + 1):
            groups = [f"site_{site}", "control_plane"] if index == 1 else [f"site_{site}", "workers"]
            if index > 1:
                groups.append(f"pool_{('compute', 'memory', 'storage')[(number + index) % 3]}")
            recorder.add_machine(Machine(f"{site}-{index}", site, f"10.77.{number}.{10 + index}", groups))
    recorder.add_machine(Machine("mirror-1", "", "10.77.0.10", ["mirror"]))
    hosts = [machine.name for machine in run.machines]
    now = 0.4
    for play, (role, tasks) in PLAYS.items():
        recorder.begin_play(play, now)
        for task in tasks:
            key = f"{role}/{task}"
            recorder.begin_task(key, task, role, f"roles/{role}/tasks/main.yml:{dice.randint(3, 60)}", now)
            chosen = ["mirror-1"] if role == "mirror" else ["localhost"] if "authority" in role else hosts
            chosen = [h for h in chosen if not (role.startswith("kube") and h == "mirror-1")]
            chosen = [h for h in chosen if result != "ok" or h != "bahri-2"]
            slow = 30 if "Join" in task or "Copy" in task or "Install" in task else 2
            ends = []
            for host in chosen:
                recorder.begin_step(key, host, now)
                ends.append((now + dice.uniform(0.2, slow), host))
            for end, host in sorted(ends):
                if result == "failed" and task == "Join the workers" and host == "bahri-2":
                    recorder.end_step(key, host, "failed", FAILURE, end)
                    continue
                changed = dice.random() < changes and not task.startswith(("Read", "Wait", "Look", "Check"))
                recorder.end_step(key, host, "changed" if changed else "ok", DIFF if changed else {}, end)
            now = max(ends)[0]
            if result == "interrupted" and task == "Start the first control plane":
                recorder.finish(now, None)
                return run
            if result == "failed" and task == "Join the workers":
                recorder.finish(now, {"bahri-2"})
                return run
    run.missing["bahri-2"] = "no answer on 10.77.3.12:22; allowed by cluster_allow_missing_hosts"
    recorder.warn("Host bahri-2 is left out of this run.")
    recorder.begin_task("health", "Judge the cluster", "health", "roles/health/tasks/main.yml:9", now)
    recorder.begin_step("health", "localhost", now)
    recorder.end_step("health", "localhost", "ok", HEALTH, now + 2.0)
    recorder.finish(now + 2.5, set())
    return run


DIFF = {
    "diff": [
        {
            "before": "[plugins]\n  sandbox = 'pause:3.9'\n  password = hunter2\n",
            "after": "[plugins]\n  sandbox = 'pause:3.10.1'\n  password = correct horse\n",
            "after_header": "/etc/containerd/config.toml",
        }
    ]
}
FAILURE = {
    "failed": True,
    "msg": "kubeadm join ended with 1 after 31 s. The node is half-joined; the next run joins it again.",
    "stderr": "error execution phase kubelet-start: timed out waiting for the condition\n"
    "the token abcdef.0123456789abcdef was accepted",
    "stdout": "[preflight] Running pre-flight checks\n[kubelet-start] Starting the kubelet",
    "rc": 1,
}
HEALTH = {
    "nilecare_report": [
        {
            "section": "Health",
            "state": "warning",
            "summary": "41 of 42 checks passed",
            "facts": {"Nodes": {"text": "6 of 6 Ready", "state": "ok"}, "Leader": "khartoum-1"},
            "table": {
                "title": "Pod to pod",
                "columns": ["From", "Khartoum", "Omdurman", "Bahri"],
                "rows": [
                    [site.capitalize()]
                    + [{"text": "0.8 ms", "state": "ok"}] * 2
                    + [{"text": "no", "state": "failed"}]
                    for site in SITES
                ],
            },
            "chart": {
                "title": "Certificates, days left",
                "unit": "days",
                "values": {"API server": 364, "mirror": 89},
            },
        }
    ]
}
