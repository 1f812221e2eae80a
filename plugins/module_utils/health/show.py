# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows a judgement: as JSON, as a section of the report, as an error message. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ..monitoring.levels import Level
from .checks import Check, unhealthy

ORDER = (
    "machines",
    "nodes",
    "etcd",
    "API server",
    "endpoint",
    "workloads",
    "versions",
    "services",
    "DNS",
    "pod network",
    "policy",
    "mirror",
    "time",
    "certificates",
    "monitoring",
    "alerts",
)


def as_json(
    checks: t.Sequence[Check],
    moment: str,
    cluster: str,
    images: t.Sequence[tuple[str, str]],
    levels: t.Sequence[Level] = (),
) -> dict[str, t.Any]:
    """Return what health.json holds; ``moment`` is the time of the judgement, ISO 8601 in UTC."""
    return {
        "schema": 1,
        "cluster": cluster,
        "time": moment,
        "healthy": not unhealthy(checks),
        "checks": [dataclasses.asdict(check) for check in checks],
        "images": dict(images),
        "levels": [dataclasses.asdict(level) for level in levels],
    }


def message(checks: t.Sequence[Check]) -> str:
    """Return the error: everything that is not healthy, a line each, with what was expected."""
    bad = unhealthy(checks)
    lines = [f"The cluster is not healthy: {len(bad)} of {len(checks)} checks failed. Nothing was changed."]
    return "\n".join(lines + [f"- {check}" for check in bad])


def section(
    checks: t.Sequence[Check],
    observations: t.Mapping[str, t.Mapping[str, t.Any]],
    images: t.Sequence[tuple[str, str]],
) -> dict[str, t.Any]:
    """Return the report's section (see module_utils/report/sections.py)."""
    bad = unhealthy(checks)
    open_questions = [check for check in checks if check.ok is None]
    tables = []
    if bad:
        tables.append(_list("Not as expected", bad, "failed"))
    if open_questions:
        tables.append(_list("Not judged", open_questions, "warning"))
    matrix = _matrix(checks)
    if matrix:
        tables.append(matrix)
    if images:
        rows = [[name, tag] for name, tag in images]
        tables.append(
            {
                "title": "What runs in the cluster's own namespaces",
                "columns": ["Image", "Version"],
                "rows": rows,
            }
        )
    return {
        "section": "Health",
        "state": "failed" if bad else "warning" if open_questions else "ok",
        "summary": f"{sum(check.ok is True for check in checks)} of {len(checks)} checks passed",
        "facts": _facts(checks),
        "tables": tables,
        "charts": _charts(observations),
    }


def areas(checks: t.Sequence[Check]) -> list[str]:
    """Return the areas of the checks in the order in which people ask for them."""
    found = {check.area: None for check in checks}
    return sorted(found, key=lambda area: ORDER.index(area) if area in ORDER else len(ORDER))


def _facts(checks: t.Sequence[Check]) -> dict[str, t.Any]:
    facts: dict[str, t.Any] = {}
    for area in areas(checks):
        mine = [check for check in checks if check.area == area]
        good = sum(check.ok is True for check in mine)
        state = "failed" if unhealthy(mine) else "ok" if good == len(mine) else "warning"
        text = f"{good} of {len(mine)}"
        leader = next((check.found for check in mine if check.subject == "leader"), "")
        facts[area[:1].upper() + area[1:]] = {
            "text": f"{text}, leader {leader}" if leader else text,
            "state": state,
        }
    return facts


def _list(title: str, checks: t.Sequence[Check], state: str) -> dict[str, t.Any]:
    rows = [
        [check.area, check.subject, {"text": check.found, "state": state}, check.expected] for check in checks
    ]
    return {"title": title, "columns": ["Area", "What", "Found", "Expected"], "rows": rows}


def _matrix(checks: t.Sequence[Check]) -> dict[str, t.Any] | None:
    ways = {
        tuple(check.subject.split(" to ", 1)): check
        for check in checks
        if check.area == "pod network" and " to " in check.subject
    }
    if not ways:
        return None
    sites = list(dict.fromkeys(source for source, _target in ways))
    order = {site: number for number, site in enumerate(sites)}
    targets = sorted({target for _source, target in ways}, key=lambda site: order.get(site, len(order)))
    words = {True: ("connected", "ok"), False: ("no", "failed"), None: ("not tried", "warning")}
    rows: list[list[t.Any]] = []
    for source in sites:
        cells: list[t.Any] = [source.capitalize()]
        for target in targets:
            check = ways.get((source, target))
            text, state = words[check.ok if check else None]
            cells.append({"text": text, "state": state})
        rows.append(cells)
    columns = ["From, to", *(target.capitalize() for target in targets)]
    return {"title": "Pod to pod between the sites", "columns": columns, "rows": rows}


def _charts(observations: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    offsets = {
        host: round(abs(float(seen["clock"]["offset"])) * 1000, 2)
        for host, seen in observations.items()
        if (seen.get("clock") or {}).get("offset") is not None
    }
    days: dict[str, float] = {}
    for host, seen in observations.items():
        known = [(float(one["days"]), one["path"]) for one in seen.get("certificates") or [] if "days" in one]
        if known:
            least, path = min(known)
            days[f"{host}: {path.rsplit('/', 1)[-1]}"] = round(least)
    charts: list[dict[str, t.Any]] = []
    if days:
        charts.append({"title": "Certificate that ends first, by machine", "unit": "days", "values": days})
    if offsets:
        charts.append({"title": "Clock, off from the mirror's", "unit": "ms", "values": offsets})
    return charts
