# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names of locales and the text of /etc/locale.gen."""

from __future__ import annotations

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.machines import locales


def test_names() -> None:
    assert locales.normalised("ar_SD.UTF-8") == "ar_SD.utf8"
    assert locales.normalised("de_DE.ISO-8859-1") == "de_DE.iso88591"
    assert locales.split("ar_SD.UTF-8") == ("ar_SD", "UTF-8")
    with pytest.raises(ValueError, match="ar_SD"):
        locales.split("ar_SD")


def test_commented_line_is_switched_on_in_its_place() -> None:
    before = "# head\n# ar_SA.UTF-8 UTF-8\n# ar_SD.UTF-8 UTF-8\n# en\n"
    after = locales.with_locales(before, ["ar_SD.UTF-8"])
    assert after == "# head\n# ar_SA.UTF-8 UTF-8\nar_SD.UTF-8 UTF-8\n# en\n"
    assert locales.with_locales(after, ["ar_SD.UTF-8"]) == after


def test_unknown_line_is_added() -> None:
    assert locales.with_locales("", ["ar_SD.UTF-8"]) == "ar_SD.UTF-8 UTF-8\n"
