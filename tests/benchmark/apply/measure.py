"""The same objects, applied by us, by kubectl and by kubernetes.core, on a real API server and etcd.

Run it on a quiet machine: ``python -m tests.benchmark.apply.measure [--objects 500] [--loop 50]``.
It is not a part of ``make test``. Times are those of the whole task, as a playbook's user sees it (Ansible's
start of the module included, that of ansible-playbook not); etcd writes to the disk as in production.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.module import binaries
from tests.module.control_plane import ControlPlane
from tests.module.samples import config_map, deployment

ROOT = Path(__file__).parents[3]
Objects = list[dict[str, Any]]


def sample(count: int, namespace: str) -> Objects:
    """Half configuration, half workloads, in the proportions of a platform of services."""
    found: Objects = []
    number = 0
    while len(found) < count:
        name = f"service-{number:03}"
        resources = {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "500m", "memory": "512Mi"},
        }
        ports = [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
        rules = [{"ports": [{"port": "http"}], "from": [{"podSelector": {"matchLabels": {"app": "edge"}}}]}]
        group = [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}},
            config_map(name, SERVICE_NAME=name, TZ="Africa/Khartoum", LANG="ar_SD.UTF-8"),
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"password": "eA=="}},
            deployment(
                name, 3, resources=resources, ports=ports, env=[{"name": "ZONE", "value": "khartoum"}]
            ),
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name},
                "spec": {
                    "selector": {"app": name},
                    "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
                },
            },
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": name},
                "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": name}}},
            },
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": name},
                "spec": {
                    "podSelector": {"matchLabels": {"app": name}},
                    "policyTypes": ["Ingress"],
                    "ingress": rules,
                },
            },
        ]
        found += group
        number += 1
    return [{**obj, "metadata": {**obj["metadata"], "namespace": namespace}} for obj in found[:count]]


class Bench:
    """Runs each way in a namespace of its own."""

    def __init__(self, plane: ControlPlane, count: int) -> None:
        self.plane = plane
        self.count = count
        self.inside: list[float] = []
        (plane.directory / "ansible.cfg").write_text("[defaults]\n")

    def objects(self, namespace: str) -> Objects:
        self.plane.kubectl("create", "namespace", namespace)
        return sample(self.count, namespace)

    def task(self, task: dict[str, Any], data: Objects) -> float:
        """Seconds of one task of a playbook; ``data`` is the variable ``objects``."""
        variables, playbook = self.plane.directory / "objects.json", self.plane.directory / "playbook.yml"
        variables.write_text(json.dumps({"objects": data}))
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars_files": [str(variables)],
            "vars": {"ansible_python_interpreter": sys.executable},
            "tasks": [{"name": "Apply", **task}],
        }
        playbook.write_text(yaml.safe_dump([play]))
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(playbook)],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(self.plane.directory / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            },
        )
        if done.returncode:
            raise RuntimeError(f"{task}: {done.stdout[-1500:]} {done.stderr[-500:]}")
        answer = json.loads(done.stdout[done.stdout.index("{") :])
        result = answer["plays"][0]["tasks"][0]
        self.inside.append(result["hosts"]["localhost"].get("seconds", 0.0))
        duration = result["task"]["duration"]
        return seconds(duration["end"]) - seconds(duration["start"])

    def ours(self, objects: Objects) -> float:
        arguments = {
            "kubeconfig": str(self.plane.kubeconfig),
            "name": "benchmark",
            "objects": "{{ objects }}",
        }
        arguments["namespace"] = objects[0]["metadata"]["namespace"]
        return self.task({"nilecare.platform.apply": arguments}, objects)

    def kubectl(self, objects: Objects) -> float:
        file = self.plane.directory / "objects.yaml"
        file.write_text(yaml.safe_dump_all(objects))
        began = time.monotonic()
        self.plane.kubectl("apply", "--server-side", "-f", str(file), timeout=600)
        return time.monotonic() - began

    def core(self, objects: Objects) -> float:
        arguments = {"kubeconfig": str(self.plane.kubeconfig), "definition": "{{ objects }}", "apply": True}
        return self.task({"kubernetes.core.k8s": arguments}, objects)

    def core_loop(self, objects: Objects) -> float:
        arguments = {"kubeconfig": str(self.plane.kubeconfig), "definition": "{{ item }}", "apply": True}
        label = {"label": "{{ item.metadata.name }}"}
        task = {"kubernetes.core.k8s": arguments, "loop": "{{ objects }}", "loop_control": label}
        return self.task(task, objects)


def seconds(stamp: str) -> float:
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--loop", type=int, default=50, help="objects of the loop; 0 leaves it out")
    options = parser.parse_args()
    os.environ["NILECARE_TEST_FSYNC"] = "1"
    directory = Path(tempfile.mkdtemp(prefix="nilecare-benchmark-"))
    plane = ControlPlane(directory, binaries.find())
    try:
        plane.start()
        bench = Bench(plane, options.objects)
        ways: list[tuple[str, Callable[[Objects], float], int]] = [
            ("nilecare.platform.apply", bench.ours, options.objects),
            ("kubectl apply --server-side", bench.kubectl, options.objects),
            ("kubernetes.core.k8s, list", bench.core, options.objects),
            ("kubernetes.core.k8s, loop", bench.core_loop, options.loop),
        ]
        report(bench, [way for way in ways if way[2]])
    finally:
        plane.stop()
        shutil.rmtree(directory, ignore_errors=True)


def report(bench: Bench, ways: list[tuple[str, Callable[[Objects], float], int]]) -> None:
    row = "{:<30} {:>8} {:>10} {:>12} {:>8} {:>10} {:>8}"
    sys.stdout.write(row.format("", "objects", "first s", "ms/object", "times", "second s", "times") + "\n")
    base: tuple[float, float] | None = None
    for number, (title, way, count) in enumerate(ways):
        objects = bench.objects(f"way-{number}")[:count]
        first, second = way(objects) / count, way(objects) / count
        base = base or (first, second)
        cells = (f"{first * count:.2f}", f"{first * 1000:.1f}", f"{first / base[0]:.1f}")
        again = (f"{second * count:.2f}", f"{second / base[1]:.1f}")
        sys.stdout.write(row.format(title, count, *cells, *again) + "\n")
        if number == 0:
            inside = ", ".join(f"{value:.2f} s" for value in bench.inside)
            text = f"  of which in the module: {inside}; the rest is Ansible's"
            sys.stdout.write(text + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
