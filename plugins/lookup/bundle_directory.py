# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: bundle_directory
short_description: The folder of the bundle that the recipes make
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Returns the folder named by the environment variable E(NILECARE_BUNDLE), else
    C(~/.cache/nilecare/bundles/KEY), where KEY are 12 hexadecimal digits of all recipes and pins.
  - The folder need not exist yet.
options:
  _terms:
    description: None are used.
  source:
    description: Source of the bundle.
    type: str
    choices: [modules, upstream]
    default: modules
    vars:
      - name: bundle_source
  sets:
    description:
      - Optional sets of recipes that the bundle has besides what is always in it.
      - Default is the variable C(bundle_sets).
    type: list
    elements: str
    choices: [autoscaling, backup, data, mesh, monitoring, pipeline]
"""

EXAMPLES = r"""
- name: Say where the bundle is
  ansible.builtin.debug:
    msg: "{{ lookup('nilecare.platform.bundle_directory') }}"
"""

RETURN = r"""
_raw:
  description: The folder's path.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.errors import BundleError
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.location import bundle_directory


class LookupModule(LookupBase):
    """Finds the bundle's folder."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Return the folder."""
        self.set_options(var_options=variables, direct=kwargs)
        try:
            sets = self._sets(variables or {})
            return [str(bundle_directory(source=self.get_option("source"), sets=sets))]
        except BundleError as error:
            raise AnsibleLookupError(str(error)) from error

    def _sets(self, variables: dict[str, Any]) -> list[str]:
        # not by `vars` of the option: those are taken as they are written, templates too
        given = self.get_option("sets")
        if given is None and "bundle_sets" in variables:
            given = self._templar.template(variables["bundle_sets"])
        return list(given or [])
