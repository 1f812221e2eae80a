#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: locales
short_description: Generate locales
version_added: 0.1.0
description:
  - Generates the named locales that are missing and switches them on in /etc/locale.gen, so that an upgrade
    of the locales package generates them again.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would change, also where the effect of earlier tasks is missing.
    support: full
  diff_mode:
    description: Shows the locales that are generated.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: debian
options:
  names:
    description: Locales, such as V(ar_SD.UTF-8).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Generate the locale of Sudan
  nilecare.platform.locales:
    names: [ar_SD.UTF-8]
"""

RETURN = r"""
generated:
  description: Locales that were, or in check mode would be, generated.
  returned: success
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.machines import locales
from ansible_collections.nilecare.platform.plugins.module_utils.machines.files import (
    FilesError,
    Wish,
    apply_wishes,
)

LOCALE_GEN = Path("/etc/locale.gen")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"names": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C"}
    names: list[str] = module.params["names"]
    try:
        text = locales.with_locales(LOCALE_GEN.read_text() if LOCALE_GEN.exists() else "", names)
        files = apply_wishes([Wish(LOCALE_GEN, content=text, mode=0o644)], module.check_mode)
    except (ValueError, FilesError) as error:
        module.fail_json(msg=f"{error}; nothing was changed")
    present: set[str] = set()
    if module.get_bin_path("localedef"):
        _code, output, _error = module.run_command(["localedef", "--list-archive"])
        present = set(output.split())
    missing = [name for name in names if locales.normalised(name) not in present]
    if not module.check_mode:
        for name in missing:
            source, charset = locales.split(name)
            code, _output, error = module.run_command(["localedef", "-i", source, "-f", charset, name])
            if code != 0:
                module.fail_json(msg=f"{name} was not generated: {error.strip()} (is package locales there?)")
    module.exit_json(
        changed=bool(missing or files.changed_paths),
        generated=missing,
        diff=[*files.diffs, {"before": "", "after": "".join(f"{name}\n" for name in missing)}],
    )


if __name__ == "__main__":
    main()
