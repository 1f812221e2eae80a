#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Make, switch and remove the machines of a lab."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_machines
short_description: The machines of a lab
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Makes the machines of one lab, with their network, and waits until they can be logged in to.
  - A machine is a privileged container that runs systemd. It has its own SSH host key, which stays the
    same while the machine exists.
  - The network has no route out. Machines reach each other and the address of this host's bridge.
  - Machines of other labs, and other containers of this host, are not touched.
attributes:
  check_mode:
    description: Says what would change and changes nothing.
    support: full
  diff_mode:
    description: Shows the state of each machine before and after.
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
  state:
    description:
      - V(present) makes what is missing and switches on what is off.
      - V(absent) removes machines, network and everything that the machines stored.
      - V(powered_off) switches off as a power cut does, V(powered_on) switches on again.
    type: str
    choices: [present, absent, powered_off, powered_on]
    default: present
  machines:
    description: Address of each machine of the lab by its name. Required with O(state=present).
    type: dict
    default: {}
  only:
    description: With O(state=powered_off) and O(state=powered_on), the machines to switch. Default is all.
    type: list
    elements: str
    default: []
  network:
    description: Network of the lab in CIDR form. Required with O(state=present).
    type: str
  gateway:
    description: Address of this host in that network. Required with O(state=present).
    type: str
  image:
    description: Image that new machines start from. Required with O(state=present).
    type: str
  operator_key:
    description: Public SSH key of who may log in. Required with O(state=present).
    type: str
  kernel_modules:
    description: Whether new machines see the kernel modules of this host.
    type: bool
    default: false
  prune:
    description: With O(state=present), remove machines of this lab that are not in O(machines).
    type: bool
    default: false
  control_directory:
    description:
      - Directory of kept SSH connections. Those to machines that were switched off or removed would
        hang, so all of them are removed then.
    type: path
  timeout:
    description: How long the machines may take to boot, in seconds.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Bring up a lab of one machine
  nilecare.platform.lab_machines:
    name: lab
    network: 10.77.0.0/16
    gateway: 10.77.0.1
    machines: {mirror-1: 10.77.0.10}
    image: localhost/nilecare/lab-machine:0123456789abcdef
    operator_key: "{{ lookup('ansible.builtin.file', 'id_ed25519.pub') }}"
  become: true

- name: Cut the power of one machine
  nilecare.platform.lab_machines:
    name: lab
    state: powered_off
    only: [mirror-1]
  become: true
"""

RETURN = r"""
machines:
  description: The lab's machines by name. In check mode, as they were found.
  type: dict
  returned: success
  contains:
    address:
      description: IPv4 address.
      type: str
    status:
      description: V(running), or another state of its container.
      type: str
    host_key:
      description: Public SSH host key.
      type: str
    container:
      description: Name of its container.
      type: str
actions:
  description: What was done, or would be done in check mode, as C(verb name).
  type: list
  elements: str
  returned: success
  sample: [create mirror-1]
boot_seconds:
  description: Seconds from the start of all new machines until each of them was ready, by name.
  type: dict
  returned: success
failed_units:
  description: Units that failed while a machine booted, by its name. Empty when all is well.
  type: dict
  returned: success
surplus:
  description: Machines of this lab that are not in O(machines).
  type: list
  elements: str
  returned: success
"""

import contextlib
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.lab.machines import (
    MachineError,
    Machines,
    Settings,
)
from ansible_collections.nilecare.platform.plugins.module_utils.lab.plan import (
    Action,
    Found,
    PlanError,
    plan_absent,
    plan_power,
    plan_present,
)
from ansible_collections.nilecare.platform.plugins.module_utils.lab.podman import (
    Paths,
    Podman,
    PodmanError,
    container_name,
)


def main() -> None:
    """Bring the machines of a lab to the wished state."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["present", "absent", "powered_off", "powered_on"],
                "default": "present",
            },
            "machines": {"type": "dict", "default": {}},
            "only": {"type": "list", "elements": "str", "default": []},
            "network": {"type": "str"},
            "gateway": {"type": "str"},
            "image": {"type": "str"},
            "operator_key": {"type": "str", "no_log": False},
            "kernel_modules": {"type": "bool", "default": False},
            "prune": {"type": "bool", "default": False},
            "control_directory": {"type": "path"},
            "timeout": {"type": "int", "default": 120},
        },
        required_if=[("state", "present", ("machines", "network", "gateway", "image", "operator_key"))],
        supports_check_mode=True,
    )
    lab = module.params["name"]
    try:
        result = bring_about(module)
    except PlanError as error:
        lines = "".join(f"\n  - {problem}" for problem in error.problems)
        module.fail_json(msg=f"The lab {lab} cannot be changed as wished:{lines}\nNothing was changed.")
    except (MachineError, PodmanError, OSError) as error:
        module.fail_json(
            msg=f"The lab {lab} did not come to state {module.params['state']}:\n{error}\n"
            "What was done stays; run the same again, or destroy the lab."
        )
    module.exit_json(**result)


def bring_about(module: AnsibleModule) -> dict:
    """Plan, carry out, wait; return the module's result."""
    params = module.params
    lab = Machines(
        Podman(Paths()),
        Settings(
            lab=params["name"],
            network=params["network"] or "",
            gateway=params["gateway"] or "",
            image=params["image"] or "",
            operator_key=(params["operator_key"] or "").strip(),
            kernel_modules=params["kernel_modules"],
        ),
    )
    before = lab.find()
    actions = plan(params, before, lab.settings.operator_key)
    present = params["state"] == "present"
    network = present and lab.network_drift()
    rest = params["state"] == "absent" and lab.rest
    boots = {}
    after = before
    if not module.check_mode:
        if network:
            lab.write_network()
        lab.carry_out(actions, params["machines"])
        if any(action.verb in ("stop", "remove") for action in actions):
            forget_connections(params["control_directory"])
        if rest:
            lab.remove_rest()
        after = lab.find() if actions else before
        boots = lab.wait(*to_wait_for(params, actions, after), params["timeout"])
    return {
        "changed": bool(actions or network or rest),
        "actions": [f"{action.verb} {action.machine}" for action in actions],
        "machines": {name: describe(params["name"], machine) for name, machine in sorted(after.items())},
        "boot_seconds": {name: boot.seconds for name, boot in boots.items()},
        "failed_units": {name: list(boot.failed_units) for name, boot in boots.items() if boot.failed_units},
        "surplus": sorted(set(after) - set(params["machines"])) if present else [],
        "diff": {
            "before": states(before, "not as wished" if network or rest else ""),
            "after": states(expected(before, actions, params["machines"]), "as wished" if network else ""),
        },
    }


def plan(params: dict, found: dict[str, Found], operator_key: str) -> list[Action]:
    """Choose the plan for the wished state."""
    if params["state"] == "present":
        return plan_present(params["machines"], found, operator_key, params["prune"])
    if params["state"] == "absent":
        return plan_absent(found)
    return plan_power(params["only"] or found, found, on=params["state"] == "powered_on")


def to_wait_for(params: dict, actions: list[Action], found: dict[str, Found]) -> tuple[dict, list[str]]:
    """Return the address of each machine that must answer, and the names of those that boot now."""
    booted = [action.machine for action in actions if action.verb in ("create", "start")]
    names = params["machines"] if params["state"] == "present" else booted
    return {name: found[name].address for name in names}, booted


def expected(before: dict[str, Found], actions: list[Action], addresses: dict[str, str]) -> dict[str, Found]:
    """Return the machines as they are after the actions."""
    after = dict(before)
    for action in actions:
        address = before[action.machine].address if action.machine in before else addresses[action.machine]
        after.pop(action.machine, None)
        if action.verb != "remove":
            status = "exited" if action.verb == "stop" else "running"
            after[action.machine] = Found(action.machine, address, status)
    return after


def states(machines: dict[str, Found], network: str) -> str:
    """Render machines, and the network where there is something to say of it, for a diff."""
    lines = [f"{name} {machine.address} {machine.status}" for name, machine in sorted(machines.items())]
    if network:
        lines.append(f"network {network}")
    return "".join(f"{line}\n" for line in lines)


def describe(lab: str, machine: Found) -> dict:
    """Return a machine as this module returns it."""
    return {
        "address": machine.address,
        "status": machine.status,
        "host_key": machine.host_key,
        "container": container_name(lab, machine.name),
    }


def forget_connections(directory: str | None) -> None:
    """Remove the sockets of kept SSH connections."""
    for path in Path(directory).glob("*") if directory else ():
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


if __name__ == "__main__":
    main()
