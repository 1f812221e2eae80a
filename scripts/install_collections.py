"""Put this collection and those that it needs below .collections, without Ansible Galaxy.

The PyPI package ``ansible`` carries the community's collections. The release that goes with the
installed ansible-core is downloaded, and only the collections named here are taken out of it.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / ".collections" / "ansible_collections"
NEEDED = ("ansible/posix", "community/crypto", "kubernetes/core")
# Which release of the package goes with which ansible-core, by pypi.org/project/ansible.
RELEASES = {"2.21": "14.5.0", "2.19": "12.3.0"}


def main() -> None:
    """Make .collections, if it is not there for this ansible-core already."""
    core = ".".join(importlib.metadata.version("ansible-core").split(".")[:2])
    release = RELEASES[core]
    stamp = TARGET / ".release"
    if not (stamp.exists() and stamp.read_text() == release):
        unpack(release)
        stamp.write_text(release)
    link = TARGET / "nilecare" / "platform"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(ROOT)


def unpack(release: str) -> None:
    """Download one release of the package and unpack the needed collections from it."""
    print(f"taking {', '.join(NEEDED)} from the PyPI package ansible {release}", flush=True)
    for name in NEEDED:
        shutil.rmtree(TARGET / name, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary", ":all:", "--dest", folder, f"ansible=={release}"]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            prefixes = tuple(f"ansible_collections/{name}/" for name in NEEDED)
            for member in wheel.namelist():
                if member.startswith(prefixes):
                    wheel.extract(member, TARGET.parent)


if __name__ == "__main__":
    main()
