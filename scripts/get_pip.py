"""What ansible-test runs in a new virtual environment to have pip in it.

It would download a script for that. Where only a package index can be reached, Python's own ensurepip
brings pip, and pip then brings the version that is asked for.
"""

from __future__ import annotations

import ensurepip
import subprocess
import sys


def main() -> None:
    """Install pip, and the packages that the command line names."""
    ensurepip.bootstrap()
    packages = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if packages:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.check_call(command + packages)


if __name__ == "__main__":
    main()
