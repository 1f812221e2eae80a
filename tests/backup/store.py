# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An object store for tests of backups: the bundle's SeaweedFS on the loopback device, with TLS."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.backup.errors import BackupError
from ansible_collections.nilecare.platform.plugins.module_utils.backup.programs import Programs
from ansible_collections.nilecare.platform.plugins.module_utils.backup.store import Store, Target

from tests.module.control_plane import free_port

BUNDLES = Path.home() / ".cache" / "nilecare" / "bundles"
PROGRAMS = ("age", "age-keygen", "etcd", "etcdctl", "etcdutl", "rclone", "weed")
BUCKET = "nilecare-backups"


def programs() -> Programs:
    """Those of the newest bundle that has them all, or of NILECARE_BUNDLE."""
    given = os.environ.get("NILECARE_BUNDLE")
    found = [Path(given)] if given else list(BUNDLES.glob("*"))
    whole = [path for path in found if all((path / "bin" / name).is_file() for name in PROGRAMS)]
    if not whole:
        pytest.fail("there is no bundle with the programs for backups: NILECARE_BUNDLE_SETS=backup")
    return Programs(max(whole, key=lambda path: path.stat().st_mtime) / "bin")


@contextlib.contextmanager
def serving(home: Path, run: Programs) -> Iterator[Target]:
    """The store, while it runs, and how to reach it."""
    port = free_port()
    keys = {"accessKey": "backups", "secretKey": "a-secret-of-the-test"}
    actions = [f"{action}:{BUCKET}" for action in ("Admin", "Read", "Write", "List")]
    identities = [{"name": "backups", "credentials": [keys], "actions": actions}]
    (home / "s3.json").write_text(json.dumps({"identities": identities}))
    (home / "data").mkdir()
    openssl(home)
    with (home / "weed.log").open("wb") as log:
        process = subprocess.Popen(
            [
                run.path("weed"),
                "server",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                f"-dir={home}/data",
                f"-master.port={free_port()}",
                f"-master.port.grpc={free_port()}",
                "-master.telemetry=false",
                "-master.volumeSizeLimitMB=64",
                f"-volume.port={free_port()}",
                f"-volume.port.grpc={free_port()}",
                "-volume.max=0",
                f"-filer.port={free_port()}",
                f"-filer.port.grpc={free_port()}",
                "-s3",
                f"-s3.port={port}",
                f"-s3.port.grpc={free_port()}",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                f"-s3.config={home}/s3.json",
                f"-s3.cert.file={home}/tls.crt",
                f"-s3.key.file={home}/tls.key",
            ],
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    target = Target(
        name="aside",
        endpoint=f"https://127.0.0.1:{port}",
        bucket=BUCKET,
        access_key=keys["accessKey"],
        secret_key=keys["secretKey"],
        site="test",
        authority=(home / "tls.crt").read_text(),
    )
    try:
        wait(Store(target, run, home), process, home)
        yield target
    finally:
        process.kill()
        process.wait(timeout=30)


def openssl(home: Path) -> None:
    """A certificate for 127.0.0.1."""
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1"
    )
    more = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(home / "tls.key"),
        "-out",
        str(home / "tls.crt"),
    ]
    subprocess.run([*command.split(), *more], check=True, capture_output=True)


def wait(store: Store, process: subprocess.Popen[bytes], home: Path, seconds: float = 120) -> None:
    """Until an object can be written."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            store.write("probe", b"probe")
            return
        except BackupError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("SeaweedFS does not serve:\n" + (home / "weed.log").read_text()[-3000:])
            time.sleep(0.5)
