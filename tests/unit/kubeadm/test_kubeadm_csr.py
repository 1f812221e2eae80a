# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rule for serving certificates: what is approved, and what never is."""

from __future__ import annotations

import base64
import copy
import ipaddress
import re
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import approver, csr
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

NODES = {"k1": "10.77.1.11", "k2": "10.77.1.12"}
KEY = ec.generate_private_key(ec.SECP256R1())


def pem(
    common: str, organisation: str = "system:nodes", names: tuple[Any, ...] = (), critical: bool = False
) -> str:
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, common))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


OWN = (x509.DNSName("k1"), x509.IPAddress(ipaddress.ip_address("10.77.1.11")))


def request(text: str | None = None, **spec: Any) -> dict[str, Any]:
    text = pem("system:node:k1", names=OWN) if text is None else text
    return {
        "metadata": {"name": "csr-1"},
        "spec": {
            "signerName": csr.SIGNER,
            "username": "system:node:k1",
            "groups": ["system:nodes", "system:authenticated"],
            "usages": ["digital signature", "server auth"],
            "request": base64.b64encode(text.encode()).decode(),
            **spec,
        },
        "status": {},
    }


@pytest.mark.parametrize("names", [OWN, OWN[1:], OWN[:1]])
@pytest.mark.parametrize("critical", [False, True])
def test_a_nodes_own_names_are_approved(names: tuple[Any, ...], critical: bool) -> None:
    assert csr.objections(request(pem("system:node:k1", names=names, critical=critical)), NODES) == []


def test_key_encipherment_is_allowed_for_rsa_keys() -> None:
    usages = ["key encipherment", "digital signature", "server auth"]
    assert csr.objections(request(usages=usages), NODES) == []


@pytest.mark.parametrize(
    "bad, said",
    [
        (request(signerName="kubernetes.io/kube-apiserver-client"), "signer"),
        (request(usages=["digital signature", "server auth", "client auth"]), "usages"),
        (request(usages=["digital signature"]), "usages"),
        (request(username="system:serviceaccount:default:thief"), "not a node"),
        (request(groups=["system:authenticated"]), "not a node"),
        (request(username="system:node:k9"), "not vouched for"),
        (request(username="system:node:k2"), "would be for"),
        (request(pem("system:node:k2", names=OWN)), "would be for"),
        (request(pem("system:node:k1", organisation="system:masters", names=OWN)), "would be for"),
        (
            request(pem("system:node:k1", names=(*OWN, x509.DNSName("api.nilecare.internal")))),
            "api.nilecare.internal",
        ),
        (
            request(pem("system:node:k1", names=(x509.IPAddress(ipaddress.ip_address("10.77.1.12")),))),
            "10.77.1.12",
        ),
        (request(pem("system:node:k1", names=(*OWN, x509.RFC822Name("a@b.sd")))), "another kind"),
        (request(pem("system:node:k1", names=(x509.DNSName("k1, DNS:k1"),))), "k1, DNS:k1"),
        (request(pem("system:node:k1")), "no address"),
        (request("rubbish"), "cannot be read"),
    ],
)
def test_what_breaks_the_rule_is_not_approved(bad: dict[str, Any], said: str) -> None:
    found = csr.objections(bad, NODES)
    assert said in "; ".join(found)


@given(st.binary(max_size=200))
def test_no_bytes_can_break_the_reader(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    whole = f"-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n"
    try:
        csr.parse_request(whole)
    except csr.MalformedError:
        return


WHOLE = base64.b64decode("".join(pem("system:node:k1", names=OWN).splitlines()[1:-1]))


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_one_changed_byte_is_read_or_refused_but_never_breaks(at: int, value: int) -> None:
    der = bytearray(WHOLE)
    der[at] = value
    text = base64.b64encode(bytes(der)).decode()
    changed = f"-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n"
    for reason in csr.objections(request(changed), NODES):
        assert reason


def test_only_pending_requests_of_the_signer_are_looked_at() -> None:
    good = request()
    settled = copy.deepcopy(good)
    settled["status"] = {"conditions": [{"type": "Denied"}]}
    other = request(signerName="example.org/signer")
    bad = request(username="system:node:k9")
    bad["metadata"]["name"] = "csr-bad"
    approved, refused = approver.decide([good, settled, other, bad], NODES)
    assert approved == [good]
    assert list(refused) == ["csr-bad"]


class Nodes:
    """Answers as an API server does that holds these nodes."""

    def __init__(self, labels: dict[str, dict[str, str]]) -> None:
        self.items = [{"metadata": {"name": name, "labels": each}} for name, each in labels.items()]

    def request(self, _method: str, path: str) -> dict[str, Any]:
        assert path == approver.NODES
        return {"items": self.items}


@given(st.ip_addresses())
def test_an_address_survives_as_a_label(address: Any) -> None:
    label = approver.address_label(str(address))
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?", label)
    found = approver.labelled_nodes(Nodes({"k1": {approver.ADDRESS_LABEL: label}}))  # type: ignore[arg-type]
    assert ipaddress.ip_address(found["k1"]) == address


def test_a_node_without_the_label_has_no_address() -> None:
    nodes = Nodes({"k1": {approver.ADDRESS_LABEL: "10.77.1.11"}, "stranger": {"app": "x"}})
    assert approver.labelled_nodes(nodes) == {"k1": "10.77.1.11"}  # type: ignore[arg-type]
