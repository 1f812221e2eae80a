"""The page: whole, safe, without anything from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.report import page, timeline
from ansible_collections.nilecare.platform.plugins.module_utils.report.model import Machine, Run
from ansible_collections.nilecare.platform.plugins.module_utils.report.recorder import Recorder

from tests.unit.report import sample

VOID = {"meta", "br"}


class Balance(HTMLParser):
    """Fails on a tag that is closed before it is opened, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of SVG that closes itself."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


@pytest.mark.parametrize("result", ["ok", "failed", "interrupted"])
@pytest.mark.parametrize("check", [False, True])
def test_every_kind_of_run_makes_a_whole_page(result: str, check: bool) -> None:
    html = page.render(sample.make(result, check=check))
    parser = Balance()
    parser.feed(html)
    assert not parser.open
    assert "hunter2" not in html and "0123456789abcdef" not in html


def test_an_empty_run_makes_a_page() -> None:
    assert "<h1>" in page.render(Run("site.yml"))


def test_the_page_loads_nothing() -> None:
    html = page.render(sample.make())
    assert not re.search(r"<(script|link|img|iframe|object|embed)\b|@import|url\(|\bsrc=|\bhref=", html)


def test_values_are_escaped() -> None:
    run = Run("site.yml", cluster="<script>alert(1)</script>")
    recorder = Recorder(run)
    recorder.add_machine(Machine("<b>host</b>", "khartoum", "<i>", ["control_plane"]))
    recorder.begin_play("<u>play</u>", 0.0)
    recorder.begin_task("t", "<s>task</s>", "", "", 0.0)
    report = {
        "section": "<em>",
        "facts": {"<dt>": "<dd>"},
        "table": {"columns": ["<th>"], "rows": [["<td>"]]},
    }
    recorder.end_step("t", "<b>host</b>", "failed", {"msg": "<pre>", "nilecare_report": report}, 9.0)
    recorder.finish(9.0, {"<b>host</b>"})
    html = page.render(run)
    for raw in ("<script", "<b>host", "<u>", "<s>", "<em>&", "<i></text>", "<pre></pre>"):
        assert raw not in html
    parser = Balance()
    parser.feed(html)
    assert not parser.open


def test_the_failing_host_is_before_all_others() -> None:
    html = page.render(sample.make("failed"))
    body = html[html.index("<main>") :]
    assert body.index("bahri-2") < body.index("khartoum-1")


def test_thirty_hosts_and_a_hundred_tasks_stay_a_light_file() -> None:
    html = page.render(sample.make(per_site=10))
    assert len(html) < 1_000_000


def test_small_bars_of_one_status_are_drawn_as_one() -> None:
    run = Run("site.yml")
    recorder = Recorder(run)
    recorder.begin_play("p", 0.0)
    for number in range(1000):
        recorder.begin_task(str(number), "t", "", "", number * 0.01)
        recorder.begin_step(str(number), "a", number * 0.01)
        recorder.end_step(str(number), "a", "ok", {}, number * 0.01 + 0.01)
    recorder.finish(10.0, set())
    assert timeline.draw(run).count('class="bar') < 500


@pytest.mark.parametrize("total", [0.05, 0.9, 9, 61, 300, 4000, 90000])
def test_ticks_are_few(total: float) -> None:
    assert 0 < total / timeline.tick(total) <= 11
