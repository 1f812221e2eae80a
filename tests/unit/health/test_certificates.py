"""Reading a certificate's end with the standard library, against certificates that cryptography makes."""

from __future__ import annotations

import base64
import datetime

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.health import certificates
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

UTC = datetime.UTC
KEY = ec.generate_private_key(ec.SECP256R1())


def make(end: datetime.datetime, names: int = 1) -> bytes:
    """Return a certificate in PEM form; many names make its lengths need more than one octet."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api.nilecare.internal")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(end)
    names_ = [x509.DNSName(f"host-{number}.nilecare.internal") for number in range(names)]
    builder = builder.add_extension(x509.SubjectAlternativeName(names_), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("year", [2027, 2049, 2050, 2125])
@pytest.mark.parametrize("names", [1, 300])
def test_the_end_is_read(year: int, names: int) -> None:
    end = datetime.datetime(year, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert certificates.expiry(make(end, names)) == end


def test_a_key_before_the_certificate_and_a_chain_after_it_do_not_matter() -> None:
    end = datetime.datetime(2027, 1, 1, tzinfo=UTC)
    key = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    other = make(datetime.datetime(2040, 1, 1, tzinfo=UTC))
    assert certificates.expiry(key + make(end) + other) == end


def test_a_kubeconfigs_client_certificate_is_read() -> None:
    end = datetime.datetime(2027, 1, 1, tzinfo=UTC)
    encoded = base64.b64encode(make(end)).decode()
    text = f"users:\n- name: admin\n  user:\n    client-certificate-data: {encoded}\n    client-key-data: x\n"
    assert certificates.expiry(text.encode()) == end


@pytest.mark.parametrize("cut", [0, 1, 40, 200])
def test_a_cut_certificate_is_an_error_and_not_a_date(cut: int) -> None:
    pem = make(datetime.datetime(2027, 1, 1, tzinfo=UTC))
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    with pytest.raises(certificates.CertificateError):
        certificates.expiry_of_der(der[:cut])


def test_no_certificate_is_an_error() -> None:
    with pytest.raises(certificates.CertificateError, match="no certificate"):
        certificates.expiry(b"hello")


def test_days_left() -> None:
    now = datetime.datetime(2026, 1, 1, tzinfo=UTC)
    assert certificates.days_left(now + datetime.timedelta(days=30, hours=12), now) == 30.5
    assert certificates.days_left(now - datetime.timedelta(days=2), now) == -2.0
