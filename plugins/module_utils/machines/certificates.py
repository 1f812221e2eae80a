# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The platform's certificate authority and the server certificates it issues.

Keys are EC P-256. Nothing here writes a file: PEM text goes in and comes out, so that a run in
check mode can go the whole way without leaving a trace.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

# A machine whose clock is a little behind must still accept a new certificate.
BACKDATE = timedelta(hours=1)


class CertificateError(Exception):
    """A certificate or key that cannot be used; the text says which and why."""


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: str
    private_key: str


@dataclass(frozen=True)
class Request:
    """What a certificate shall say.

    names: host names and IP addresses, mixed. days: validity. renew_days: a certificate with fewer
    days left is issued anew. domains: what an authority below another may sign for, nothing else.
    """

    common_name: str
    names: tuple[str, ...] = ()
    days: int = 365
    renew_days: int = 30
    authority: bool = False
    domains: tuple[str, ...] = ()


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(timezone.utc)  # noqa: UP017 (shared with Python 3.9+)


def load_certificate(pem: str, what: str) -> x509.Certificate:
    """Return the first certificate of a PEM text; what names it in the error."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise CertificateError(f"{what} is not a certificate in PEM form: {error}") from error


def load_key(pem: str, what: str) -> ec.EllipticCurvePrivateKey:
    """Return the private key of a PEM text. RSA keys of a given authority are accepted too."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise CertificateError(f"{what} is not an unencrypted private key in PEM form") from error
    return key  # type: ignore[return-value]


def _public(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined,no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def matches(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bool:
    """Return True when the key is the certificate's."""
    return _public(certificate.public_key()) == _public(key.public_key())


def general_names(names: tuple[str, ...]) -> list[x509.GeneralName]:
    """Return host names and addresses as names of a certificate."""
    result: list[x509.GeneralName] = []
    for name in names:
        try:
            result.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            result.append(x509.DNSName(name))
    return result


def check_authority(pair: Pair, moment: datetime) -> None:
    """Raise CertificateError with all that is wrong with a given authority."""
    certificate = load_certificate(pair.certificate, "the certificate of the authority")
    key = load_key(pair.private_key, "the private key of the authority")
    problems = []
    if not matches(certificate, key):
        problems.append("its private key belongs to another certificate")
    if not _is_authority(certificate):
        problems.append("it is not a certificate of an authority (basicConstraints CA:TRUE)")
    if certificate.not_valid_after_utc <= moment:
        problems.append(f"it expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if certificate.not_valid_before_utc > moment:
        problems.append(f"it is valid only from {certificate.not_valid_before_utc:%Y-%m-%d}")
    if problems:
        subject = certificate.subject.rfc4514_string()
        raise CertificateError(f"the authority {subject} cannot be used: {'; '.join(problems)}")


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _path_length(certificate: x509.Certificate) -> int | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    except x509.ExtensionNotFound:
        return None


def why_renew(pair: Pair | None, request: Request, issuer: Pair | None, moment: datetime) -> str | None:
    """Return why a certificate must be issued (anew), None when the present one will do.

    issuer None: the certificate signs itself.
    """
    if pair is None:
        return "there is none"
    try:
        certificate = load_certificate(pair.certificate, "the certificate")
        key = load_key(pair.private_key, "the private key")
    except CertificateError as error:
        return str(error)
    if not matches(certificate, key):
        return "the private key belongs to another certificate"
    left = certificate.not_valid_after_utc - moment
    authority = load_certificate(issuer.certificate, "the certificate of the authority") if issuer else None
    # One that ends with its authority would not become longer.
    lasts = authority is not None and certificate.not_valid_after_utc >= authority.not_valid_after_utc
    if left < timedelta(days=request.renew_days) and not (lasts and left > timedelta()):
        return f"{max(left.days, 0)} days are left, {request.renew_days} were expected"
    if authority is None:
        return None
    if not signed_by(certificate, authority):
        return "it was issued by another authority"
    present = _names(certificate)
    if present != set(general_names(request.names)):
        return "its names are others"
    if _domains(certificate) != set(request.domains):
        return "the domains that it may sign for are others"
    return None


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return True when issuer's key signed certificate."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:
        return False
    return True


def _names(certificate: x509.Certificate) -> set[x509.GeneralName]:
    try:
        return set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return set()


def _domains(certificate: x509.Certificate) -> set[str]:
    try:
        limits = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return set()
    return {name.value for name in limits.permitted_subtrees or [] if isinstance(name, x509.DNSName)}


def _limits(domains: tuple[str, ...]) -> x509.NameConstraints:
    """Names within the domains, and no addresses."""
    addresses = [x509.IPAddress(ipaddress.ip_network(every)) for every in ("0.0.0.0/0", "::/0")]
    return x509.NameConstraints([x509.DNSName(domain) for domain in domains], addresses)


def issue(request: Request, issuer: Pair | None, moment: datetime) -> Pair:
    """Return a new key and its certificate, signed by issuer or, without one, by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, request.common_name[:64])])
    until = moment + timedelta(days=request.days)
    # The root may have authorities directly below it, and those none.
    path_length = (1 if issuer is None else 0) if request.authority else None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - BACKDATE)
        .add_extension(x509.BasicConstraints(request.authority, path_length), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(_key_usage(request.authority), True)
    )
    if request.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(general_names(request.names)), False)
    if request.domains:
        builder = builder.add_extension(_limits(request.domains), True)
    if not request.authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    if issuer is None:
        signer = key
        builder = builder.issuer_name(subject)
    else:
        authority = load_certificate(issuer.certificate, "the certificate of the authority")
        if request.authority and _path_length(authority) == 0:
            raise CertificateError(
                f"the authority {authority.subject.rfc4514_string()} may sign no other authority"
                " (pathLenConstraint 0)"
            )
        signer = load_key(issuer.private_key, "the private key of the authority")
        until = min(until, authority.not_valid_after_utc)
        builder = builder.issuer_name(authority.subject).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),  # type: ignore[arg-type]
            False,
        )
    certificate = builder.not_valid_after(until).sign(signer, hashes.SHA256())
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )


def _key_usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
