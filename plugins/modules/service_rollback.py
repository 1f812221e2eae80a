#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: service_rollback
short_description: An earlier version of a service brought back
description:
  - Gives the service's Deployment the pods of an earlier version, with the configuration and secrets that
    they had, and stays until they alone serve. When they do not come up, the version that served before is
    put back.
  - The inventory still names the newer version, and the next delivery brings it again unless it is changed
    there.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
extends_documentation_fragment: [nilecare.platform.service_target]
options:
  revision:
    description:
      - Number of the version, from M(nilecare.platform.service_history). 0 is the one before the
        current.
    type: int
    default: 0
  deadline:
    description: Seconds without progress after which the earlier version counts as failed.
    type: int
    default: 300
attributes:
  check_mode:
    description: Says which version would come back.
    support: full
  diff_mode:
    description: Shows the versions before and after.
    support: full
"""

EXAMPLES = r"""
- name: Go back to the version before
  nilecare.platform.service_rollback:
    kubeconfig: ~/.local/state/nilecare/nilecare/kubeconfig
    name: ehr-service
    namespace: clinical
"""

RETURN = r"""
before:
  description: The version that served, as in RV(nilecare.platform.service_history#module:revisions).
  type: dict
  returned: success
after:
  description: The version that serves now.
  type: dict
  returned: success
"""

from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.services.target_module import run
from ansible_collections.nilecare.platform.plugins.module_utils.services.tasks import rollback_task


def difference(values: dict[str, Any]) -> dict[str, str]:
    """The images before and after."""
    return {side: f"{values[side]['image']}\n" for side in ("before", "after")}


def main() -> None:
    run(
        rollback_task,
        difference,
        revision={"type": "int", "default": 0},
        deadline={"type": "int", "default": 300},
    )


if __name__ == "__main__":
    main()
