# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Renders a run as one HTML page that needs nothing beside itself."""

from __future__ import annotations

import datetime
import typing as t
from pathlib import Path

from . import picture, timeline
from .durations import human
from .model import Run

TEMPLATE = Path(__file__).with_name("page.html.j2")


def render(run: Run) -> str:
    """Return the page. Every value is escaped; the page loads nothing and runs no script."""
    # Imported here: whoever only reads or writes report.json needs no Jinja.
    import jinja2
    import markupsafe

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["human"] = human
    environment.filters["diff_lines"] = diff_lines
    shown = {run.state_of(machine.name) for machine in run.machines}
    totals = run.totals()
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        run=run,
        headline=headline(run),
        totals=totals,
        changes=run.changes(),
        slowest=run.slowest(),
        failures=failures_by_host(run),
        states={host: run.state_of(host) for host in run.hosts},
        legend={state: word for state, word in picture.words(run).items() if state in shown},
        bars={status: word for status, word in bar_words(run).items() if totals[status]},
        started=datetime.datetime.fromtimestamp(run.started, datetime.UTC),
        picture=markupsafe.Markup(picture.draw(run)),
        timeline=markupsafe.Markup(timeline.draw(run)),
    )


def bar_words(run: Run) -> dict[str, str]:
    """Return what each colour of the timeline means."""
    return {
        "ok": "nothing to do",
        "changed": "would change" if run.check else "changed",
        "failed": "failed",
        "unreachable": "unreachable",
        "missing": "unreachable, ignored",
        "rescued": "failed and handled",
        "ignored": "failed, ignored",
    }


def headline(run: Run) -> str:
    """Return one sentence that says how the run went."""
    totals = run.totals()
    changed = sum(1 for host in run.hosts if run.changes().get(host))
    if run.result == "failed":
        bad = [host for host in run.hosts if run.state_of(host) in ("failed", "unreachable")]
        where = (
            f"on {', '.join(bad[:3])}{' and others' if len(bad) > 3 else ''}" if bad else "before any host"
        )
        return f"The run failed {where}."
    if run.result == "interrupted":
        return "The run was broken off before its end. The next run goes on from what is really there."
    if not totals["changed"]:
        return (
            "Nothing would change: everything is as wished."
            if run.check
            else "Nothing had to change: everything is as wished."
        )
    hosts = f"{changed} host{'s' if changed > 1 else ''}"
    if run.check:
        return f"{totals['changed']} changes would be made on {hosts}. Nothing was changed."
    return f"{totals['changed']} changes were made on {hosts}."


def failures_by_host(run: Run) -> dict[str, list[t.Any]]:
    """Return the failures by host, in the order in which they happened."""
    found: dict[str, list[t.Any]] = {}
    for failure in run.failures:
        found.setdefault(failure.host, []).append(failure)
    return found


def diff_lines(text: str) -> list[tuple[str, str]]:
    """Return the lines of a unified diff, each with the class that colours it."""
    kinds = {"+": "plus", "-": "minus", "@": "at"}
    return [(kinds.get(line[:1], "same"), line) for line in text.splitlines()]
