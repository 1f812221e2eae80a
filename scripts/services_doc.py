# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes docs/services.md and docs/services.svg from the inventory.

Usage: .venv/bin/python scripts/services_doc.py [--check] [--inventory DIRECTORY]
--check writes nothing and exits with 1 when a file is stale. Without --inventory it is production's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
PAGE, PICTURE = ROOT / "docs" / "services.md", ROOT / "docs" / "services.svg"
# Callers on the left, the called on the right.
COLUMNS = ("integration", "business", "clinical", "infrastructure")
COLOURS = {
    "infrastructure": "#3b6ea5",
    "clinical": "#2e7d5b",
    "business": "#a06a1c",
    "integration": "#7b4b94",
}


def read_model(inventory: Path) -> dict[str, Any]:
    """The model as nilecare.platform.service_model returns it.

    :raises RuntimeError: Ansible failed; the text is what it said.
    """
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "minimal", "ANSIBLE_NOCOLOR": "1"}
    run = subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "adhoc", "localhost"),
            *("-i", str(inventory), "-m", "nilecare.platform.service_model"),
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    _before, arrow, answer = run.stdout.partition("=> ")
    if run.returncode or not arrow:
        raise RuntimeError(run.stderr or run.stdout)
    model: dict[str, Any] = json.JSONDecoder().raw_decode(answer)[0]
    for part in ("services", "namespaces"):
        model[part] = dict(sorted(model[part].items(), key=_order))
    return model


def _order(item: tuple[str, Mapping[str, Any]]) -> tuple[int, int]:
    """Namespaces as in the seed's list, services by their ports."""
    name, one = item
    namespace = one.get("namespace", name)
    return list(COLOURS).index(namespace) if namespace in COLOURS else len(COLOURS), one.get("port", 0)


def page(model: Mapping[str, Any]) -> str:
    """The text of docs/services.md."""
    return (
        "\n".join([*_head(), *_services(model), *_dependencies(model), *_routes(model), *_namespaces(model)])
        + "\n"
    )


def _head() -> Iterator[str]:
    yield "<!-- Written by scripts/services_doc.py from the inventory; change it there. -->"
    yield "# Services"
    yield ""
    yield "Every service is a host of the inventory and its group is its namespace:"
    yield "`inventories/shared/services.yml`."
    yield "What a service can say, and what it gets when it says nothing:"
    yield "[role service](../roles/service/README.md)."
    yield "What its image must do: [service-contract.md](service-contract.md)."
    yield ""
    yield "![Who calls whom; below each name its stores](services.svg)"


def _services(model: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "## All of them"
    yield ""
    yield "Inside the cluster a service is `http://<service>-service.<namespace>.svc.cluster.local:<port>`."
    yield ""
    yield "| namespace | service | port | tier | importance | pods day, night, most | type |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, one in model["services"].items():
        pods = one["replicas"]
        extra = "".join(f", {port['port']} {port['name']}" for port in one["extra_ports"])
        yield (
            f"| {one['namespace']} | {name} | {one['port']}{extra} | {one['tier']['name']}"
            f" | {one['criticality']} | {pods['day']}, {pods['night']}, {pods['maximum']} | {one['type']} |"
        )


def _dependencies(model: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "## Dependencies"
    yield ""
    yield "Network policy follows from these: what is not listed cannot be connected to."
    yield ""
    yield "| service | calls | stores and brokers | is called by |"
    yield "| --- | --- | --- | --- |"
    for name, one in model["services"].items():
        calls = [peer["name"] for peer in one["dependencies"] if peer["is_service"]]
        stores = [peer["name"] for peer in one["dependencies"] if not peer["is_service"]]
        callers = [peer["name"] for peer in one["callers"]]
        yield f"| {name} | {', '.join(calls)} | {', '.join(stores)} | {', '.join(callers)} |"


def _routes(model: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "## Routes"
    yield ""
    yield "| address | service | time limit | largest body | requests a second and client | WebSocket |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, one in model["services"].items():
        for route in one["routes"]:
            yield (
                f"| https://{route['host']}{route['path']} | {name} | {route['timeout']} s"
                f" | {route['body_megabytes']} MB | {route['rate']}"
                f" | {'yes' if route['websocket'] else 'no'} |"
            )


def _namespaces(model: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "## Namespaces"
    yield ""
    yield "| namespace | CPU | memory | storage | pods | Pod Security | may be called from |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, one in model["namespaces"].items():
        yield (
            f"| {name} | {one['cpu'] / 1000:g} cores | {one['memory'] >> 30} Gi | {one['storage'] >> 30} Gi"
            f" | {one['pods']} | {one['pod_security']} | {', '.join(one['callers'])} |"
        )
    if model["findings"]:
        yield ""
        yield "## What the check of the model says"
        yield ""
        yield from (f"- {finding}" for finding in model["findings"])


WIDTH, HEIGHT, GAP, SPACE, TOP = 168, 58, 118, 26, 64


@dataclass(frozen=True)
class Box:
    """Place of a service in the picture: its left upper corner, in pixels."""

    column: int
    x: int
    y: int


def picture(model: Mapping[str, Any]) -> str:
    """The graph of who calls whom, as SVG."""
    boxes = _place(model["services"])
    width = 2 * 40 + len(COLUMNS) * WIDTH + (len(COLUMNS) - 1) * GAP
    height = max(box.y for box in boxes.values()) + HEIGHT + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}"'
        ' font-family="system-ui, sans-serif" role="img">',
        "<title>Services of the platform and whom they call</title>",
        f'<rect width="{width}" height="{height}" rx="10" fill="#fbfaf7"/>',
    ]
    for index, namespace in enumerate(COLUMNS):
        middle = 40 + index * (WIDTH + GAP) + WIDTH // 2
        parts.append(
            f'<text x="{middle}" y="36" text-anchor="middle" font-size="15" font-weight="600"'
            f' fill="{COLOURS[namespace]}">{namespace}</text>'
        )
    drawn: list[str] = []
    for name, one in model["services"].items():
        for peer in one["dependencies"]:
            if peer["is_service"]:
                parts.append(
                    _edge(boxes[name], boxes[peer["name"]], COLOURS[one["namespace"]], name, peer["name"])
                )
        drawn.extend(_box(boxes[name], name, one))
    # Boxes lie above the lines.
    return "\n".join([*parts, *drawn, "</svg>"]) + "\n"


def _place(services: Mapping[str, Any]) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    members = {column: [n for n, one in services.items() if one["namespace"] == column] for column in COLUMNS}
    tallest = max(len(names) for names in members.values())
    for index, column in enumerate(COLUMNS):
        names = members[column]
        offset = (tallest - len(names)) * (HEIGHT + SPACE) // 2
        for row, name in enumerate(names):
            boxes[name] = Box(index, 40 + index * (WIDTH + GAP), TOP + offset + row * (HEIGHT + SPACE))
    return boxes


def _edge(one: Box, other: Box, colour: str, caller: str, called: str) -> str:
    y1, y2 = one.y + HEIGHT // 2, other.y + HEIGHT // 2
    if one.column == other.column:
        # Round the right side, further out the longer the way.
        x = one.x + WIDTH
        out = x + 22 + abs(y2 - y1) // 8
        path = f"M{x},{y1 + 8} C{out},{y1 + 8} {out},{y2 - 8} {x + 7},{y2 - 8}"
        head = _head_at(x, y2 - 8, -1)
    elif other.column > one.column:
        x1, x2 = one.x + WIDTH, other.x
        bend = (x2 - x1) // 2
        path = f"M{x1},{y1} C{x1 + bend},{y1} {x2 - bend},{y2} {x2 - 7},{y2}"
        head = _head_at(x2, y2, 1)
    else:
        x1, x2 = one.x, other.x + WIDTH
        bend = (x1 - x2) // 2
        path = f"M{x1},{y1 - 10} C{x1 - bend},{y1 - 10} {x2 + bend},{y2 + 10} {x2 + 7},{y2 + 10}"
        head = _head_at(x2, y2 + 10, -1)
    return (
        f'<g stroke="{colour}" fill="none" opacity="0.55">'
        f"<title>{escape(caller)} calls {escape(called)}</title>"
        f'<path d="{path}" stroke-width="1.4"/><path d="{head}" fill="{colour}" stroke="none"/></g>'
    )


def _head_at(x: int, y: int, direction: int) -> str:
    return f"M{x},{y} l{-8 * direction},-4 l0,8 z"


def _box(box: Box, name: str, one: Mapping[str, Any]) -> Iterator[str]:
    colour = COLOURS[one["namespace"]]
    stores = " ".join(peer["name"] for peer in one["dependencies"] if not peer["is_service"])
    yield (
        f'<rect x="{box.x}" y="{box.y}" width="{WIDTH}" height="{HEIGHT}" rx="7" fill="#ffffff"'
        f' stroke="{colour}" stroke-width="{2.4 if one["criticality"] == "critical" else 1.2}"/>'
    )
    left = box.x + 10
    bold = 'font-size="13.5" font-weight="600" fill="#222"'
    yield f'<text x="{left}" y="{box.y + 21}" {bold}>{escape(name)}</text>'
    yield (
        f'<text x="{box.x + WIDTH - 10}" y="{box.y + 36}" text-anchor="end" font-size="11.5" fill="#555">'
        f"{one['port']}</text>"
    )
    yield f'<text x="{left}" y="{box.y + 36}" font-size="10.5" fill="{colour}">{one["tier"]["name"]}</text>'
    yield f'<text x="{left}" y="{box.y + 50}" font-size="10" fill="#777">{escape(stores)}</text>'


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    parser.add_argument("--inventory", type=Path, default=ROOT / "inventories" / "production")
    arguments = parser.parse_args()
    try:
        model = read_model(arguments.inventory)
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stale = []
    for path, text in ((PAGE, page(model)), (PICTURE, picture(model))):
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(str(path.relative_to(ROOT)))
            if not arguments.check:
                path.write_text(text, encoding="utf-8")
    if stale:
        sys.stdout.write(f"{'stale' if arguments.check else 'written'}: {', '.join(stale)}\n")
    return 1 if stale and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
