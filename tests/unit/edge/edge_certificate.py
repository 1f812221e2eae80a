"""A certificate that signs itself."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_certificate(directory: Path, host: str) -> tuple[Path, Path]:
    """Certificate and key for a host, both PEM."""
    certificate, key = directory / "tls.crt", directory / "tls.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    command += ["-keyout", str(key), "-out", str(certificate), "-subj", f"/CN={host}"]
    subprocess.run([*command, "-addext", f"subjectAltName=DNS:{host}"], check=True, capture_output=True)
    return certificate, key
