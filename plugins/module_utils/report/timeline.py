# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Draws when each host did what as SVG: a row a host, a bar a task. Colours come from the style sheet."""

from __future__ import annotations

from html import escape

from .durations import clock, human
from .model import Run, Step, Task

WIDTH = 1120
LABEL = 128
ROW = 30
HEAD = 30
FOOT = 24
MERGE = 0.6
"""Bars closer than this (pixels) and of one status are drawn as one: a fast run stays a small file."""


def draw(run: Run) -> str:
    """Return one SVG element, or nothing where no host did anything."""
    hosts = run.hosts
    if not hosts:
        return ""
    total = max(run.seconds, *(task.end for task in run.tasks), 0.001)
    scale = (WIDTH - LABEL) / total
    height = HEAD + ROW * len(hosts) + FOOT
    parts = [f'<svg class="timeline" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Timeline">']
    parts += _plays(run, total, scale, HEAD + ROW * len(hosts))
    parts += _ticks(total, scale, HEAD, HEAD + ROW * len(hosts))
    for row, host in enumerate(hosts):
        top = HEAD + row * ROW
        parts.append(
            f'<text class="name is-{run.state_of(host)}" x="{LABEL - 12}" y="{top + 20}" text-anchor="end">'
            f"{escape(host)}</text>"
        )
        parts.append(f'<path class="grid" d="M{LABEL} {top + ROW - 0.5}H{WIDTH}"/>')
        parts += _bars(
            [(task, step) for task in run.tasks for step in task.steps if step.host == host], top, scale
        )
    parts.append("</svg>")
    return "".join(parts)


def tick(total: float) -> float:
    """Return the distance of ticks (seconds) that gives at most ten of them."""
    for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600):
        if total / step <= 10:
            return step
    return 3600.0 * round(total / 36000 + 0.5)


def _ticks(total: float, scale: float, top: float, bottom: float) -> list[str]:
    step = tick(total)
    parts = []
    number = 0
    while number * step <= total:
        x = LABEL + number * step * scale
        label = clock(number * step) if step >= 1 else f"{number * step:.1f}"
        anchor = "middle" if x < WIDTH - 20 else "end"
        parts.append(f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>')
        parts.append(
            f'<text class="soft small" x="{x:.1f}" y="{bottom + 17}" text-anchor="{anchor}">{label}</text>'
        )
        number += 1
    return parts


def _plays(run: Run, total: float, scale: float, bottom: float) -> list[str]:
    parts = []
    ends = [start for _name, start in run.plays[1:]] + [total]
    for index, ((name, start), end) in enumerate(zip(run.plays, ends, strict=False)):
        left, width = LABEL + start * scale, (end - start) * scale
        if index % 2 == 0:
            parts.append(f'<rect class="band" x="{left:.1f}" y="0" width="{width:.1f}" height="{bottom}"/>')
        fits = int((width - 10) / 6.6)
        if fits >= 4:
            label = name if len(name) <= fits else name[: fits - 1] + "…"
            parts.append(f'<text class="soft small" x="{left + 6:.1f}" y="19">{escape(label)}</text>')
    return parts


def _bars(steps: list[tuple[Task, Step]], top: float, scale: float) -> list[str]:
    """Draw a host's steps; those too small to tell apart become one bar that names their number."""
    parts: list[str] = []
    group: list[tuple[Task, Step]] = []

    def flush() -> None:
        if not group:
            return
        first, last = group[0][1], group[-1][1]
        left = LABEL + first.start * scale
        width = max(1.2, (last.end - first.start) * scale - 0.8)
        names = [f"{task.title}: {step.status}, {human(step.seconds)}" for task, step in group[:12]]
        if len(group) > 12:
            names.append(f"and {len(group) - 12} more")
        title = escape("\n".join(names))
        parts.append(
            f'<rect class="bar is-{first.status}" x="{left:.1f}" y="{top + 6}" width="{width:.1f}" '
            f'height="{ROW - 12}" rx="{min(3.0, width / 2):.1f}"><title>{title}</title></rect>'
        )
        group.clear()

    for task, step in sorted(steps, key=lambda pair: pair[1].start):
        if step.status == "skipped":
            continue
        if group:
            near = (step.start - group[-1][1].end) * scale < MERGE
            small = (step.end - group[0][1].start) * scale < 4
            if not (near and small and step.status == group[0][1].status):
                flush()
        group.append((task, step))
    flush()
    return parts
