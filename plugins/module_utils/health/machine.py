# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a machine says about its own health. Runs on the machine, with the standard library alone."""

from __future__ import annotations

import glob
import json
import socket
import ssl
import subprocess
import time
import typing as t
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import certificates, sntp


def certificate(path: str) -> dict[str, t.Any]:
    """Return the days a certificate file is still valid, or why that is not known."""
    try:
        with Path(path).open("rb") as stream:
            return {"path": path, "days": certificates.days_left(certificates.expiry(stream.read()))}
    except (OSError, certificates.CertificateError) as error:
        return {"path": path, "error": str(error)}


def expand(patterns: t.Iterable[str]) -> list[str]:
    """Return the files that the patterns name; a pattern that names none stays, for it is then missing."""
    found: list[str] = []
    for pattern in patterns:
        found += sorted(glob.glob(pattern)) or [pattern]  # noqa: PTH207, patterns are absolute
    return found


def address(url: str, authority: str, timeout: float, name: str = "") -> dict[str, t.Any]:
    """Ask a URL, and once more after a second where that fails: one lost answer is no illness.

    Any answer below 400 is good. ``authority`` is a CA file, empty: the system's.
    """
    report = _ask(url, authority, timeout, name)
    if not report["ok"]:
        time.sleep(1)
        report = _ask(url, authority, timeout, name)
    return report


def _ask(url: str, authority: str, timeout: float, name: str) -> dict[str, t.Any]:
    begin = time.monotonic()
    report: dict[str, t.Any] = {"url": url, "name": name or url}
    try:
        trust = ssl.create_default_context(cafile=authority or None)
        with urllib.request.urlopen(url, timeout=timeout, context=trust) as answer:
            answer.read(4096)
            report.update(ok=True, status=answer.status)
    except urllib.error.HTTPError as error:
        report.update(
            ok=False, status=error.code, error=f"answers {error.code} {error.reason}{_failing(error)}"
        )
    except (OSError, ValueError) as error:
        report.update(ok=False, error=str(getattr(error, "reason", error)))
    report["seconds"] = round(time.monotonic() - begin, 3)
    return report


def _failing(answer: t.IO[bytes]) -> str:
    """Return what Kubernetes' /readyz names as failing: its lines that begin with [-]."""
    try:
        lines = answer.read(8192).decode(errors="replace").splitlines()
    except OSError:
        return ""
    names = [line[len("[-]") :].split(" ", 1)[0] for line in lines if line.startswith("[-]")]
    return f", because of {', '.join(names)}" if names else ""


def clock(server: str, timeout: float) -> dict[str, t.Any]:
    """Return how far this machine's clock is off from the server's."""
    try:
        return {"server": server, "offset": round(sntp.offset(server, timeout), 4)}
    except OSError as error:
        return {"server": server, "error": str(error)}


def units(names: t.Sequence[str], timeout: float) -> dict[str, str]:
    """Return what systemd says of each unit: active, failed, inactive..."""
    if not names:
        return {}
    try:
        command = ["systemctl", "is-active", *names]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        return dict.fromkeys(names, f"unknown: {error}")
    states = answer.split()
    return {name: states[index] if index < len(states) else "unknown" for index, name in enumerate(names)}


def etcd(endpoint: str, folder: str, timeout: float) -> dict[str, t.Any]:
    """Return this member's state and the members it knows, over etcd's own JSON gateway.

    ``folder`` holds ca.crt, healthcheck-client.crt and healthcheck-client.key, as kubeadm makes them.
    """
    try:
        trust = ssl.create_default_context(cafile=str(Path(folder, "ca.crt")))
        client = str(Path(folder, "healthcheck-client"))
        trust.load_cert_chain(client + ".crt", client + ".key")

        def call(path: str) -> dict[str, t.Any]:
            request = urllib.request.Request(endpoint + path, data=b"{}")
            with urllib.request.urlopen(request, timeout=timeout, context=trust) as answer:
                return t.cast("dict[str, t.Any]", json.load(answer))

        status = call("/v3/maintenance/status")
        members = call("/v3/cluster/member/list")
    except (OSError, ValueError) as error:
        return {"error": str(getattr(error, "reason", error))}
    return {
        "id": status["header"]["member_id"],
        "leader": status.get("leader", "0"),
        "version": status.get("version", ""),
        "size": int(status.get("dbSize", 0)),
        "errors": status.get("errors", []),
        "members": {member["ID"]: member.get("name", "") for member in members.get("members", [])},
        "learners": [
            member.get("name", "") for member in members.get("members", []) if member.get("isLearner")
        ],
    }


def observe(parameters: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return everything at once; what may hang is asked side by side, each within the timeout (seconds)."""
    timeout = float(parameters["timeout"])
    report: dict[str, t.Any] = {"hostname": socket.gethostname()}
    with ThreadPoolExecutor(max_workers=8) as pool:
        asked = [
            pool.submit(address, item["url"], item.get("authority") or "", timeout, item.get("name") or "")
            for item in parameters["urls"]
        ]
        told = pool.submit(clock, parameters["time_server"], timeout) if parameters["time_server"] else None
        member = None
        if parameters["etcd_endpoint"]:
            member = pool.submit(etcd, parameters["etcd_endpoint"], parameters["etcd_certificates"], timeout)
        report["units"] = units(parameters["units"], timeout)
        report["certificates"] = [certificate(path) for path in expand(parameters["certificates"])]
        report["urls"] = [one.result() for one in asked]
        report["clock"] = told.result() if told else None
        report["etcd"] = member.result() if member else None
    return report
