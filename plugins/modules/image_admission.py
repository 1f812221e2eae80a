#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: image_admission
short_description: Whether an image may come in
description:
  - Looks up what the image's tag means now, and judges that image, whatever its tag means later. It must be
    signed with the key of those who build, have a signed bill of materials with something on it, have passed
    the stages that are asked for, and a scan must find nothing that is refused.
  - Everything that speaks against it is said at once. An image that is not signed is not unpacked.
  - Uses C(crane), C(cosign) and C(trivy) of the bundle's set V(pipeline). Talks to the image's registry only.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
extends_documentation_fragment: [nilecare.platform.image_tools]
options:
  image:
    description: Repository and tag, with the registry.
    type: str
    required: true
  key:
    description: Public key (PEM) of those who build.
    type: str
    required: true
  stages:
    description: Stages that it must have passed.
    type: list
    elements: str
    default: []
  stage_key:
    description: Public key (PEM) that signs for stages.
    type: str
    default: ''
  severities:
    description: Severities of which a problem is refused.
    type: list
    elements: str
    choices: [CRITICAL, HIGH, MEDIUM, LOW, UNKNOWN]
    default: [CRITICAL, HIGH]
  unfixed:
    description: Whether a vulnerability that nobody has mended yet is refused as well.
    type: bool
    default: false
  accepted:
    description: Problems that somebody answers for.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: Name of the problem, as in V(CVE-2026-1234).
        type: str
        required: true
      reason:
        description: Why it is accepted.
        type: str
        required: true
      until:
        description: Last day on which it is, as in V(2026-12-31).
        type: str
        required: true
  database:
    description: Folder with trivy's list of known vulnerabilities, C(trivy.db) and C(metadata.json).
    type: path
    default: ''
  database_days:
    description: Most days since it was made.
    type: int
    default: 7
  database_required:
    description: Whether an image is refused when there is none, or an old one. Otherwise the result says so.
    type: bool
    default: true
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Has nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: Judge the image
  nilecare.platform.image_admission:
    tools: "{{ bundle_directory }}/bin"
    image: registry.ci.nilecare.internal/nilecare/ehr:2.1.0
    key: "{{ pipeline_public_key }}"
    database: /var/lib/trivy/db
  delegate_to: localhost
  register: admitted
"""

RETURN = r"""
digest:
  description: The image that was judged.
  returned: always
  type: str
refusals:
  description: What speaks against it.
  returned: always
  type: list
  elements: str
uncovered:
  description: What was not looked at, and why.
  returned: always
  type: list
  elements: str
problems:
  description: What the scan found, with C(kind), C(name), C(severity), C(where), C(fixed) and C(title).
  returned: always
  type: list
  elements: dict
nilecare_report:
  description: The section for the report.
  returned: always
  type: dict
"""

import datetime
from dataclasses import asdict

from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.admission import (
    Terms,
    admit,
    section,
)
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.module import PipelineModule
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.scan import (
    SEVERITIES,
    Accepted,
    Policy,
)


def main() -> None:
    """Run the module."""
    module = PipelineModule(
        {
            "image": {"type": "str", "required": True},
            "key": {"type": "str", "required": True, "no_log": False},
            "stages": {"type": "list", "elements": "str", "default": []},
            "stage_key": {"type": "str", "default": "", "no_log": False},
            "severities": {
                "type": "list",
                "elements": "str",
                "choices": list(SEVERITIES),
                "default": ["CRITICAL", "HIGH"],
            },
            "unfixed": {"type": "bool", "default": False},
            "accepted": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "id": {"type": "str", "required": True},
                    "reason": {"type": "str", "required": True},
                    "until": {"type": "str", "required": True},
                },
            },
            "database": {"type": "path", "default": ""},
            "database_days": {"type": "int", "default": 7},
            "database_required": {"type": "bool", "default": True},
        }
    )
    asked = module.params
    with module.tools() as run:
        accepted = tuple(Accepted(**one) for one in asked["accepted"])
        terms = Terms(
            key=asked["key"],
            stages=tuple(asked["stages"]),
            stage_key=asked["stage_key"],
            policy=Policy(tuple(asked["severities"]), asked["unfixed"], accepted),
            database=asked["database"],
            database_days=asked["database_days"],
            database_required=asked["database_required"],
        )
        found = admit(run, run.home, asked["image"], terms, datetime.date.today())
    result = {
        "changed": False,
        "digest": found.digest,
        "refusals": found.refusals,
        "uncovered": found.uncovered,
        "problems": [asdict(one) for one in found.problems],
        "nilecare_report": section("Images", [found]),
    }
    if found.is_admitted:
        module.exit_json(**result)
    listed = "\n".join(f"- {line}" for line in found.refusals)
    module.fail_json(msg=f"{asked['image']} does not come in. Nothing was changed.\n{listed}", **result)


if __name__ == "__main__":
    main()
