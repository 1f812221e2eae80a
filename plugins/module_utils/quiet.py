# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module whose arguments may hold secrets among much else: they never reach the system log.

AnsibleModule's own ``no_log=True`` does not do it: the task's ``no_log`` takes its place.
"""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


class QuietModule(AnsibleModule):  # type: ignore[misc]
    """AnsibleModule that does not write its arguments into the machine's log."""

    def _log_invocation(self) -> None:
        """Log nothing."""
