"""promtool: on the PATH, or out of the bundle's layer with Prometheus."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

CACHE = Path.home() / ".cache" / "nilecare"


def find(name: str = "promtool") -> Path | None:
    """The program, or None where neither it nor a bundle with set monitoring is."""
    installed = shutil.which(name)
    if installed:
        return Path(installed)
    layers = sorted((CACHE / "items").glob("root-prometheus-*/layer.tar.gz"), key=lambda p: p.stat().st_mtime)
    if not layers:
        return None
    target = CACHE / "test-binaries" / layers[-1].parent.name / name
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(layers[-1]) as layer:
            member = next(m for m in layer if m.name.lstrip("./") == f"usr/bin/{name}")
            source = layer.extractfile(member)
            assert source is not None
            temporary = target.with_name(f"{name}.part")
            with temporary.open("wb") as out:
                shutil.copyfileobj(source, out)
        temporary.chmod(0o755)
        temporary.replace(target)
    return target
