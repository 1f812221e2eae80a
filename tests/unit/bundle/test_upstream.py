# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Source `upstream` against a local release server and a local registry with the official layout."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import build, manifest, upstream
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.builders import Settings
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.errors import BundleError
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.lockfile import read_upstream
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.oci import (
    Entry,
    ImageSpec,
    digest_of,
    image_config,
    image_manifest,
    write_layer,
)
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.plan import make_plan

RECIPE = """---
component: tool
version: 1.0.0
licence: Apache-2.0
origin: https://example.sd/tool
go:
  directory: tool
  module: example.sd/tool
  programs: {tool: example.sd/tool, helper: example.sd/tool/helper}
binaries:
  - {program: tool, path: bin/tool}
  - {program: helper, path: bin/helper}
images:
  - name: registry.example.sd/tool
    tag: v$version
    files: [{path: /tool, program: tool}]
upstream:
  - {url: '${kubernetes}/v$version/bin/tool', paths: {'': bin/tool}}
  - {url: '${github}/tool-v$version.tar.gz', paths: {./helper: bin/helper}}
  - {url: '${raw}/tool/v$version/deploy.yaml', paths: {'': manifests/tool/deploy.yaml}}
"""


class Server:
    """Serves fixed content; a registry that wants a token, as public ones do."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.digest = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                outer.asked.append(path)
                if path == "/token":
                    self.answer(200, b'{"token": "visitor"}')
                elif path.startswith("/v2/") and self.headers.get("Authorization") != "Bearer visitor":
                    realm = f'Bearer realm="{outer.url}/token",service="local",scope="pull"'
                    self.answer(401, b"", {"WWW-Authenticate": realm})
                elif path in outer.content:
                    self.answer(200, outer.content[path])
                else:
                    self.answer(404, b"")

            def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def publish_image(self, folder: Path) -> str:
        """Put an image behind a tag that names an index of two platforms; returns its digest."""
        layer = write_layer([Entry("/tool", mode=0o755, content=b"tool")], folder / "layer")
        config = image_config([layer], ImageSpec(entrypoint=("/tool",)))
        data = image_manifest(config, [layer])
        entries = [
            {"digest": "sha256:" + "0" * 64, "platform": {"os": "linux", "architecture": "arm64"}},
            {"digest": digest_of(data), "platform": {"os": "linux", "architecture": "amd64"}},
        ]
        index = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
        self.content |= {
            "/v2/tool/manifests/v1.0.0": index,
            f"/v2/tool/manifests/{digest_of(data)}": data,
            f"/v2/tool/blobs/{digest_of(config)}": config,
            f"/v2/tool/blobs/{layer.digest}": (folder / "layer").read_bytes(),
        }
        return digest_of(data)


def tarball(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Release files and a registry."""
    server = Server()
    server.digest = server.publish_image(tmp_path)
    server.content |= {
        "/v1.0.0/bin/tool": b"tool program",
        "/v1.0.0/bin/tool.sha256": hashlib.sha256(b"tool program").hexdigest().encode(),
        "/tool-v1.0.0.tar.gz": tarball("helper", b"helper program"),
        "/tool/v1.0.0/deploy.yaml": b"kind: List\n",
    }
    yield server
    server.server.shutdown()


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one recipe that has an official release."""
    monkeypatch.setattr(build, "lock_go", lambda *_: [])
    (tmp_path / "files/recipes").mkdir(parents=True)
    (tmp_path / "files/recipes/tool.yml").write_text(RECIPE)
    return tmp_path / "files"


@pytest.fixture
def mirrored(server: Server, tmp_path: Path) -> Settings:
    """Settings whose addresses are the local server's."""
    bases = dict.fromkeys(("kubernetes", "github", "raw", "registry.example.sd"), server.url)
    return Settings(tmp_path / "cache", bases=bases)


def test_without_checksums_nothing_is_taken(recipes: Path, mirrored: Settings, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"has no checksum in upstream\.lock\.yml"):
        build.make(make_plan(recipes, "upstream"), mirrored, tmp_path / "bundle", print)


def test_locked_then_built_then_verified(
    recipes: Path, mirrored: Settings, server: Server, tmp_path: Path
) -> None:
    changed = build.refresh_locks(recipes, "upstream", mirrored, print)
    assert [path.name for path in changed] == ["upstream.lock.yml"]
    assert "/v1.0.0/bin/tool" not in server.asked, "the published checksum was not used"
    assert read_upstream(changed[0]).images == {"registry.example.sd/tool:v1.0.0": server.digest}
    assert build.refresh_locks(recipes, "upstream", mirrored, print) == []

    bundle = tmp_path / "bundle"
    result = build.make(make_plan(recipes, "upstream"), mirrored, bundle, print)
    assert result.built == ["tool", "image-tool"]
    assert manifest.verify(bundle) == []
    found = {item.name: (item.kind, item.path) for item in manifest.read(bundle).items}
    assert found["tool"] == ("binary", "bin/tool")
    assert found["helper"] == ("binary", "bin/helper")
    assert found["tool/deploy.yaml"] == ("manifest", "manifests/tool/deploy.yaml")
    assert found["registry.example.sd/tool:v1.0.0"][0] == "image"
    assert (bundle / "bin/helper").read_bytes() == b"helper program"
    assert (bundle / "bin/helper").stat().st_mode & 0o777 == 0o755


def test_a_file_that_changed_upstream_is_refused_and_not_kept(
    recipes: Path, mirrored: Settings, server: Server, tmp_path: Path
) -> None:
    build.refresh_locks(recipes, "upstream", mirrored, print)
    server.content["/v1.0.0/bin/tool"] = b"something else"
    with pytest.raises(BundleError, match=r"/v1\.0\.0/bin/tool has SHA-256 .* expected .* nothing was kept"):
        build.make(make_plan(recipes, "upstream"), mirrored, tmp_path / "bundle", print)
    assert not (tmp_path / "bundle").exists()


def test_a_layer_that_was_altered_upstream_is_refused(
    recipes: Path, mirrored: Settings, server: Server, tmp_path: Path
) -> None:
    build.refresh_locks(recipes, "upstream", mirrored, print)
    for path in server.content:
        if "/blobs/" in path:
            server.content[path] += b"!"
    with pytest.raises(BundleError, match=r"/v2/tool/blobs/sha256:\w+ has SHA-256"):
        build.make(make_plan(recipes, "upstream"), mirrored, tmp_path / "bundle", print)


def test_a_missing_file_is_named_with_its_address(
    recipes: Path, mirrored: Settings, server: Server, tmp_path: Path
) -> None:
    build.refresh_locks(recipes, "upstream", mirrored, print)
    del server.content["/tool-v1.0.0.tar.gz"]
    with pytest.raises(BundleError, match=rf"{server.url}/tool-v1\.0\.0\.tar\.gz cannot be fetched: .*404"):
        build.make(make_plan(recipes, "upstream"), mirrored, tmp_path / "bundle", print)


def test_a_member_that_an_archive_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.tgz").write_bytes(tarball("a", b"1"))
    with pytest.raises(BundleError, match=r"x\.tgz has no file b"):
        upstream.extract(tmp_path / "x.tgz", {"b": "bin/b"}, tmp_path)
