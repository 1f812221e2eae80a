# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The bundle's programs for images (crane, cosign, trivy), with credentials that no command line shows."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import tempfile
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

#: seconds that one call may take; a scan unpacks all layers
PATIENCE = 900.0


class PipelineError(Exception):
    """An image cannot be asked for, or a program is not there; the message says what was expected."""


class Run(t.Protocol):
    """Runs one of the programs and returns what it printed."""

    def __call__(
        self,
        program: str,
        *arguments: str,
        secrets: Mapping[str, str] | None = None,
        given: str | None = None,
    ) -> str:
        """:raises PipelineError: it failed; the message has its last words."""


class Tools:
    """Programs below one folder, with an environment of their own.

    :param directory: the bundle's ``bin``.
    :param home: folder that only the owner reads; holds credentials and caches while the programs run.
    :param authorities: PEM files of the authorities that registries' certificates are checked by.
    :param credentials: by registry (host and port), user and password.
    """

    def __init__(
        self,
        directory: Path,
        home: Path,
        authorities: Sequence[Path] = (),
        credentials: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.directory = directory
        self.home = home
        auths = {
            registry: {"auth": base64.b64encode(f"{one['user']}:{one['password']}".encode()).decode()}
            for registry, one in (credentials or {}).items()
        }
        (home / "config.json").write_text(json.dumps({"auths": auths}))
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(home),
            "DOCKER_CONFIG": str(home),
            "TMPDIR": str(home),
        }
        found = [path for path in authorities if path.is_file()]
        if found:
            bundle = home / "authorities.pem"
            bundle.write_text("\n".join(path.read_text() for path in found))
            self.environment["SSL_CERT_FILE"] = str(bundle)

    def __call__(
        self,
        program: str,
        *arguments: str,
        secrets: Mapping[str, str] | None = None,
        given: str | None = None,
    ) -> str:
        path = self.directory / program
        if not path.is_file():
            raise PipelineError(f"{path} is not there: make the bundle with bundle_sets: [pipeline]")
        try:
            done = subprocess.run(
                [str(path), *arguments],
                env={**self.environment, **(secrets or {})},
                input=given,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise PipelineError(f"{program} {arguments[0]} gave no answer in {PATIENCE:.0f} s") from error
        if done.returncode:
            raise PipelineError(f"{program} {arguments[0]} failed: {last_words(done.stderr)}")
        return done.stdout


@contextlib.contextmanager
def tools(
    directory: str, authorities: Sequence[str], credentials: Mapping[str, Mapping[str, str]] | None
) -> Iterator[Tools]:
    """Tools whose folder is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="nilecare-pipeline-") as home:
        yield Tools(Path(directory), Path(home), [Path(path) for path in authorities], credentials)


def last_words(errors: str) -> str:
    """What a program said last that is an error: its own lines repeat it."""
    lines = [line.strip() for line in errors.splitlines() if line.strip() and not line.startswith("WARNING")]
    named = [line for line in lines if line.startswith("Error: ")]
    return (named[-1][len("Error: ") :] if named else lines[-1] if lines else "it said nothing")[:600]
