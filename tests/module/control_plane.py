"""A real kube-apiserver on a real etcd, on free loopback ports, ready in seconds; no controllers run.

What controllers would do (a status, a pod's events) tests write by hand.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from tests import certificates

START_TIMEOUT = 60.0
ADMIN_TOKEN, VIEWER_TOKEN = "admin-token-of-a-test", "viewer-token-of-a-test"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Authority:
    """A certificate authority with one server certificate and signing keys for tokens."""

    directory: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.name = certificates.common_name("test authority")
        own = self.key.public_key()
        made = certificates.authority(self.name, own, self.name, own).sign(self.key, hashes.SHA256())
        self.file = self._write("ca.crt", made.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, common_name: str, organization: str | None = None) -> tuple[Path, Path]:
        """Files of a certificate (for servers on loopback and for clients) and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if organization:
            attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        names = x509.SubjectAlternativeName(
            [x509.DNSName("api.nilecare.internal"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        certificate = (
            certificates.certificate(
                x509.Name(attributes), key.public_key(), self.name, self.key.public_key()
            )
            .add_extension(names, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return (
            self._write(f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM)),
            self.write_key(f"{name}.key", key),
        )

    def write_key(self, name: str, key: ec.EllipticCurvePrivateKey) -> Path:
        return self._write(name, certificates.private_pem(key))

    def _write(self, name: str, content: bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content)
        path.chmod(0o600)
        return path


class ControlPlane:
    """Starts, restarts and stops etcd and kube-apiserver; ``binaries`` holds both and kubectl."""

    issuer = "https://test.nilecare.internal"

    def __init__(self, directory: Path, binaries: Path) -> None:
        self.directory = directory
        self.binaries = binaries
        self.authority = Authority(directory)
        self.port = free_port()
        self._etcd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._etcd_ports = (free_port(), free_port())
        self._certificate, self._key = self.authority.issue("server", "kube-apiserver")
        self._token_key = ec.generate_private_key(ec.SECP256R1())
        self._token_key_file = self.authority.write_key("service-account.key", self._token_key)
        self._tokens = directory / "tokens.csv"
        self._tokens.write_text(
            f'{ADMIN_TOKEN},admin,1,"system:masters"\n{VIEWER_TOKEN},viewer,2,"viewers"\n'
        )
        self.kubeconfig = self.write_kubeconfig("admin", {"token": ADMIN_TOKEN})

    @property
    def kubectl_binary(self) -> Path:
        return self.binaries / "kubectl"

    def client(self, patience: float = 20.0) -> Client:
        return Client.from_kubeconfig(self.kubeconfig, patience=patience)

    def write_kubeconfig(self, name: str, user: dict[str, str], **cluster: str) -> Path:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [
                {
                    "name": "test",
                    "cluster": {
                        "server": f"https://127.0.0.1:{self.port}",
                        "certificate-authority-data": base64.b64encode(
                            self.authority.file.read_bytes()
                        ).decode(),
                        **cluster,
                    },
                }
            ],
            "users": [{"name": "test", "user": user}],
        }
        path = self.directory / f"kubeconfig-{name}"
        path.write_text(yaml.safe_dump(config))
        path.chmod(0o600)
        return path

    def kubectl(
        self, *arguments: str, stdin: str | None = None, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.kubectl_binary), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=stdin,
            text=True,
            capture_output=True,
            check=check,
            timeout=timeout,
            env={**os.environ, "HOME": str(self.directory), "KUBECTL_APPLYSET": "true"},
        )

    def token(self, subject: str, uid: str, lifetime: float) -> str:
        """A service account's token as the API server signs it; ``lifetime`` in seconds, may be negative."""

        def part(content: bytes) -> str:
            return base64.urlsafe_b64encode(content).decode().rstrip("=")

        now = time.time()
        header = {"alg": "ES256", "typ": "JWT", "kid": self._key_id()}
        claims = {
            "iss": self.issuer,
            "aud": [self.issuer],
            "sub": f"system:serviceaccount:default:{subject}",
            "iat": int(now - 7200),
            "nbf": int(now - 7200),
            "exp": int(now + lifetime),
            "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": subject, "uid": uid}},
        }
        signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._token_key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def _key_id(self) -> str:
        der = self._token_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        digest = hashes.Hash(hashes.SHA256())
        digest.update(der)
        return base64.urlsafe_b64encode(digest.finalize()).decode().rstrip("=")

    def start(self) -> None:
        client_port, peer_port = self._etcd_ports
        self._etcd = self._run(
            "etcd",
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{client_port}",
            f"--advertise-client-urls=http://127.0.0.1:{client_port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-cluster=default=http://127.0.0.1:{peer_port}",
            "--unsafe-no-fsync" if os.environ.get("NILECARE_TEST_FSYNC") != "1" else "--log-level=warn",
        )
        self.start_server()

    def start_server(self, wait: bool = True) -> None:
        self._server = self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_ports[0]}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            "--advertise-address=127.0.0.1",
            f"--tls-cert-file={self._certificate}",
            f"--tls-private-key-file={self._key}",
            f"--client-ca-file={self.authority.file}",
            f"--token-auth-file={self._tokens}",
            f"--service-account-issuer={self.issuer}",
            f"--service-account-key-file={self._token_key_file}",
            f"--service-account-signing-key-file={self._token_key_file}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC",
            # No controller makes the service account "default" that this one would ask for.
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
            "--allow-privileged=true",
            "--profiling=false",
            "--v=0",
        )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        with self.client(patience=0) as client:
            while not client.healthy():
                if self._server is None or self._server.poll() is not None:
                    raise RuntimeError(f"kube-apiserver ended:\n{self._log_end('kube-apiserver')}")
                if time.monotonic() > deadline:
                    raise RuntimeError(f"kube-apiserver is not ready:\n{self._log_end('kube-apiserver')}")
                time.sleep(0.05)

    def stop_server(self) -> None:
        """As by a power cut."""
        self._end(self._server, signal.SIGKILL)
        self._server = None

    def stop(self) -> None:
        self.stop_server()
        self._end(self._etcd, signal.SIGKILL)
        self._etcd = None

    def _run(self, binary: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{binary}.log").open("ab") as log:
            return subprocess.Popen(
                [str(self.binaries / binary), *arguments], stdout=log, stderr=log, cwd=self.directory
            )

    def _end(self, process: subprocess.Popen[bytes] | None, how: signal.Signals) -> None:
        if process is not None and process.poll() is None:
            process.send_signal(how)
            process.wait(timeout=30)

    def _log_end(self, name: str) -> str:
        return "\n".join((self.directory / f"{name}.log").read_text(errors="replace").splitlines()[-15:])
