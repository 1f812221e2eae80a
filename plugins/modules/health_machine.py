#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: health_machine
short_description: Read what a machine knows of its own health
version_added: 0.1.0
description:
  - Reads the state of units, the days that certificates are still valid, the answers of addresses, the
    clock's distance from a time server, and the state of the etcd member on this machine.
  - It judges nothing and changes nothing. M(nilecare.platform.health) judges.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: The same as without, for nothing is changed.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  platform:
    description: The platforms it runs on.
    support: full
    platforms: posix
options:
  units:
    description: Names of systemd units.
    type: list
    elements: str
    default: []
  certificates:
    description:
      - Paths of certificates (PEM) and of kubeconfig files with a client certificate in them. May hold C(*).
    type: list
    elements: str
    default: []
  urls:
    description: Addresses that must answer.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Area under which the answer is judged.
        type: str
      url:
        description: The address, https or http.
        type: str
        required: true
      authority:
        description: Path of the CA certificate on the machine. Without it the system's are trusted.
        type: path
  time_server:
    description: Name or address of a time server. Empty, the clock is not read.
    type: str
    default: ''
  etcd_endpoint:
    description: Address of the etcd member on this machine. Empty where there is none.
    type: str
    default: ''
  etcd_certificates:
    description: Folder with kubeadm's certificates of etcd.
    type: path
    default: /etc/kubernetes/pki/etcd
  timeout:
    description: Seconds that one question may take. All are asked side by side.
    type: float
    default: 5.0
"""

EXAMPLES = r"""
- name: Read the machine's health
  nilecare.platform.health_machine:
    units: [kubelet, containerd]
    certificates: [/var/lib/kubelet/pki/kubelet-client-current.pem]
    urls:
      - name: mirror
        url: https://mirror.nilecare.internal:5000/v2/
    time_server: mirror.nilecare.internal
  register: health_machine
"""

RETURN = r"""
units:
  description: State of each unit, as systemd says it.
  returned: always
  type: dict
certificates:
  description: For each file C(path), and C(days) left or C(error).
  returned: always
  type: list
  elements: dict
urls:
  description: For each address C(name), C(url), C(ok), C(seconds), and C(status) or C(error).
  returned: always
  type: list
  elements: dict
clock:
  description: The C(server), and the C(offset) in seconds (server minus machine) or C(error).
  returned: always
  type: dict
etcd:
  description: C(id), C(leader), C(version), C(size) (bytes), C(errors), C(members), C(learners); or C(error).
  returned: always
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.health import machine


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "default": []},
            "certificates": {"type": "list", "elements": "str", "default": []},
            "urls": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str"},
                    "url": {"type": "str", "required": True},
                    "authority": {"type": "path"},
                },
            },
            "time_server": {"type": "str", "default": ""},
            "etcd_endpoint": {"type": "str", "default": ""},
            "etcd_certificates": {"type": "path", "default": "/etc/kubernetes/pki/etcd"},
            "timeout": {"type": "float", "default": 5.0},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, **machine.observe(module.params))


if __name__ == "__main__":
    main()
