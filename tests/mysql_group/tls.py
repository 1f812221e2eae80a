"""Certificates as cert-manager makes them: an authority, one below it, and a leaf with its chain."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests import certificates


class Issuer:
    """An authority, below another one or none."""

    def __init__(self, name: str, above: Issuer | None = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = certificates.common_name(name)
        signing = above or self
        self.certificate = certificates.authority(
            self.name, self.key.public_key(), signing.name, signing.key.public_key()
        ).sign(signing.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, names: Iterable[str]) -> tuple[bytes, bytes]:
        """A certificate with its chain, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            certificates.certificate(x509.Name([]), key.public_key(), self.name, self.key.public_key())
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM) + self.pem, certificates.private_pem(key)


def write(directory: Path, names: Iterable[str], uid: int, issuer: Issuer, root: Issuer) -> None:
    """The files that a member sees."""
    directory.mkdir(parents=True, exist_ok=True)
    certificate, key = issuer.issue(names)
    for name, content in (("tls.crt", certificate), ("tls.key", key), ("ca.crt", root.pem)):
        partial = directory / f"{name}.new"
        partial.write_bytes(content)
        partial.chmod(0o440)
        os.chown(partial, uid, uid)
        partial.replace(directory / name)
