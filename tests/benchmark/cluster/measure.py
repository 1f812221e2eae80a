"""A cluster made by site.yml against the same cluster made by hand with kubeadm, on the same machines.

``python -m tests.benchmark.cluster.measure [--nodes 6]... [--keep]``; not a part of ``make test``.

Both begin with booted bare machines and a mirror that serves the bundle, and end when all nodes and pods are
Ready. The machines are made anew between them. What site.yml does beyond (checks of inventory and bundle,
encryption at rest, audit, highly available endpoint, signed serving certificates, labels) is in its time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
LAB = {"NILECARE_LAB_NAME": "bench", "NILECARE_LAB_NETWORK": "10.74.0.0/16"}
WITHOUT_SERVICES = ["--skip-tags", "mirror,autoscaling,services,edge"]


class Bench:
    """A lab of one size."""

    def __init__(self, nodes: int) -> None:
        self.environment = os.environ | LAB | {"NILECARE_LAB_NODES": str(nodes)}
        self.state = Path.home() / ".local/state/nilecare" / LAB["NILECARE_LAB_NAME"]

    def command(self, *words: str) -> str:
        """Run a program of the virtualenv; its output."""
        program = Path(sys.executable).with_name(words[0])
        done = subprocess.run(
            [str(program), "-i", "inventories/lab", *words[1:]],
            cwd=ROOT,
            env=self.environment,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
        return done.stdout

    def play(self, name: str, *arguments: str) -> float:
        """Seconds that a playbook takes."""
        began = time.monotonic()
        self.command("ansible-playbook", f"playbooks/{name}.yml", *arguments)
        return time.monotonic() - began

    def machines(self) -> None:
        """Bare machines, and a mirror that serves."""
        self.play("lab", "-e", "lab_state=absent")
        self.play("lab")
        self.play("mirror")

    def by_hand(self) -> float:
        """Seconds that the script takes."""
        hosts = json.loads(self.command("ansible-inventory", "--list"))
        variables: dict[str, Any] = hosts["_meta"]["hostvars"]
        control_planes = hosts["control_plane"]["hosts"]
        names = control_planes + [n for n in hosts["workers"]["hosts"] if n not in control_planes]
        nodes = [
            f"{name}={variables[name]['ansible_host']}" + (":control_plane" if name in control_planes else "")
            for name in names
        ]
        some = variables[names[0]]
        ssh = f"ssh -q -i {some['ansible_ssh_private_key_file']} {some['ansible_ssh_common_args']}"
        mirror = variables[hosts["mirror"]["hosts"][0]]["ansible_host"]
        began = time.monotonic()
        command = [str(HERE / "by_hand.sh"), mirror, str(self.state / "ca/ca.crt"), ssh, *nodes]
        subprocess.run(command, check=True)
        return time.monotonic() - began


def measure(nodes: int, keep: bool) -> dict[str, float]:
    """Seconds of the script, of site.yml, and of site.yml once more."""
    bench = Bench(nodes)
    figures: dict[str, float] = {"nodes": nodes}
    try:
        bench.machines()
        figures["by_hand"] = bench.by_hand()
        print(f"{nodes} nodes by hand: {figures['by_hand']:.0f} s", flush=True)
        bench.machines()
        figures["site"] = bench.play("site", *WITHOUT_SERVICES)
        print(f"{nodes} nodes by site.yml: {figures['site']:.0f} s", flush=True)
        figures["second"] = bench.play("site", "--skip-tags", "autoscaling,services,edge")
        print(f"{nodes} nodes, site.yml again: {figures['second']:.0f} s", flush=True)
    finally:
        if not keep:
            bench.play("lab", "-e", "lab_state=absent")
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--nodes", type=int, action="append", choices=[3, 6, 12])
    parser.add_argument("--keep", action="store_true", help="leave the last lab running")
    asked = parser.parse_args()
    found = [measure(nodes, asked.keep) for nodes in asked.nodes or [6]]
    print(f"\nload {os.getloadavg()[0]:.1f}\nnodes    by hand   site.yml   ratio     again")
    for one in found:
        hand, site, second = one["by_hand"], one["site"], one["second"]
        print(f"{one['nodes']:>5} {hand:>8.0f} s {site:>8.0f} s {site / hand:>7.2f} {second:>7.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
