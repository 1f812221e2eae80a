# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The authority and its certificates; judged by openssl too, not only by ourselves."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.machines.certificates import (
    CertificateError,
    Pair,
    Request,
    check_authority,
    issue,
    load_certificate,
    now,
    why_renew,
)

NOW = now()
AUTHORITY = issue(Request("test", days=3650, authority=True), None, NOW)
OTHER = issue(Request("test", days=3650, authority=True), None, NOW)
REQUEST = Request("mirror.test", ("mirror.test", "10.0.0.1"), days=365, renew_days=30)
SERVER = issue(REQUEST, AUTHORITY, NOW)


def openssl_verify(tmp_path: Path, authority: Pair, leaf: Pair, *options: str) -> int:
    (tmp_path / "ca").write_text(authority.certificate)
    (tmp_path / "leaf").write_text(leaf.certificate)
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", *options]
    done = subprocess.run(
        [*command, "-CAfile", str(tmp_path / "ca"), str(tmp_path / "leaf")], capture_output=True, check=False
    )
    return done.returncode


@pytest.mark.parametrize(
    ("options", "good"),
    [
        (["-verify_hostname", "mirror.test"], True),
        (["-verify_ip", "10.0.0.1"], True),
        (["-verify_hostname", "api.test"], False),
        (["-verify_ip", "10.0.0.2"], False),
    ],
)
def test_openssl_accepts_exactly_the_names(tmp_path: Path, options: list[str], good: bool) -> None:
    assert (openssl_verify(tmp_path, AUTHORITY, SERVER, *options) == 0) is good


def test_openssl_refuses_another_authority(tmp_path: Path) -> None:
    assert openssl_verify(tmp_path, OTHER, SERVER) != 0


def test_an_authority_below_signs_for_its_domains_and_nothing_else(tmp_path: Path) -> None:
    below = issue(Request("edge", days=400, authority=True, domains=("nile.test",)), AUTHORITY, NOW)
    (tmp_path / "below").write_text(below.certificate)
    given = ["-untrusted", str(tmp_path / "below")]
    for names, good in (
        (("nile.test",), True),
        (("api.nile.test",), True),
        (("api.test",), False),
        (("10.0.0.1",), False),
    ):
        leaf = issue(Request(names[0], names), below, NOW)
        assert (openssl_verify(tmp_path, AUTHORITY, leaf, *given) == 0) is good, names
    with pytest.raises(CertificateError, match="may sign no other authority"):
        issue(Request("below that", authority=True), below, NOW)


def test_an_authority_with_other_domains_is_issued_anew() -> None:
    request = Request("edge", days=400, authority=True, domains=("nile.test",))
    below = issue(request, AUTHORITY, NOW)
    assert why_renew(below, request, AUTHORITY, NOW) is None
    other = Request("edge", days=400, authority=True, domains=("nile.test", "blue.test"))
    assert "domains" in (why_renew(below, other, AUTHORITY, NOW) or "")


def test_good_certificate_stays() -> None:
    assert why_renew(SERVER, REQUEST, AUTHORITY, NOW) is None
    assert why_renew(AUTHORITY, Request("test", renew_days=0, authority=True), None, NOW) is None


@pytest.mark.parametrize(
    ("days_later", "reason"), [(334, None), (336, "days are left, 30 were expected"), (400, "0 days")]
)
def test_renewed_near_the_end(days_later: int, reason: str | None) -> None:
    found = why_renew(SERVER, REQUEST, AUTHORITY, NOW + timedelta(days=days_later))
    assert found is None if reason is None else reason in (found or "")


def test_one_that_ends_with_its_authority_is_not_issued_again_and_again() -> None:
    authority = issue(Request("short", days=20, authority=True), None, NOW)
    server = issue(REQUEST, authority, NOW)
    assert why_renew(server, REQUEST, authority, NOW + timedelta(days=10)) is None
    assert why_renew(server, REQUEST, authority, NOW + timedelta(days=21)) is not None


@pytest.mark.parametrize(
    ("pair", "request_", "issuer", "reason"),
    [
        (None, REQUEST, AUTHORITY, "there is none"),
        (SERVER, Request("m", ("mirror.test", "10.0.0.2")), AUTHORITY, "names"),
        (SERVER, REQUEST, OTHER, "another authority"),
        (Pair(SERVER.certificate, OTHER.private_key), REQUEST, AUTHORITY, "another certificate"),
        (Pair("rubbish", SERVER.private_key), REQUEST, AUTHORITY, "not a certificate"),
        (Pair(SERVER.certificate, "rubbish"), REQUEST, AUTHORITY, "not an unencrypted private key"),
    ],
)
def test_reasons(pair: Pair | None, request_: Request, issuer: Pair, reason: str) -> None:
    assert reason in (why_renew(pair, request_, issuer, NOW) or "")


def test_never_valid_longer_than_the_authority() -> None:
    short = issue(Request("short", days=10, authority=True), None, NOW)
    leaf = load_certificate(issue(REQUEST, short, NOW).certificate, "leaf")
    assert leaf.not_valid_after_utc == load_certificate(short.certificate, "ca").not_valid_after_utc


def test_given_authority_is_checked() -> None:
    check_authority(AUTHORITY, NOW)
    with pytest.raises(CertificateError, match="belongs to another certificate"):
        check_authority(Pair(AUTHORITY.certificate, OTHER.private_key), NOW)
    with pytest.raises(CertificateError, match="CA:TRUE"):
        check_authority(SERVER, NOW)
    with pytest.raises(CertificateError, match="expired"):
        check_authority(AUTHORITY, NOW + timedelta(days=4000))
    with pytest.raises(CertificateError, match="valid only from"):
        check_authority(AUTHORITY, NOW - timedelta(days=2))
