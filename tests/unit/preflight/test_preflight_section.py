# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the report says about preflight."""

from __future__ import annotations

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.section import section

from tests.unit.preflight.builders import Draft, all_facts, member


def test_faults_are_a_table() -> None:
    inventory = Draft().build()
    fault = Finding("bahri-2", "memory", "1 MiB are too little", "at least 2 MiB", "hosts.yml:3")
    content = section(inventory, [fault], all_facts(inventory), [])
    assert content["state"] == "failed"
    assert content["table"]["rows"] == [
        ["bahri-2", "memory", "1 MiB are too little", "at least 2 MiB", "hosts.yml:3"]
    ]


def test_machines_are_a_table_and_missing_ones_are_named() -> None:
    inventory = Draft().build()
    gone = {"reachable": False, "error": "gone"}
    content = section(inventory, [], all_facts(inventory, bahri_1=member(), bahri_2=gone), ["bahri-2"])
    assert content["state"] == "warning"
    assert "6 machines" in content["summary"]
    assert "bahri-2" in content["summary"]
    rows = {row[0]: row[1:] for row in content["table"]["rows"]}
    assert rows["bahri-1"] == ["bahri", "debian 12 x86_64", "7.8 GiB", "4", "1.36.3"]
    assert rows["bahri-2"][1] == {"text": "unreachable", "state": "warning"}
    assert rows["mirror-1"][-1] == "-"
    assert all(len(row) == len(content["table"]["columns"]) for row in content["table"]["rows"])
