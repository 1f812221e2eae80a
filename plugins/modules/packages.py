#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Install Debian packages in one call
version_added: 0.1.0
description:
  - Installs what is missing or older than wished, with apt-get, without recommended packages.
  - Reads dpkg's own state, so it needs no Python binding and can say in check mode what it would install
    on a machine that has no package source yet.
  - Finishes what an interrupted dpkg has left.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would change, also where the effect of earlier tasks is missing.
    support: full
  diff_mode:
    description: Shows the packages before and after.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: debian
options:
  names:
    description: Packages, as V(name) or V(name=version). A newer installed version is left alone.
    type: list
    elements: str
    required: true
  files:
    description:
      - Package files on the machine that hold O(names) and what they depend on. Only these are used, no
        package source; for the machine that is to become the source.
    type: list
    elements: path
    default: []
  lock_timeout:
    description: Seconds to wait for another package manager to finish.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Install packages
  nilecare.platform.packages:
    names: [chrony, haproxy=2.6.12-1+deb12u2]
"""

RETURN = r"""
installed:
  description: Packages that were, or in check mode would be, installed.
  returned: success
  type: list
  elements: str
"""

import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.machines.packages import (
    QUERY_FORMAT,
    Wanted,
    installed_version,
    parse_query,
    parse_wanted,
)

APT_OPTIONS = [
    "--yes",
    "--no-install-recommends",
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
    "--option=APT::Install-Suggests=false",
]


class Dpkg:
    """dpkg and apt-get of this machine."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.timeout: int = module.params["lock_timeout"]
        module.run_command_environ_update = {
            "LC_ALL": "C",
            "DEBIAN_FRONTEND": "noninteractive",
            "APT_LISTCHANGES_FRONTEND": "none",
            "NEEDRESTART_MODE": "l",
        }

    def missing(self, wanted: list[Wanted]) -> list[Wanted]:
        """Return the packages that are not installed, or older than wished."""
        command = ["dpkg-query", f"--showformat={QUERY_FORMAT}", "--show", *[w.name for w in wanted]]
        # dpkg-query ends with 1 when a package is unknown; that is an answer, not an error.
        _code, output, _error = self.module.run_command(command)
        found = parse_query(output)
        return [w for w in wanted if not self._enough(w, installed_version(w.name, found))]

    def _enough(self, wanted: Wanted, installed: str | None) -> bool:
        if installed is None:
            return False
        if wanted.version is None or wanted.version == installed:
            return True
        code, _output, _error = self.module.run_command(
            ["dpkg", "--compare-versions", installed, "ge", wanted.version]
        )
        return bool(code == 0)

    def finish_interrupted(self) -> None:
        """Configure what a killed dpkg has left; apt-get refuses to work before."""
        deadline = time.monotonic() + self.timeout
        while True:
            code, _output, error = self.module.run_command(
                ["dpkg", "--force-confdef", "--force-confold", "--configure", "--pending"]
            )
            if "lock" not in error or time.monotonic() > deadline:
                break
            time.sleep(1)
        if code != 0:
            self.module.warn(f"dpkg --configure --pending: {error.strip()}")

    def apt(self, *arguments: str) -> None:
        """Run apt-get and fail with its own words."""
        command = ["apt-get", f"--option=DPkg::Lock::Timeout={self.timeout}", *arguments]
        code, output, error = self.module.run_command(command)
        if code != 0:
            lines = [line for line in (error + output).splitlines() if line.startswith(("E:", "W:", " "))]
            self.module.fail_json(
                msg=f"apt-get {arguments[0]} failed: {'; '.join(lines[:8]) or error.strip()}",
                stdout=output,
                stderr=error,
            )


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "files": {"type": "list", "elements": "path", "default": []},
            "lock_timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    try:
        wanted = [parse_wanted(text) for text in module.params["names"]]
    except ValueError as error:
        module.fail_json(msg=f"names: {error}; nothing was changed")
    dpkg = Dpkg(module)
    missing = dpkg.missing(wanted) if wanted else []
    installed = [w.argument for w in missing]
    if missing and not module.check_mode:
        if any(Path("/var/lib/dpkg/updates").iterdir()):
            dpkg.finish_interrupted()
        if module.params["files"]:
            # No source is asked: the files must be enough.
            dpkg.apt(
                "install",
                "--option=Dir::Etc::SourceList=/dev/null",
                "--option=Dir::Etc::SourceParts=/dev/null",
                *APT_OPTIONS,
                *module.params["files"],
            )
        else:
            dpkg.apt("update", "--option=APT::Update::Error-Mode=any")
            dpkg.apt("install", "--fix-broken", *APT_OPTIONS, *installed)
        still = [w.argument for w in dpkg.missing(wanted)]
        if still:
            module.fail_json(msg=f"not installed although apt-get succeeded: {', '.join(still)}")
    module.exit_json(
        changed=bool(missing),
        installed=installed,
        diff={"before": "", "after": "".join(f"{name}\n" for name in installed)},
    )


if __name__ == "__main__":
    main()
