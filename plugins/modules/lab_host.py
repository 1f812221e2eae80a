#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Prepare a host for labs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_host
short_description: Prepare this host for labs
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Checks that this host can carry a lab, programs, free memory, free disk and networks, before anything
    is changed, and reports everything that is missing at once.
  - Gives podman settings and a storage of its own for labs, below C(/var/lib/nilecare-lab). Containers,
    images and settings of other users of podman are not touched.
  - Raises, until the host is started anew, the limits of the kernel that all machines share.
attributes:
  check_mode:
    description: Says what would change and changes nothing.
    support: full
  diff_mode:
    description: Shows the limits of the kernel and the files that change.
    support: full
  platform:
    description: Runs on the host that carries the lab.
    support: full
    platforms: Debian
options:
  name:
    description: Name of the lab.
    type: str
    required: true
  network:
    description: Network of the lab in CIDR form.
    type: str
    required: true
  machines:
    description: Names of all machines of the lab. What exists already needs nothing more.
    type: list
    elements: str
    required: true
  memory_each:
    description: Memory that a machine needs, in GiB.
    type: float
    required: true
  disk_each:
    description: Disk that a machine needs, in GiB.
    type: float
    required: true
  disk_base:
    description: Disk that the machines need together besides, in GiB.
    type: float
    required: true
"""

EXAMPLES = r"""
- name: Prepare this host for a lab
  nilecare.platform.lab_host:
    name: lab
    network: 10.77.0.0/16
    machines: [mirror-1, khartoum-1]
    memory_each: 1
    disk_each: 2
    disk_base: 3
  become: true
"""

RETURN = r"""
runtime:
  description: The OCI runtime that the machines use.
  type: str
  returned: success
  sample: runc
kernel_modules:
  description: Whether this host has a folder of kernel modules, which the machines then see.
  type: bool
  returned: success
cgroup_version:
  description: 1 or 2.
  type: int
  returned: success
new_machines:
  description: How many machines memory and disk were checked for.
  type: int
  returned: success
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.lab import host, podman, requirements
from ansible_collections.nilecare.platform.plugins.module_utils.lab.machines import Machines, Settings


def main() -> None:
    """Check and prepare this host."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "network": {"type": "str", "required": True},
            "machines": {"type": "list", "elements": "str", "required": True},
            "memory_each": {"type": "float", "required": True},
            "disk_each": {"type": "float", "required": True},
            "disk_base": {"type": "float", "required": True},
        },
        supports_check_mode=True,
    )
    paths = podman.Paths()
    here = host.detect()
    problems = here.problems()
    new = 0
    if not problems:
        new, problems = shortages(module.params, paths)
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        module.fail_json(
            msg=f"This host cannot carry the lab {module.params['name']}:{lines}\nNothing was changed."
        )

    files = wished_files(here, paths)
    stale = [
        path for path, (_mode, content) in files.items() if not path.exists() or path.read_text() != content
    ]
    kernel = here.kernel_changes()
    before = {**{str(path): "" for path in stale}, **{name: here.kernel[name] for name in kernel}}
    after = {**{str(path): files[path][1] for path in stale}, **kernel}
    if not module.check_mode:
        for path in stale:
            write(path, *files[path])
        for name, value in kernel.items():
            host.write_sysctl(name, value)
    module.exit_json(
        changed=bool(stale or kernel),
        diff={"before": as_text(before), "after": as_text(after)},
        runtime=here.runtime,
        cgroup_version=here.cgroup_version,
        kernel_modules=here.kernel_modules,
        new_machines=new,
    )


def shortages(params: dict, paths: podman.Paths) -> tuple[int, list[str]]:
    """Return how many machines are still to be made or switched on, and what is missing for them."""
    found = Machines(podman.Podman(paths), Settings(params["name"])).find()
    absent = [name for name in params["machines"] if name not in found]
    idle = [name for name in params["machines"] if name not in found or not found[name].running]
    sizes = (params["memory_each"], params["disk_each"], params["disk_base"])
    wanted = requirements.Need(
        memory=requirements.need(len(idle), *sizes).memory, disk=requirements.need(len(absent), *sizes).disk
    )
    bridge = podman.bridge_name(params["name"])
    problems = requirements.overlaps(params["network"], host.host_networks(), bridge)
    problems += requirements.shortages(
        wanted, host.available_memory(), host.available_disk(paths.root), len(idle), str(paths.root)
    )
    return len(idle), problems


def wished_files(here: host.Host, paths: podman.Paths) -> dict[Path, tuple[int, str]]:
    """Return mode and content of every file that podman for labs needs."""
    return {
        paths.containers_conf: (0o644, podman.containers_conf(here, paths)),
        paths.storage_conf: (0o644, podman.storage_conf(paths)),
        paths.wrapper: (0o755, podman.wrapper(paths)),
    }


def write(path: Path, mode: int, content: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(content)
    temporary.chmod(mode)
    temporary.replace(path)


def as_text(values: dict) -> str:
    """Render values for a diff."""
    return "".join(f"{name}: {value}\n" for name, value in values.items())


if __name__ == "__main__":
    main()
