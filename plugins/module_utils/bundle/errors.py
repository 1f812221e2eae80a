# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one error of this package: a text for people, with every problem found, one a line."""

from __future__ import annotations

from collections.abc import Iterable


class BundleError(Exception):
    """Something about a bundle is wrong; the text says what, where and what was expected."""

    def __init__(self, summary: str, problems: Iterable[str] = ()) -> None:
        self.problems = list(problems)
        super().__init__("\n  - ".join([summary, *self.problems]))
