#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tell about the machines of labs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_info
short_description: The labs of this host
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Lists the machines of one lab, or of all labs of this host, and what they use. Changes nothing.
attributes:
  check_mode:
    description: Says what would change and changes nothing.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
  platform:
    description: Runs on the host that carries the lab.
    support: full
    platforms: Debian
options:
  name:
    description: Name of the lab. Default is all labs.
    type: str
"""

EXAMPLES = r"""
- name: Ask for the state of all labs
  nilecare.platform.lab_info:
  become: true
  register: labs
"""

RETURN = r"""
labs:
  description: Labs by name; each has its machines by name.
  type: dict
  returned: success
  sample: {lab: {mirror-1: {address: 10.77.0.10, status: running}}}
summary:
  description: A line for each machine.
  type: list
  elements: str
  returned: success
  sample: ["lab mirror-1 10.77.0.10 running"]
disk_gib:
  description: Disk that all labs of this host use, in GiB, without the cache of images.
  type: float
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.lab import process
from ansible_collections.nilecare.platform.plugins.module_utils.lab.machines import found_machine
from ansible_collections.nilecare.platform.plugins.module_utils.lab.podman import (
    LAB_LABEL,
    Paths,
    Podman,
    network_name,
)


def main() -> None:
    """List labs."""
    module = AnsibleModule(argument_spec={"name": {"type": "str"}}, supports_check_mode=True)
    paths = Paths()
    labs: dict = {}
    for entry in Podman(paths).containers(module.params["name"]):
        lab = entry["Labels"][LAB_LABEL]
        machine = found_machine(entry, network_name(lab) + "-")
        labs.setdefault(lab, {})[machine.name] = {"address": machine.address, "status": machine.status}
    summary = [
        f"{lab} {name} {machine['address']} {machine['status']}"
        for lab, machines in sorted(labs.items())
        for name, machine in sorted(machines.items())
    ]
    module.exit_json(changed=False, labs=labs, summary=summary, disk_gib=disk(paths))


def disk(paths: Paths) -> float:
    """Return the GiB that the labs use on disk."""
    if not paths.root.exists():
        return 0.0
    size = process.output("du", "--summarize", "--one-file-system", "--block-size=1M", str(paths.root))
    return round(int(size.split()[0]) / 1024, 1)


if __name__ == "__main__":
    main()
