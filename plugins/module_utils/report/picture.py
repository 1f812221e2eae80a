# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Draws the sites and their machines as SVG. Colours come from the page's style sheet, by class."""

from __future__ import annotations

import math
import typing as t
from html import escape

from .model import Machine, Run

WIDTH = 1120
GAP = 28
PAD = 16
HEAD = 58
CARD = 62
COMPACT_CARD = 46
COMPACT_FROM = 5
"""A site with at least this many machines shows them in two columns."""

STAR = "M27 -3l2 4.3 4.6.5-3.4 3.1 1 4.6-4.2-2.4-4.2 2.4 1-4.6-3.4-3.1 4.6-.5z"

ARABIC = {"khartoum": "الخرطوم", "omdurman": "أم درمان", "bahri": "بحري"}

_WORDS = {
    "ok": "as wished",
    "changed": "changed",
    "failed": "failed",
    "unreachable": "unreachable",
    "missing": "left out",
    "idle": "not in this run",
}


def words(run: Run) -> dict[str, str]:
    """Return what each state of a host is called."""
    return {**_WORDS, "changed": "would change"} if run.check else _WORDS


def draw(run: Run) -> str:
    """Return one SVG element: the mirror above, one panel a site, services below."""
    machines = [machine for machine in run.machines if not machine.service]
    sites: dict[str, list[Machine]] = {}
    shared: list[Machine] = []
    for machine in machines:
        if machine.site and machine.kind != "mirror":
            sites.setdefault(machine.site, []).append(machine)
        else:
            shared.append(machine)
    parts: list[str] = []
    top = 0.0
    columns = max(1, len(sites))
    panel = (WIDTH - GAP * (columns - 1)) / columns
    if shared:
        parts += _shared(run, shared, [panel / 2 + index * (panel + GAP) for index in range(len(sites))])
        top = CARD + 56 if sites else CARD
    height = top
    if sites:
        tallest = max(_panel_height(group) for group in sites.values())
        for index, (site, group) in enumerate(sites.items()):
            parts += _site(run, site, group, index * (panel + GAP), top, panel, tallest)
        parts += _quorum(sites, top, panel)
        height = top + tallest
    services = [machine for machine in run.machines if machine.service]
    if services:
        drawn, height = _services(run, services, height + (GAP if height else 0))
        parts += drawn
    label = escape(f"{len(machines)} machines in {len(sites)} sites")
    return (
        f'<svg class="picture" viewBox="-2 -2 {WIDTH + 4} {height + 4:.0f}" role="img" aria-label="{label}">'
        + "".join(parts)
        + "</svg>"
    )


def _panel_height(group: t.Sequence[Machine]) -> int:
    if len(group) < COMPACT_FROM:
        return HEAD + len(group) * (CARD + 10) + PAD - 10
    return HEAD + math.ceil(len(group) / 2) * (COMPACT_CARD + 8) + PAD - 8


def _site(
    run: Run, site: str, group: list[Machine], left: float, top: float, width: float, height: float
) -> list[str]:
    group = sorted(group, key=lambda machine: machine.kind != "control plane")
    parts = [
        f'<rect class="panel" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{height}" rx="14"/>',
        _text(left + PAD, top + 26, site.capitalize(), "site"),
        _text(left + PAD, top + 44, _counted(group), "soft small"),
    ]
    if site in ARABIC:
        parts.append(_text(left + width - PAD, top + 27, ARABIC[site], "site arabic", anchor="end"))
    compact = len(group) >= COMPACT_FROM
    for index, machine in enumerate(group):
        if compact:
            column, row = index % 2, index // 2
            card = (width - 2 * PAD - 8) / 2
            parts += _card(
                run,
                machine,
                left + PAD + column * (card + 8),
                top + HEAD + row * (COMPACT_CARD + 8),
                card,
                COMPACT_CARD,
            )
        else:
            parts += _card(run, machine, left + PAD, top + HEAD + index * (CARD + 10), width - 2 * PAD, CARD)
    return parts


def _counted(group: t.Sequence[Machine]) -> str:
    counts: dict[str, int] = {}
    for machine in group:
        counts[machine.kind] = counts.get(machine.kind, 0) + 1
    return ", ".join(f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in counts.items())


def _card(run: Run, machine: Machine, left: float, top: float, width: float, height: float) -> list[str]:
    state = run.state_of(machine.name)
    low = height < CARD
    roles = [machine.kind if machine.kind != "host" else "", *machine.pools]
    if machine.kind == "control plane" and "workers" in machine.groups:
        roles.insert(1, "worker")
    role = " · ".join(part for part in roles if part)
    word = words(run)[state]
    title = escape(f"{machine.name} {machine.address}\n{role}\n{word}")
    inset = 14 if low else 52
    parts = [
        f'<g class="card is-{state}"><title>{title}</title>',
        f'<rect class="box" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height}" rx="9"/>',
        _text(left + inset, top + (19 if low else 25), machine.name, "name"),
        _text(left + inset, top + (36 if low else 45), role, "soft small"),
        f'<circle class="dot" cx="{left + width - 15:.1f}" cy="{top + (14 if low else 20)}" r="5"/>',
    ]
    if low and machine.kind == "control plane":
        parts.append(_star(left + width - 62, top + 9))
    if not low:
        parts.append(_rack(left + 12, top + (height - 34) / 2, machine.kind))
        parts.append(_text(left + width - 26, top + 24, word, "word small", anchor="end"))
        parts.append(_text(left + width - 12, top + 45, machine.address, "soft small", anchor="end"))
    parts.append("</g>")
    return parts


def _rack(left: float, top: float, kind: str) -> str:
    """Draw a small machine: a star for a control plane, drawers for a worker, a stack for the mirror."""
    parts = [f'<g transform="translate({left:.1f} {top:.1f})">']
    if kind == "mirror":
        parts += [f'<ellipse class="icon" cx="14" cy="{y}" rx="13" ry="5"/>' for y in (28, 21, 14, 7)]
    else:
        parts.append('<rect class="icon" x="1" y="1" width="26" height="32" rx="4"/>')
        parts += [f'<path class="line" d="M6 {y}h16"/>' for y in (9, 17, 25)]
        parts += [f'<circle class="light" cx="21" cy="{y}" r="1.6"/>' for y in (13, 21, 29)]
        if kind == "control plane":
            parts.append(_star(0, 0))
    parts.append("</g>")
    return "".join(parts)


def _star(left: float, top: float) -> str:
    return f'<path class="star" transform="translate({left:.1f} {top:.1f})" d="{STAR}"/>'


def _shared(run: Run, shared: list[Machine], centres: t.Sequence[float]) -> list[str]:
    width = min(340.0, (WIDTH - GAP * (len(shared) - 1)) / len(shared))
    left = (WIDTH - len(shared) * width - GAP * (len(shared) - 1)) / 2
    parts: list[str] = []
    for centre in centres:
        middle = CARD + 28
        parts.append(
            f'<path class="flow" d="M{WIDTH / 2} {CARD}C{WIDTH / 2} {middle + 16} {centre:.1f} {middle - 16} '
            f'{centre:.1f} {CARD + 56}"/>'
        )
    for index, machine in enumerate(shared):
        parts += _card(run, machine, left + index * (width + GAP), 0, width, CARD)
    return parts


def _quorum(sites: t.Mapping[str, list[Machine]], top: float, panel: float) -> list[str]:
    """Draw what binds neighbouring sites' control planes: they are one etcd."""
    holds = [any(machine.kind == "control plane" for machine in group) for group in sites.values()]
    parts = []
    for index in range(len(holds) - 1):
        if holds[index] and holds[index + 1]:
            left = index * (panel + GAP) + panel - 4
            y = top + HEAD + CARD / 2
            parts.append(f'<path class="quorum" d="M{left:.1f} {y}h{GAP + 8}"/>')
    return parts


def _services(run: Run, services: list[Machine], top: float) -> tuple[list[str], float]:
    """Draw services as chips, a row (or more) for each of their groups."""
    groups: dict[str, list[Machine]] = {}
    for service in services:
        name = next((group for group in service.groups if group != "services"), "services")
        groups.setdefault(name, []).append(service)
    parts: list[str] = []
    for name, group in groups.items():
        parts.append(_text(0, top + 21, name.replace("_", " ").capitalize(), "site small"))
        left = 130.0
        for service in group:
            width = 34 + 7.6 * len(service.name)
            if left + width > WIDTH:
                left, top = 130.0, top + 40
            state = run.state_of(service.name)
            parts.append(
                f'<g class="card is-{state}"><title>{escape(service.name)}: {words(run)[state]}</title>'
                f'<rect class="box" x="{left:.1f}" y="{top}" width="{width:.1f}" height="32" rx="16"/>'
                f'<circle class="dot" cx="{left + 15:.1f}" cy="{top + 16}" r="4.5"/>'
                + _text(left + 26, top + 20.5, service.name, "name small")
                + "</g>"
            )
            left += width + 8
        top += 42
    return parts, top


def _text(x: float, y: float, text: str, css: str, anchor: str = "start") -> str:
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
