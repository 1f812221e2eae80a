# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong with a backup."""

from __future__ import annotations


class BackupError(Exception):
    """A backup could not be taken, found, read or restored; the message says why and what was expected."""
