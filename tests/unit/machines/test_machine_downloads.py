# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Downloads against a server that behaves, breaks off, lies, or does not know the file."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.machines.downloads import (
    Item,
    Mirror,
    hash_of,
    outdated,
    place,
    wrong_mode,
)
from ansible_collections.nilecare.platform.plugins.module_utils.machines.state import StateError

CONTENT = bytes(range(256)) * 400
SHA = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; the path says how."""

    seen: list[tuple[str, str | None]] = []

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.seen.append((self.path, wanted))
        if self.path == "/bin/none":
            self.send_error(404)
            return
        body = CONTENT[::-1] if self.path == "/bin/wrong" else CONTENT
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= len(body):
            self.send_error(416)
            return
        body = body[start:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:30000] if self.path == "/bin/broken" else body)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    Handler.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield Mirror(f"http://127.0.0.1:{server.server_port}", timeout=5)
    server.shutdown()
    server.server_close()


def item(tmp_path: Path, name: str, sha256: str = SHA) -> Item:
    return Item(f"bin/{name}", sha256, tmp_path / "out" / name)


def test_fetch_then_nothing_to_do(mirror: Mirror, tmp_path: Path) -> None:
    items = [item(tmp_path, name) for name in ("a", "b", "c", "d", "e")]
    assert outdated(items) == items
    mirror.fetch_all(items)
    assert outdated(items) == []
    assert wrong_mode(items) == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b", "c", "d", "e"]


def test_altered_file_is_outdated(mirror: Mirror, tmp_path: Path) -> None:
    one = item(tmp_path, "a")
    mirror.fetch_all([one])
    one.destination.write_bytes(CONTENT[:-1])
    assert outdated([one]) == [one]
    one.destination.chmod(0o600)
    assert wrong_mode([one]) == [one]


def test_broken_connection_is_resumed_where_it_broke(mirror: Mirror, tmp_path: Path) -> None:
    one = item(tmp_path, "broken")
    mirror.fetch_all([one])
    assert hash_of(one.destination) == SHA
    ranges = [wanted for _path, wanted in Handler.seen]
    assert ranges == [None, "bytes=30000-", "bytes=60000-", "bytes=90000-"]


def test_wrong_content_never_reaches_its_place(mirror: Mirror, tmp_path: Path) -> None:
    one = item(tmp_path, "wrong")
    one.destination.parent.mkdir()
    one.destination.write_text("old")
    with pytest.raises(StateError, match=f"{SHA} was expected"):
        mirror.fetch_all([one])
    assert one.destination.read_text() == "old"
    assert [path.name for path in one.destination.parent.iterdir()] == ["wrong"]


def test_every_failed_file_is_named_and_the_others_arrive(mirror: Mirror, tmp_path: Path) -> None:
    good = item(tmp_path, "good")
    with pytest.raises(StateError) as caught:
        mirror.fetch_all([item(tmp_path, "none"), good, item(tmp_path, "wrong")])
    assert "/bin/none: HTTP Error 404" in str(caught.value)
    assert "/bin/wrong: SHA-256" in str(caught.value)
    assert hash_of(good.destination) == SHA
    assert len([path for path, _range in Handler.seen if path == "/bin/none"]) == 1


def test_rest_of_a_killed_run_is_used_or_dropped(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name, rest in {"a": CONTENT[:50], "b": b"rubbish", "c": CONTENT, "d": CONTENT + b"x"}.items():
        (tmp_path / "out" / f".{name}.nilecare-new").write_bytes(rest)
    items = [item(tmp_path, name) for name in "abcd"]
    mirror.fetch_all(items)
    assert outdated(items) == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b", "c", "d"]


def test_unreachable_mirror_is_named(tmp_path: Path) -> None:
    one = item(tmp_path, "a")
    with pytest.raises(StateError, match=r"http://127.0.0.1:9/bin/a: .*was not changed"):
        Mirror("http://127.0.0.1:9", attempts=1).fetch_all([one])


def test_place() -> None:
    entries = [
        {"name": "x", "path": "bin/cni/x", "sha256": SHA},
        {"name": "y", "path": "bin/y", "sha256": SHA},
    ]
    placed = place(entries, {"bin": "/usr/local/bin", "bin/cni": "/opt/cni/bin"}, 0o755)
    assert [str(one.destination) for one in placed] == ["/opt/cni/bin/x", "/usr/local/bin/y"]
    with pytest.raises(ValueError, match=r"bin/cni/x: no directory.*z: path and sha256"):
        place([entries[0], {"name": "z", "path": "bin/z"}], {"bin": "/b"}, 0o755)
