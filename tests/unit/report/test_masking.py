"""Secrets do not get into a report, and ordinary text stays as it is."""

from __future__ import annotations

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.report.masking import mask
from hypothesis import given
from hypothesis import strategies as st

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\ndef==\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password: hunter2", "hunter2"),
        ("database_password = hunter2", "hunter2"),
        ('{"token": "hunter2", "a": 1}', "hunter2"),
        ("-  secret: aGVsbG8=", "aGVsbG8="),
        ("client-key-data: LS0tLS1", "LS0tLS1"),
        ("kubeadm join --token abcdef.0123456789abcdef --x", "abcdef.0123456789abcdef"),
        ("kubeadm join --certificate-key 77aa88bb", "77aa88bb"),
        ("Authorization: Bearer eyJhbGciOi.abc.def", "eyJhbGciOi.abc.def"),
        ("https://admin:hunter2@mirror:5000/v2/", "hunter2"),
        (f"key: |\n{KEY}\nend", "MIIabc"),
        ("-----BEGIN PRIVATE KEY-----\nMIIabc\ncut off", "MIIabc"),
    ],
)
def test_a_secret_is_masked(text: str, secret: str) -> None:
    assert secret not in mask(text)
    assert "****" in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "sandbox = 'registry.k8s.io/pause:3.10.2'",
        "automountServiceAccountToken: false",
        "secretName: tls\n",
        "Wait for 3 tokens of the bucket",
        "the secret is out",
        "https://mirror.nilecare.internal:5000/v2/",
        "-----BEGIN CERTIFICATE-----\nMIIabc\n-----END CERTIFICATE-----",
        "secrets:\n  - name: a",
        "passwordless sudo",
        "الخرطوم: تم",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert mask(text) == text


@given(st.text())
def test_masking_twice_is_masking_once(text: str) -> None:
    assert mask(mask(text)) == mask(text)
