"""The plain lines."""

from __future__ import annotations

from ansible_collections.nilecare.platform.plugins.module_utils.report import text

from tests.unit.report import sample


def test_a_task_is_one_line() -> None:
    run = sample.make("failed")
    task = next(task for task in run.tasks if task.name == "Join the workers")
    line = text.task_line(task)
    assert line.startswith("kubernetes_node : Join the workers  ") and "1 failed" in line and "\n" not in line


def test_a_failure_is_complete() -> None:
    lines = text.failure(sample.make("failed").failures[0])
    assert lines[0].startswith("FAILED on bahri-2: kubernetes_node : Join the workers  (roles/")
    assert "    error execution phase kubelet-start: timed out waiting for the condition" in lines
    assert "  rc: 1" in lines


def test_a_plan_lists_each_host() -> None:
    run = sample.make(check=True)
    lines = [line for line, _status in text.plan(run)]
    assert [line for line in lines if not line.startswith(" ")] == [
        f"{host} would change:" for host in run.changes()
    ]


def test_a_plan_of_nothing_says_so() -> None:
    assert text.plan(sample.make(changes=0.0, check=True)) == [
        ("Nothing would change: everything is as wished.", "ok")
    ]


def test_a_recap_keeps_ansibles_words() -> None:
    counts = {"a": {"ok": 3, "changed": 0, "failures": 1, "unreachable": 0}}
    line, status = text.recap(sample.make(), counts)[0]
    assert "changed=0" in line and "failed=1" in line and status == "failed"
