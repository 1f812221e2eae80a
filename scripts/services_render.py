# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes the objects of every service of an inventory as files, for scanners and for reading.

Usage: .venv/bin/python scripts/services_render.py DIRECTORY [--inventory DIRECTORY]
One file a service, and namespaces.yml. Values of secrets are not known here and are left out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / ".collections"), str(ROOT / "scripts")]

from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Service
from ansible_collections.nilecare.platform.plugins.module_utils.services.render import render
from services_doc import read_model


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--inventory", type=Path, default=ROOT / "inventories" / "production")
    arguments = parser.parse_args()
    model = read_model(arguments.inventory)
    files = {name: render(Service.from_dict(one)) for name, one in model["services"].items()}
    files["namespaces"] = model["objects"]
    arguments.directory.mkdir(parents=True, exist_ok=True)
    for name, objects in files.items():
        text = yaml.safe_dump_all(objects, sort_keys=False, explicit_start=True)
        (arguments.directory / f"{name}.yml").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(files)} files in {arguments.directory}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
