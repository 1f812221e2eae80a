#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: image_claim
short_description: Have it signed that an image passed a stage
description:
  - Puts a signed claim beside the image, once. M(nilecare.platform.image_admission) asks for it by
    O(nilecare.platform.image_admission#module:stages).
version_added: 0.1.0
author: NileCare platform team (@nilecare)
extends_documentation_fragment: [nilecare.platform.image_tools]
options:
  image:
    description: Repository, with the registry, without a tag.
    type: str
    required: true
  digest:
    description: Which image.
    type: str
    required: true
  stage:
    description: Name of the stage, as in V(staging).
    type: str
    required: true
  content:
    description: What else is claimed.
    type: dict
    default: {}
  key:
    description: Private key as C(cosign generate-key-pair) writes it.
    type: str
    required: true
  password:
    description: Password of the private key.
    type: str
    default: ''
  public_key:
    description: Public key (PEM) of O(key).
    type: str
    required: true
attributes:
  check_mode:
    description: Says whether the claim would be made.
    support: full
  diff_mode:
    description: Has nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: Sign that it passed staging
  nilecare.platform.image_claim:
    tools: "{{ bundle_directory }}/bin"
    image: 10.30.0.10:5000/registry.nilecare.internal/ehr
    digest: "{{ admitted.digest }}"
    stage: staging
    key: "{{ vault_pipeline_key }}"
    password: "{{ vault_pipeline_password }}"
    public_key: "{{ pipeline_stage_key }}"
  delegate_to: localhost
"""

RETURN = r"""
claims:
  description: What is claimed of this stage.
  returned: always
  type: list
  elements: dict
"""

from ansible_collections.nilecare.platform.plugins.module_utils.pipeline import evidence
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.module import PipelineModule
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.tools import PipelineError


def main() -> None:
    """Run the module."""
    module = PipelineModule(
        {
            "image": {"type": "str", "required": True},
            "digest": {"type": "str", "required": True},
            "stage": {"type": "str", "required": True},
            "content": {"type": "dict", "default": {}},
            "key": {"type": "str", "required": True, "no_log": True},
            "password": {"type": "str", "default": "", "no_log": True},
            "public_key": {"type": "str", "required": True, "no_log": False},
        }
    )
    asked = module.params
    image = f"{asked['image']}@{asked['digest']}"
    kind = evidence.stage_type(asked["stage"])
    changed = False
    with module.tools() as run:
        try:
            found = evidence.claims(run, image, kind, asked["public_key"])
        except PipelineError:  # there is none yet, or the registry says below why it cannot be asked
            changed, found = True, [asked["content"]]
            if not module.check_mode:
                evidence.claim(run, image, kind, asked["content"], asked["key"], asked["password"])
                found = evidence.claims(run, image, kind, asked["public_key"])
    module.exit_json(changed=changed, claims=found)


if __name__ == "__main__":
    main()
