# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Objects in an S3 store, through rclone. Its credentials stand in its environment, which only root reads."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import BackupError
from .programs import PATIENCE, Programs, last_words, surroundings

PIECE = 1 << 20


@dataclass(frozen=True)
class Target:
    """One place that backups go to: an entry of `backup_targets`."""

    name: str
    endpoint: str
    bucket: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    site: str = ""
    #: PEM of the authority that the endpoint's certificate comes from; empty: those of the system
    authority: str = field(default="", repr=False)

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Target:
        """Read an entry; what it does not know (country, approval) is preflight's."""
        try:
            return cls(
                name=entry["name"],
                endpoint=entry["endpoint"],
                bucket=entry["bucket"],
                access_key=entry["access_key"],
                secret_key=entry["secret_key"],
                region=entry.get("region") or "us-east-1",
                site=entry.get("site") or "",
                authority=entry.get("authority") or "",
            )
        except KeyError as error:
            raise BackupError(f"a target of backups has no {error.args[0]}") from None


@dataclass
class Sent:
    """What went into an object."""

    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        return str(self.digest.hexdigest())


class Store:
    """The objects of one target below a prefix.

    :param home: folder that only the owner reads, for the authority's certificate.
    """

    def __init__(self, target: Target, programs: Programs, home: Path) -> None:
        self.target = target
        self.programs = programs
        self.environment = {
            # No configuration file is looked for or written.
            "RCLONE_CONFIG": "",
            "RCLONE_S3_PROVIDER": "Other",
            "RCLONE_S3_ENV_AUTH": "false",
            "RCLONE_S3_ENDPOINT": target.endpoint,
            "RCLONE_S3_REGION": target.region,
            "RCLONE_S3_ACCESS_KEY_ID": target.access_key,
            "RCLONE_S3_SECRET_ACCESS_KEY": target.secret_key,
            "RCLONE_S3_NO_CHECK_BUCKET": "true",
            # Parts of 16 MiB: at most 10000 of them are an object.
            "RCLONE_S3_CHUNK_SIZE": "16Mi",
            "RCLONE_CONTIMEOUT": "20s",
            "RCLONE_TIMEOUT": "2m",
            "RCLONE_RETRIES": "3",
            "HOME": str(home),
        }
        if target.authority:
            path = home / f"{target.name}.pem"
            path.write_text(target.authority)
            self.environment["RCLONE_CA_CERT"] = str(path)

    def _where(self, path: str) -> str:
        return f":s3:{self.target.bucket}/{path}"

    def _run(self, *arguments: str, given: bytes | None = None) -> bytes:
        try:
            return self.programs.run("rclone", *arguments, environment=self.environment, given=given)
        except BackupError as error:
            raise BackupError(f"{self.target.name} ({self.target.endpoint}): {error}") from error

    def make_bucket(self) -> None:
        """Make the bucket where there is none."""
        self._run("mkdir", self._where(""))

    def sizes(self, prefix: str) -> dict[str, int]:
        """Sizes of the objects below a prefix by their names there."""
        where = self._where(prefix)
        try:
            listed = json.loads(self._run("lsjson", "--files-only", "--no-mimetype", "--no-modtime", where))
        except BackupError as error:
            # A prefix is there when an object is.
            if "directory not found" in str(error):
                return {}
            raise
        return {entry["Name"]: int(entry["Size"]) for entry in listed}

    def read(self, path: str) -> bytes:
        """A small object."""
        return self._run("cat", self._where(path))

    def write(self, path: str, content: bytes) -> None:
        """Write a small object."""
        self._run("rcat", self._where(path), given=content)

    def remove(self, path: str) -> None:
        """Remove an object."""
        self._run("deletefile", self._where(path))

    def fetch(self, path: str, file: Path) -> None:
        """Bring an object into a file."""
        self._run("copyto", self._where(path), str(file))

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[subprocess.Popen[bytes]]:
        """rclone, which makes an object of what is written to its input.

        It is killed where the block fails: an input that merely ends would become a whole object.
        """
        process = subprocess.Popen(
            [self.programs.path("rclone"), "rcat", self._where(path)],
            env=surroundings(self.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            yield process
        except BrokenPipeError as error:
            process.kill()
            said = process.communicate()[1]
            raise BackupError(f"{self.target.name} ({self.target.endpoint}): {last_words(said)}") from error
        except BaseException:
            process.kill()
            process.communicate()
            raise
        try:
            said = process.communicate(timeout=PATIENCE)[1]
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.communicate()
            raise BackupError(f"{self.target.name} took no data for {PATIENCE:.0f} s") from error
        if process.returncode:
            raise BackupError(f"{self.target.name} ({self.target.endpoint}): {last_words(said)}")
