"""The mirror answers over TLS under our authority, gives what is in the bundle, and takes nothing."""

from __future__ import annotations

import json

import pytest

testinfra_hosts = ["ansible://machines"]

FILES = "https://mirror.nilecare.internal:8443"
IMAGES = "https://mirror.nilecare.internal:5000/v2"
ASK = """
import ssl, sys, urllib.error, urllib.request
context = ssl.create_default_context()
if len(sys.argv) > 3:
    context.maximum_version = getattr(ssl.TLSVersion, sys.argv[3])
request = urllib.request.Request(sys.argv[2], method=sys.argv[1], data=None if sys.argv[1] == "GET" else b"x")
try:
    with urllib.request.urlopen(request, context=context, timeout=10) as answer:
        print(answer.status, answer.read(200000).decode("utf-8", "replace"))
except urllib.error.HTTPError as error:
    print(error.code)
except urllib.error.URLError as error:
    print("refused", error.reason)
"""


def ask(host, method, url, *version):
    """Ask with Python's own TLS and the machine's trust store; return the status and the body."""
    status, _blank, body = host.check_output(
        "python3 -c %s %s %s %s", ASK, method, url, version[0] if version else "TLSv1_3"
    ).partition(" ")
    return status, body


def test_manifest_and_its_files_are_served(host):
    status, body = ask(host, "GET", f"{FILES}/manifest.json")
    assert status == "200"
    assert '"sha256"' in body
    assert ask(host, "GET", f"{FILES}/apt/dists/bookworm/Release")[0] == "200"


def test_images_are_served_under_upstreams_names(host):
    status, body = ask(host, "GET", f"{IMAGES}/registry.k8s.io/pause/tags/list")
    assert status == "200"
    assert json.loads(body)["name"] == "registry.k8s.io/pause"


@pytest.mark.parametrize(
    "url", [f"{FILES}/images/", f"{FILES}/", f"{FILES}/bin/none", f"{FILES}/../../etc/passwd"]
)
def test_nothing_else_is_served(host, url):
    assert ask(host, "GET", url)[0] in ("400", "403", "404")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
@pytest.mark.parametrize("url", [f"{FILES}/manifest.json", f"{IMAGES}/registry.k8s.io/pause/blobs/uploads/"])
def test_nothing_is_taken(host, method, url):
    assert ask(host, method, url)[0] in ("403", "405")


def test_old_tls_is_refused(host):
    assert ask(host, "GET", f"{FILES}/manifest.json", "TLSv1_2")[0] == "200"
    assert ask(host, "GET", f"{FILES}/manifest.json", "TLSv1_1")[0] == "refused"


def test_no_unit_has_failed(host):
    assert host.check_output("systemctl is-system-running") == "running"


def test_mirror_serves_its_own_clock_when_it_has_no_source(host):
    if host.ansible.get_variables()["inventory_hostname"] == "mirror-1":
        assert "Stratum         : 10" in host.check_output("chronyc -n tracking")
    else:
        host.check_output("chronyc -n waitsync 30 0 0 1")
        assert "Stratum         : 11" in host.check_output("chronyc -n tracking")
