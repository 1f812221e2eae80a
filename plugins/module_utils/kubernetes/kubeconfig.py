# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A small kubeconfig reader: server, CA, client certificate, token and TLS server name.

Credential plugins (``exec``, ``auth-provider``) are refused by name: a controller in a site has none.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .errors import KubeconfigError

try:
    import yaml
except ImportError:  # reported by the module through missing_required_lib
    yaml = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Endpoint:
    """Where an API server listens and how to prove who we are. Built by :func:`load`."""

    host: str
    port: int
    prefix: str = ""
    tls: ssl.SSLContext | None = None
    tls_server_name: str | None = None
    token: str | None = None
    namespace: str | None = None
    source: str = ""

    @property
    def server(self) -> str:
        scheme = "https" if self.tls else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}{self.prefix}"


def load(path: str | Path, context: str | None = None) -> Endpoint:
    """Read kubeconfig ``path``; ``context`` defaults to its ``current-context``.

    Raises :class:`KubeconfigError`, which names the file and the key.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KubeconfigError(f"kubeconfig {file} does not exist") from None
    except OSError as error:
        raise KubeconfigError(f"kubeconfig {file} cannot be read: {error.strerror}") from None
    if yaml is None:
        raise KubeconfigError("the Python package PyYAML is missing: kubeconfig files cannot be read")
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise KubeconfigError(f"kubeconfig {file} is not YAML: {error}") from None
    if not isinstance(config, dict):
        raise KubeconfigError(f"kubeconfig {file} is empty or no mapping")
    return _endpoint(config, file, context)


def _endpoint(config: dict[str, Any], file: Path, context: str | None) -> Endpoint:
    name = context or config.get("current-context")
    if not name:
        raise KubeconfigError(f"kubeconfig {file} has no current-context and none was given")
    chosen = _named(config, "contexts", "context", name, file)
    cluster = _named(config, "clusters", "cluster", chosen.get("cluster"), file)
    user = _named(config, "users", "user", chosen["user"], file) if chosen.get("user") else {}
    for unsupported in ("exec", "auth-provider", "username"):
        if unsupported in user:
            raise KubeconfigError(
                f"kubeconfig {file}: user {chosen['user']} uses {unsupported}; "
                "supported are client certificates and tokens"
            )
    url = urlsplit(str(cluster.get("server", "")))
    if url.scheme not in ("https", "http") or not url.hostname:
        raise KubeconfigError(
            f"kubeconfig {file}: server of cluster {chosen.get('cluster')} is "
            f"{cluster.get('server')!r}, expected https://host:port"
        )
    return Endpoint(
        host=url.hostname,
        port=url.port or (443 if url.scheme == "https" else 80),
        prefix=url.path.rstrip("/"),
        tls=_tls(cluster, user, file) if url.scheme == "https" else None,
        tls_server_name=cluster.get("tls-server-name"),
        token=_token(user, file),
        namespace=chosen.get("namespace"),
        source=str(file),
    )


def _named(config: dict[str, Any], section: str, key: str, name: Any, file: Path) -> dict[str, Any]:
    for entry in config.get(section) or []:
        if entry.get("name") == name:
            value = entry.get(key)
            return value if isinstance(value, dict) else {}
    raise KubeconfigError(f"kubeconfig {file}: no entry {name!r} in {section}")


def _tls(cluster: dict[str, Any], user: dict[str, Any], file: Path) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    authority = _bytes(cluster, "certificate-authority", file)
    try:
        if cluster.get("insecure-skip-tls-verify"):
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        elif authority:
            tls.load_verify_locations(cadata=authority.decode())
        else:
            tls.load_default_certs()
    except (ssl.SSLError, UnicodeDecodeError) as error:
        raise KubeconfigError(
            f"kubeconfig {file}: certificate-authority is no PEM certificate: {error}"
        ) from None
    certificate, key = _bytes(user, "client-certificate", file), _bytes(user, "client-key", file)
    if bool(certificate) != bool(key):
        raise KubeconfigError(f"kubeconfig {file}: client-certificate and client-key belong together")
    if certificate and key:
        # OpenSSL's Python interface takes only files: one of mode 0600 that lives for this call.
        with tempfile.NamedTemporaryFile(prefix="nilecare-") as pem:
            pem.write(certificate + b"\n" + key)
            pem.flush()
            try:
                tls.load_cert_chain(pem.name)
            except ssl.SSLError as error:
                raise KubeconfigError(
                    f"kubeconfig {file}: client certificate and key cannot be used: {error}"
                ) from None
    return tls


def _bytes(entry: dict[str, Any], key: str, file: Path) -> bytes | None:
    """The value of ``<key>-data`` (base64), or the content of the file that ``<key>`` names."""
    if entry.get(f"{key}-data"):
        try:
            return base64.b64decode(entry[f"{key}-data"], validate=True)
        except (binascii.Error, ValueError):
            raise KubeconfigError(f"kubeconfig {file}: {key}-data is not base64") from None
    if entry.get(key):
        return _read(file.parent / entry[key], key, file)
    return None


def _token(user: dict[str, Any], file: Path) -> str | None:
    if user.get("token"):
        return str(user["token"])
    if user.get("tokenFile"):
        return _read(file.parent / user["tokenFile"], "tokenFile", file).decode().strip()
    return None


def _read(path: Path, key: str, file: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KubeconfigError(f"kubeconfig {file}: {key} {path} cannot be read: {error.strerror}") from None
