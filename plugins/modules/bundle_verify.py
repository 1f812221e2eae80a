#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: bundle_verify
short_description: Checks every item of a bundle and names each bad one
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Compares every file of a bundle with its manifest, and every image down to its last layer.
  - Fails when an item is missing, truncated or altered, and names all of them, with what was expected.
options:
  directory:
    description: Folder of the bundle.
    type: path
    required: true
  required:
    description: Names of items that must be in the bundle.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
  platform:
    description: Target systems.
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Verify the bundle
  nilecare.platform.bundle_verify:
    directory: "{{ bundle_directory }}"
    required: [kubeadm, kubelet]
"""

RETURN = r"""
item_count:
  description: Number of items that were checked.
  type: int
  returned: always
problems:
  description: Bad items, each with what is wrong with it.
  type: list
  elements: dict
  returned: always
  contains:
    item:
      description: Kind and name of the item.
      type: str
    problem:
      description: Missing, truncated or altered, with what was found and expected.
      type: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.errors import BundleError
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.manifest import Problem, read, verify


def main() -> None:
    """Check a bundle."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "required": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    directory = Path(module.params["directory"])
    try:
        items = read(directory).items
    except BundleError as error:
        module.fail_json(msg=str(error), item_count=0, problems=[])
    names = {item.name for item in items}
    problems = [
        Problem(name, "missing: it is not listed in the bundle's manifest.json")
        for name in module.params["required"]
        if name not in names
    ]
    problems += verify(directory, items)
    result = {
        "item_count": len(items),
        "problems": [{"item": p.item, "problem": p.problem} for p in problems],
    }
    if problems:
        lines = "\n  - ".join(str(problem) for problem in problems)
        module.fail_json(
            msg=f"the bundle in {directory} has {len(problems)} bad items; make it again with "
            f"playbooks/bundle.yml:\n  - {lines}",
            **result,
        )
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
