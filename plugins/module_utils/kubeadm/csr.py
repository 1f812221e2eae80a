# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rule by which a kubelet's request for a serving certificate is approved. Pure.

A request is approved when all of this holds (objections() names what does not):
- it asks the signer kubernetes.io/kubelet-serving for nothing but the usages of a server;
- the requestor is a node, in the group system:nodes, and the certificate is for that node
  (CN system:node:<name>, O system:nodes);
- the node is in the inventory, and the alternative names are that node's own name and address, no others.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SIGNER = "kubernetes.io/kubelet-serving"
USAGES = frozenset({"key encipherment", "digital signature", "server auth"})
PREFIX = "system:node:"

_COMMON_NAME = bytes.fromhex("550403")
_ORGANISATION = bytes.fromhex("55040a")
_EXTENSION_REQUEST = bytes.fromhex("2a864886f70d01090e")
_ALTERNATIVE_NAME = bytes.fromhex("551d11")
_DNS, _ADDRESS = 0x82, 0x87


class MalformedError(ValueError):
    """The bytes are not a certificate request as a kubelet makes it."""


@dataclass(frozen=True)
class Request:
    """What a certificate request asks for. ``others``: names that are neither DNS nor an address."""

    common_names: tuple[str, ...]
    organisations: tuple[str, ...]
    names: frozenset[str]
    addresses: frozenset[str]
    others: int


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each DER element in ``data``, one level deep."""
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise MalformedError("an element is cut off")
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or at + size > len(data):
                raise MalformedError("a length is not DER")
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise MalformedError("an element is longer than what holds it")
        yield tag, data[at : at + length]
        at += length


def _parts(data: bytes, least: int) -> list[tuple[int, bytes]]:
    parts = list(_elements(data))
    if len(parts) < least:
        raise MalformedError(f"{len(parts)} elements where {least} are needed")
    return parts


def parse_request(pem: str) -> Request:
    """The request in ``pem``. Raises MalformedError."""
    body = pem.partition("-----BEGIN CERTIFICATE REQUEST-----")[2]
    body, end, _rest = body.partition("-----END CERTIFICATE REQUEST-----")
    if not end:
        raise MalformedError("no certificate request")
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except ValueError as error:
        raise MalformedError("not base64") from error
    request = _parts(der, 1)[0][1]
    # CertificationRequestInfo: version, subject, public key, [0] attributes
    info = _parts(_parts(request, 3)[0][1], 3)
    subject = list(_subject(info[1][1]))
    attributes = b"".join(content for tag, content in info[3:] if tag == 0xA0)
    names, addresses, others = set(), set(), 0
    for tag, content in _alternative_names(attributes):
        if tag == _DNS:
            names.add(content.decode("ascii", errors="backslashreplace"))
        elif tag == _ADDRESS and len(content) in (4, 16):
            addresses.add(str(ipaddress.ip_address(content)))
        else:
            others += 1
    return Request(
        common_names=tuple(text for kind, text in subject if kind == _COMMON_NAME),
        organisations=tuple(text for kind, text in subject if kind == _ORGANISATION),
        names=frozenset(names),
        addresses=frozenset(addresses),
        others=others + sum(kind not in (_COMMON_NAME, _ORGANISATION) for kind, _text in subject),
    )


def _subject(data: bytes) -> Iterator[tuple[bytes, str]]:
    for _set, relative in _elements(data):
        for _sequence, pair in _elements(relative):
            (_oid, kind), (_tag, text) = _parts(pair, 2)[:2]
            yield kind, text.decode(errors="backslashreplace")


def _alternative_names(attributes: bytes) -> Iterator[tuple[int, bytes]]:
    for _sequence, attribute in _elements(attributes):
        (_oid, kind), (_set, values) = _parts(attribute, 2)[:2]
        if kind != _EXTENSION_REQUEST:
            continue
        for _extensions, extensions in _elements(values):
            for _extension, extension in _elements(extensions):
                parts = _parts(extension, 2)
                if parts[0][1] == _ALTERNATIVE_NAME:
                    # OID, perhaps critical, then the value in an octet string
                    yield from _elements(_parts(parts[-1][1], 1)[0][1])


def is_settled(csr: Mapping[str, Any]) -> bool:
    """Whether somebody has approved or denied the request already."""
    return bool(csr.get("status", {}).get("conditions"))


def objections(csr: Mapping[str, Any], nodes: Mapping[str, str]) -> list[str]:
    """Why the CertificateSigningRequest must not be approved; empty: approve it.

    ``nodes`` maps the names of the inventory's nodes to their addresses.
    """
    spec = csr["spec"]
    user = str(spec.get("username", ""))
    found = []
    if spec.get("signerName") != SIGNER:
        found.append(f"the signer is {spec.get('signerName')}")
    extra = set(spec.get("usages", [])) - USAGES
    if extra or "server auth" not in spec.get("usages", []):
        found.append(f"the usages are {', '.join(sorted(spec.get('usages', []))) or 'none'}")
    if not user.startswith(PREFIX) or "system:nodes" not in spec.get("groups", []):
        return [*found, f"the requestor {user or '(nobody)'} is not a node"]
    name = user[len(PREFIX) :]
    if name not in nodes:
        return [*found, f"node {name} is not vouched for by the inventory"]
    try:
        request = parse_request(base64.b64decode(spec["request"]).decode("ascii", errors="replace"))
    except (MalformedError, KeyError, ValueError) as error:
        return [*found, f"the request cannot be read: {error}"]
    if request.common_names != (user,) or request.organisations != ("system:nodes",):
        found.append(f"the certificate would be for {request.common_names} of {request.organisations}")
    address = str(ipaddress.ip_address(nodes[name]))
    strange = sorted((request.names - {name}) | (request.addresses - {address}))
    if strange or request.others:
        found.append(
            f"the names {', '.join(strange) or 'of another kind'} are not {name}'s ({name}, {address})"
        )
    if not request.names and not request.addresses:
        found.append("it names no address")
    return found
