#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: service_spread
short_description: Pods of services back in every site
description:
  - After a site or a node was away, pods stand where they found room, and nothing moves them back. This
    module evicts one pod after the other from the fullest site of each service, until its pods stand as
    evenly as the sites allow. A pod goes when its service's disruption budget lets it, and the next one when
    the successor serves.
  - Nothing is moved where the emptier site has no room, or where a service is not complete.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
options:
  kubeconfig:
    description: Path of the kubeconfig file.
    type: path
    required: true
  labels:
    description: Which Deployments are meant, as a label selector.
    type: str
    default: app.kubernetes.io/part-of=nilecare
  deadline:
    description: Seconds for one move, until the successor of a pod serves.
    type: int
    default: 180
attributes:
  check_mode:
    description: Says which pod of each service would be moved first.
    support: full
  diff_mode:
    description: Shows the pods a site before and after.
    support: full
  platform:
    description: Runs on the controller.
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Bring pods back into every site
  nilecare.platform.service_spread:
    kubeconfig: ~/.local/state/nilecare/nilecare/kubeconfig
"""

RETURN = r"""
moved:
  description: The moved pods, with where from and where to.
  type: list
  elements: str
  returned: always
services:
  description: Pods a site before and after, of each Deployment.
  type: dict
  returned: always
  sample: {"clinical/ehr-service": {"before": {"bahri": 2}, "after": {"bahri": 1, "khartoum": 1}}}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import KubernetesError
from ansible_collections.nilecare.platform.plugins.module_utils.services.spread import Spread, rebalance


def show(counts: dict[str, int]) -> str:
    """Pods a site, in words."""
    return ", ".join(f"{zone} {number}" for zone, number in sorted(counts.items()))


def difference(spreads: list[Spread], side: str) -> str:
    """One side of the diff: a line for each Deployment whose pods were moved."""
    return "".join(f"{spread.name}: {show(getattr(spread, side))}\n" for spread in spreads if spread.moved)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "labels": {"type": "str", "default": "app.kubernetes.io/part-of=nilecare"},
            "deadline": {"type": "int", "default": 180},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        with Client.from_kubeconfig(params["kubeconfig"]) as client:
            spreads = rebalance(client, params["labels"], params["deadline"], module.check_mode)
    except KubernetesError as error:
        module.fail_json(msg=str(error))
    values = {
        "changed": any(spread.moved for spread in spreads),
        "moved": [f"{spread.name}: {moved}" for spread in spreads for moved in spread.moved],
        "services": {spread.name: {"before": spread.before, "after": spread.after} for spread in spreads},
    }
    if module._diff and values["changed"] and not module.check_mode:
        values["diff"] = {"before": difference(spreads, "before"), "after": difference(spreads, "after")}
    trouble = [f"{spread.name}: {spread.trouble}" for spread in spreads if spread.trouble]
    if trouble:
        module.fail_json(msg="\n".join(["Not every service stands in every site:", *trouble]), **values)
    module.exit_json(**values)


if __name__ == "__main__":
    main()
