#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: machine_facts
short_description: Measure a machine before anything is changed on it
description:
  - Gathers in one task all that preflight judges, so that no play needs to gather facts.
  - A machine that cannot be reached, has no Python or gives no root is no failure here. It is a fact,
    which M(nilecare.platform.preflight) judges together with those of all other machines.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
options:
  disk_path:
    description: The free disk space of the file system that holds this path is measured.
    type: path
    default: /var/lib
  expected:
    description:
      - What this machine will be held to. Returned as it is, so that the judge sees it beside the facts.
      - The TCP ports listed in its key C(ports) are looked at.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Can run in check mode and return what it would return otherwise.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is ever changed.
  platform:
    description: Systems it runs on.
    support: full
    platforms: posix
  facts:
    description: Returns facts that are added to the host.
    support: full
"""

EXAMPLES = r"""
- name: Measure every machine
  nilecare.platform.machine_facts:
    expected:
      memory: 3800
      cpus: 2
      ports: [{port: 6443, owner: kube-apiserver, groups: [control_plane]}]
"""

RETURN = r"""
ansible_facts:
  description:
    - The facts below, and, for a machine that answered, the usual C(distribution), C(distribution_version),
      C(distribution_major_version), C(distribution_release), C(os_family), C(architecture), C(hostname),
      C(memtotal_mb), C(processor_vcpus), C(service_mgr), C(pkg_mgr).
  returned: always
  type: dict
  contains:
    preflight_machine:
      description: What was measured.
      returned: always
      type: dict
      contains:
        reachable:
          description: Whether a connection could be made. If not, only RV(ignore:error) is there too.
          type: bool
          returned: always
        error:
          description: Why nothing could be measured; empty when all is well.
          type: str
          returned: always
        fault:
          description: What a reachable machine that could not be measured lacks, V(python) or V(become).
          type: str
          returned: when nothing could be measured
        root:
          description: Whether the module ran as root.
          type: bool
          returned: success
        distribution:
          description: C(ID) of os-release.
          type: str
          returned: success
          sample: debian
        version:
          description: C(VERSION_ID) of os-release.
          type: str
          returned: success
          sample: "12"
        codename:
          description: C(VERSION_CODENAME) of os-release.
          type: str
          returned: success
          sample: bookworm
        architecture:
          description: The machine's architecture as the kernel names it.
          type: str
          returned: success
          sample: x86_64
        machine_id:
          description: The content of C(/etc/machine-id).
          type: str
          returned: success
        memory:
          description: Main memory in MiB.
          type: int
          returned: success
        cpus:
          description: Number of CPUs that may be used.
          type: int
          returned: success
        disk_path:
          description: The path whose file system was measured.
          type: str
          returned: success
        disk_free:
          description: Free space of that file system in GiB.
          type: float
          returned: success
        clock:
          description:
            - Bounds C(low) and C(high), in seconds, of how far the clock is ahead of the controller's.
            - The true offset lies between them; they are as far apart as question and answer took.
          type: dict
          returned: success
        listeners:
          description: Sockets on the expected ports; dicts with C(address), C(port), C(process), C(pid).
          type: list
          elements: dict
          returned: success
        membership:
          description:
            - C(ca) (SHA-256 of the cluster CA's certificate, hexadecimal), C(cluster) (its name, on control
              planes), C(api_server) and C(kubelet) (versions). Each is empty when it is not there.
          type: dict
          returned: success
        expected:
          description: The option O(expected).
          type: dict
          returned: always
"""

import os
import platform
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.machine import membership, ports, system


def main() -> None:
    started = time.time()
    module = AnsibleModule(
        argument_spec={
            "disk_path": {"type": "path", "default": "/var/lib"},
            "expected": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )

    def kubelet_version() -> str:
        path = module.get_bin_path("kubelet", opt_dirs=["/usr/local/bin"])
        if not path:
            return ""
        return str(module.run_command([path, "--version"])[1]).rpartition(" v")[2].strip()

    root = Path("/")
    expected = module.params["expected"]
    facts = system.describe(root, module.params["disk_path"])
    usual = system.usual_facts(facts, platform.node())
    facts.update(
        reachable=True,
        error="",
        root=os.geteuid() == 0,
        listeners=ports.listeners(root / "proc", {int(port["port"]) for port in expected.get("ports", ())}),
        membership=membership.membership(root, kubelet_version),
        expected=expected,
    )
    # The action plugin turns the two times into the offset from the controller's clock.
    facts["clock"] = {"started": started, "ended": time.time()}
    module.exit_json(changed=False, ansible_facts={"preflight_machine": facts, **usual})


if __name__ == "__main__":
    main()
