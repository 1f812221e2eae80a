# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The small client, against a real TLS server that wants a client certificate."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import api
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A CA for one test."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
        signs = ("key_cert_sign", "digital_signature")
        others = ("crl_sign", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        usage = x509.KeyUsage(
            **dict.fromkeys(signs, True), **dict.fromkeys((*others, "encipher_only", "decipher_only"), False)
        )
        self.certificate = self._sign(self.name, self.key, x509.BasicConstraints(True, None), usage)

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self.name)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
        builder = builder.not_valid_after(now + datetime.timedelta(hours=1))
        subject = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        for extension in (*extensions, authority, subject):
            builder = builder.add_extension(
                extension, isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
            )
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name: str) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, key, x509.SubjectAlternativeName(names))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections = 0

    def setup(self) -> None:
        super().setup()
        type(self).connections += 1

    def do_GET(self) -> None:
        status = {"/nothing": 404, "/busy": 503}.get(self.path, 200)
        body = json.dumps({"path": self.path, "message": "said"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.path == "/last"

    def log_message(self, *_arguments: object) -> None:
        return


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def server(authority: Authority, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "server.pem").write_text("".join(authority.issue("api.nilecare.internal")))
    (tmp_path / "ca.pem").write_text(authority.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.load_verify_locations(tmp_path / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    Handler.connections = 0
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{listening.server_address[1]}"
    listening.shutdown()
    listening.server_close()


def test_requests_share_a_connection_and_a_closed_one_is_made_anew(authority: Authority, server: str) -> None:
    client = api.Client(server, authority.pem, *authority.issue("k1"))
    assert client.get("/a") == {"path": "/a", "message": "said"}
    assert client.get("/nothing") is None
    assert Handler.connections == 1
    client.get("/last")
    assert client.get("/b") is not None
    assert Handler.connections == 2
    client.close()


def test_errors_are_told_apart(authority: Authority, server: str) -> None:
    client = api.Client(server, authority.pem, *authority.issue("k1"))
    with pytest.raises(api.RefusedError, match="503: said"):
        client.get("/busy")
    stranger = Authority()
    with pytest.raises(api.UnreachableError):
        api.Client(server, stranger.pem, *authority.issue("k1")).get("/a")
    with pytest.raises(api.UnreachableError):
        api.Client("https://127.0.0.1:1", authority.pem).get("/a")


def test_the_name_in_the_certificate_can_be_another(authority: Authority, server: str) -> None:
    pair = authority.issue("k1")
    assert api.Client(server, authority.pem, *pair, name="api.nilecare.internal").get("/a")
    with pytest.raises(api.UnreachableError, match=r"other\.example"):
        api.Client(server, authority.pem, *pair, name="other.example").get("/a")


def test_a_kubeconfig_written_is_read_again(authority: Authority) -> None:
    certificate, key = authority.issue("admin")
    config = api.Kubeconfig("https://old:1", authority.pem, certificate, key)
    text = api.render_kubeconfig(config, "https://10.0.0.10:7443", "api.nilecare.internal", "nilecare")
    again = api.parse_kubeconfig(text)
    assert again == api.Kubeconfig(
        "https://10.0.0.10:7443", authority.pem, certificate, key, "api.nilecare.internal"
    )
    assert api.render_kubeconfig(again, again.server, again.server_name, "nilecare") == text


def test_certificates_by_path_are_read_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki/client.pem").write_text("both")
    text = "- cluster:\n    server: https://a:1\nusers:\n- user:\n"
    text += "    client-certificate: /pki/client.pem\n    client-key: /pki/client.pem\n"
    config = api.parse_kubeconfig(text, tmp_path)
    assert (config.server, config.certificate, config.key) == ("https://a:1", "both", "both")
    assert not api.parse_kubeconfig(text, tmp_path / "elsewhere").has_credentials


def test_patience_ends_and_only_passing_failures_are_waited_out() -> None:
    answers = iter([api.UnreachableError("no"), api.RefusedError(503, "not ready"), None])

    def attempt() -> str:
        problem = next(answers)
        if problem:
            raise problem
        return "yes"

    assert api.patiently(attempt, 5, pause=0) == "yes"
    tries = []

    def refuse() -> None:
        tries.append(1)
        raise api.RefusedError(403, "no")

    with pytest.raises(api.RefusedError):
        api.patiently(refuse, 5, pause=0)
    assert len(tries) == 1
