"""What ansible-test runs in a new virtual environment to have pip in it.

It would download a script for that. Where only a package index can be reached, Python's own ensurepip
brings pip, and pip then brings the version that is asked for. Pip before 24.2 trusts a list of its own and
not the system's authorities, which may include one of the network's; so it is told of them.
"""

from __future__ import annotations

import ensurepip
import os
import ssl
import subprocess
import sys


def main() -> None:
    """Install pip, and the packages that the command line names."""
    ensurepip.bootstrap()
    packages = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if packages:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        trusted = ssl.get_default_verify_paths().cafile
        environment = {"PIP_CERT": trusted, **os.environ} if trusted else None
        subprocess.check_call(command + packages, env=environment)


if __name__ == "__main__":
    main()
