"""Events become a run: statuses, failures, differences, missing hosts."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.report.model import Machine, Run
from ansible_collections.nilecare.platform.plugins.module_utils.report.recorder import Recorder

from tests.unit.report import sample


def record(*events: tuple[str, str, dict[str, Any]]) -> Recorder:
    recorder = Recorder(Run("site.yml"))
    recorder.begin_play("Play", 0.0)
    recorder.begin_task("t", "Write", "host", "roles/host/tasks/main.yml:3", 0.0)
    for number, (host, status, result) in enumerate(events, start=1):
        recorder.begin_step("t", host, 0.0)
        recorder.end_step("t", host, status, result, float(number))
    return recorder


def test_a_failing_host_comes_first() -> None:
    recorder = record(("a", "ok", {}), ("b", "failed", {"msg": "no"}), ("c", "changed", {}))
    for name in "cab":
        recorder.add_machine(Machine(name))
    recorder.finish(4.0, {"b"})
    assert recorder.run.result == "failed"
    assert recorder.run.hosts == ["b", "c", "a"]
    assert recorder.run.failures[0].task == "host : Write"


def test_a_rescued_failure_is_no_failure() -> None:
    recorder = record(("a", "failed", {"msg": "no"}))
    recorder.finish(2.0, set())
    assert (recorder.run.result, recorder.run.failures) == ("ok", [])
    assert recorder.run.tasks[0].steps[0].status == "rescued"


def test_a_run_broken_off_says_so() -> None:
    recorder = record(("a", "ok", {}))
    recorder.finish(2.0, None)
    assert recorder.run.result == "interrupted"


def test_failures_are_complete_and_masked() -> None:
    result = {"msg": "failed", "stderr": "password: hunter2\nline 2", "stdout": "out", "rc": 0}
    failure = record(("a", "failed", result)).run.failures[0]
    assert failure.details == {"stderr": "password: ********\nline 2", "stdout": "out", "rc": "0"}


def test_a_loop_names_the_items_that_failed() -> None:
    items = [
        {"ansible_loop_var": "item", "item": "x", "msg": "fine"},
        {"ansible_loop_var": "item", "item": "y", "msg": "bad", "failed": True, "rc": 1},
    ]
    failure = record(("a", "failed", {"msg": "One or more items failed", "results": items})).run.failures[0]
    assert failure.message == "y: bad"
    assert failure.details == {"y: msg": "bad", "y: rc": "1"}


def test_a_hidden_result_stays_hidden() -> None:
    censored = {"censored": "hidden because no_log was set", "changed": False}
    failure = record(("a", "failed", censored)).run.failures[0]
    assert failure.message == "hidden because no_log was set" and not failure.details


def test_differences_are_unified_and_masked() -> None:
    step = record(("a", "changed", sample.DIFF)).run.tasks[0].steps[0]
    (difference,) = step.differences
    assert difference.title == "/etc/containerd/config.toml"
    assert "-  sandbox = 'pause:3.9'" in difference.text and "+  sandbox = 'pause:3.10.1'" in difference.text
    assert "hunter2" not in difference.text and "correct horse" not in difference.text


def test_a_secret_that_changed_shows_that_and_no_more() -> None:
    diff = {"before": "token: abc\n", "after": "token: defghij\n"}
    step = record(("a", "changed", {"diff": diff})).run.tasks[0].steps[0]
    assert step.differences[0].text == "only secrets differ"


def test_missing_hosts_come_from_results() -> None:
    recorder = record(
        ("a", "ok", {"nilecare_missing_hosts": {"z": "no answer"}}), ("b", "missing", {"msg": "gone"})
    )
    assert recorder.run.missing == {"z": "no answer"}
    assert recorder.run.state_of("b") == "unreachable"


def test_what_one_host_did_for_all_is_its_own() -> None:
    recorder = record(("a", "ok", {}))
    recorder.begin_step("t", "b", 1.0)
    recorder.end_step("t", "b", "failed", {"msg": "no"}, 2.0, by="localhost")
    recorder.finish(2.0, {"b"})
    assert recorder.run.state_of("b") == "idle"
    assert recorder.run.failures[0].host == "localhost"
    assert recorder.run.result == "failed"


def test_a_bad_section_is_a_warning_and_not_the_end() -> None:
    recorder = record(("a", "ok", {"nilecare_report": {"section": "S", "color": "red"}}))
    assert "color" in recorder.run.warnings[0]


def test_the_json_has_what_programs_read() -> None:
    data = json.loads(json.dumps(sample.make("failed").to_json()))
    assert data["schema"] == 1 and data["result"] == "failed"
    assert next(iter(data["hosts"])) == "bahri-2"
    assert data["hosts"]["bahri-2"]["state"] == "failed"
    assert data["totals"]["failed"] == 1
    assert {machine["state"] for machine in data["machines"]} == {"changed", "failed"}
