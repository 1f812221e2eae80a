#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: image_copy
short_description: Have an image in a registry, with all that is signed about it
description:
  - Copies the image, and then what is signed about it, where the target lacks it; the tag comes last.
  - A tag always means the same image. One that means another image in the target is an error.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
extends_documentation_fragment: [nilecare.platform.image_tools]
options:
  source:
    description: Repository that it comes from, with the registry, without a tag.
    type: str
    required: true
  digest:
    description: Which image, as M(nilecare.platform.image_admission) returned it.
    type: str
    required: true
  target:
    description: Repository that it goes to, with the registry.
    type: str
    required: true
  tag:
    description: Its tag there.
    type: str
    required: true
attributes:
  check_mode:
    description: Asks both registries and says what would be copied.
    support: full
  diff_mode:
    description: Has nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: Have the image in the mirror
  nilecare.platform.image_copy:
    tools: "{{ bundle_directory }}/bin"
    source: registry.ci.nilecare.internal/nilecare/ehr
    digest: "{{ admitted.digest }}"
    target: 10.30.0.10:5000/registry.nilecare.internal/ehr
    tag: 2.1.0
    authorities: ["{{ cluster_state_directory }}/ca/ca.crt"]
  delegate_to: localhost
"""

RETURN = r"""
copied:
  description: What was copied, or would be, by its place in the target.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.nilecare.platform.plugins.module_utils.pipeline import images
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.module import PipelineModule


def main() -> None:
    """Run the module."""
    module = PipelineModule(
        {
            "source": {"type": "str", "required": True},
            "digest": {"type": "str", "required": True},
            "target": {"type": "str", "required": True},
            "tag": {"type": "str", "required": True},
        }
    )
    asked = module.params
    with module.tools() as run:
        copies = images.missing_copies(run, asked["source"], asked["digest"], asked["target"], asked["tag"])
        if not module.check_mode:
            images.copy(run, copies)
    module.exit_json(changed=bool(copies), copied=[target for _source, target in copies])


if __name__ == "__main__":
    main()
