# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Layers, Go output, Debian's file formats, estimates: the pure parts."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import debian, golang, oci
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.lockfile import (
    DebianLock,
    Package,
    UpstreamLock,
    read_debian,
    read_upstream,
    write_debian,
    write_upstream,
)
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.oci import Entry
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.progress import clock, remaining
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.recipe import GoBuild
from hypothesis import given, settings
from hypothesis import strategies as st

ENTRIES = [
    Entry("/usr/bin/tool", mode=0o755, content=b"tool"),
    Entry("/bin", "symlink", target="usr/bin"),
    Entry("/a/hard", "hardlink", target="usr/bin/tool"),
    Entry("/tmp", "directory", mode=0o1777),
]


def members(layer: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(layer) as archive:
        return archive.getmembers()


def test_a_layer_has_parents_fixed_times_and_links_after_their_files(tmp_path: Path) -> None:
    oci.write_layer(ENTRIES, tmp_path / "layer")
    found = members(tmp_path / "layer")
    assert [m.name for m in found] == ["a", "bin", "tmp", "usr", "usr/bin", "usr/bin/tool", "a/hard"]
    assert {(m.mtime, m.uid, m.uname) for m in found} == {(oci.EPOCH, 0, "")}
    assert [oct(m.mode) for m in found if m.name in ("tmp", "usr/bin/tool")] == ["0o1777", "0o755"]


@settings(deadline=None)
@given(st.permutations(ENTRIES))
def test_a_layer_does_not_depend_on_the_order_of_its_entries(tmp_path_factory, entries) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("layers")
    assert oci.write_layer(entries, folder / "one") == oci.write_layer(ENTRIES, folder / "two")


def test_digests_are_of_the_packed_and_the_plain_layer(tmp_path: Path) -> None:
    blob = oci.write_layer(ENTRIES, tmp_path / "layer")
    packed = (tmp_path / "layer").read_bytes()
    assert (blob.digest, blob.size) == (oci.digest_of(packed), len(packed))
    assert blob.diff_id == oci.digest_of(gzip.decompress(packed))


def test_an_image_says_what_to_run_and_names_its_layers(tmp_path: Path) -> None:
    layer = oci.write_layer(ENTRIES, tmp_path / "layer")
    spec = oci.ImageSpec(entrypoint=("/coredns",), user="65532", environment={"TZ": "Africa/Khartoum"})
    config = oci.image_config([layer], spec)
    value = json.loads(config)
    assert value["config"]["Entrypoint"] == ["/coredns"]
    assert value["config"]["Env"] == [f"PATH={oci.PATH}", "TZ=Africa/Khartoum"]
    assert value["rootfs"]["diff_ids"] == [layer.diff_id]
    manifest = json.loads(oci.image_manifest(config, [layer]))
    assert manifest["config"]["digest"] == oci.digest_of(config)
    assert manifest["layers"][0]["digest"] == layer.digest


@pytest.mark.parametrize(
    ("path", "merged"),
    [
        ("./bin/sh", "usr/bin/sh"),
        ("./lib64", "usr/lib64"),
        ("./etc/passwd", "etc/passwd"),
        ("usr/bin/x", "usr/bin/x"),
    ],
)
def test_paths_of_packages_are_merged_into_usr(path: str, merged: str) -> None:
    assert debian.merged_path(path) == merged


def make_deb(folder: Path, name: str = "hello") -> Path:
    """A real package file, by dpkg-deb."""
    tree = folder / name
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "bin").mkdir()
    (tree / "usr/share/man").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1:2.0-1\nArchitecture: amd64\nMaintainer: x <x@example.sd>\n"
        "Description: says hello\n and no more\n"
    )
    (tree / "bin/hello").write_text("hello")
    (tree / "usr/share/man/page").write_text("manual")
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-b", str(tree), str(folder / "x.deb")], check=True, stdout=-3
    )
    return folder / "x.deb"


def test_unpacked_packages_leave_out_what_is_excluded_(tmp_path: Path) -> None:
    deb = make_deb(tmp_path)
    entries = {entry.path: entry for entry in debian.unpacked([deb], ["/usr/share/man/*"])}
    assert entries["usr/bin/hello"].content == b"hello"
    assert "usr/share/man/page" not in entries
    assert debian.installed(deb).startswith(
        "Package: hello\nStatus: install ok installed\nVersion: 1:2.0-1\n"
    )


def test_a_package_that_links_bin_into_usr_leaves_usr_bin_a_folder(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, kind in (
            ("./bin", tarfile.SYMTYPE),
            ("./usr/bin", tarfile.DIRTYPE),
            ("./x", tarfile.SYMTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "usr/bin"
            archive.addfile(member)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        assert [entry.path for entry in debian._entries(archive, [])] == ["x"]


def test_an_apt_repository_is_the_same_every_time_and_apt_can_read_it(tmp_path: Path) -> None:
    deb = make_deb(tmp_path)
    package = Package("hello", "1:2.0-1", "amd64", "0" * 64, 5, "pool/main/h/hello/hello_2.0-1_amd64.deb")
    for name in ("one", "two"):
        debian.write_repository(tmp_path / name, {package: deb}, "bookworm")
    for path in ("Release", "main/binary-amd64/Packages.gz"):
        first, second = (tmp_path / name / "dists/bookworm" / path for name in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()
    fields = debian.control_fields((tmp_path / "one/dists/bookworm/main/binary-amd64/Packages").read_text())
    assert fields["Filename"] == package.filename
    assert fields["Description"] == "says hello\n and no more"


def test_debian_mirrors_are_found_in_both_formats(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(
        "deb [arch=amd64] http://mirror.sd/debian bookworm main\n# deb http://x/debian y main\n"
    )
    (tmp_path / "sources.list.d/s.sources").write_text(
        "Types: deb\nURIs: http://mirror.sd/debian-security/\nSuites: x\n"
    )
    (tmp_path / "sources.list.d/node.list").write_text("deb https://node.example/node_20.x nodistro main\n")
    assert debian.mirrors(tmp_path) == ["http://mirror.sd/debian", "http://mirror.sd/debian-security"]
    lines = debian.sources(debian.mirrors(tmp_path), "bookworm").splitlines()
    assert [line.split()[3] for line in lines] == ["bookworm", "bookworm-updates", "bookworm-security"]


def test_a_release_that_only_moves_on_has_one_suite(tmp_path: Path) -> None:
    lines = debian.sources(
        ["http://mirror.sd/debian", "http://mirror.sd/debian-security"], "sid"
    ).splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("check-valid-until=no] http://mirror.sd/debian sid main")


def test_locks_are_read_as_they_were_written(tmp_path: Path) -> None:
    lock = DebianLock(
        "bookworm", (Package("a", "1.0", "all", "f" * 64, 7, "pool/a.deb", ("machines", "network")),)
    )
    write_debian(tmp_path / "lock.yml", lock)
    assert read_debian(tmp_path / "lock.yml") == lock
    upstream = UpstreamLock({"${kubernetes}/x": "a" * 64}, {"docker.io/a/b:v1": "sha256:" + "b" * 64})
    write_upstream(tmp_path / "upstream.yml", upstream)
    assert read_upstream(tmp_path / "upstream.yml") == upstream


def test_arguments_of_go() -> None:
    build = GoBuild("etcd", "m", {"etcd": "go.etcd.io/etcd/server/v3"}, tags=("a", "b"), ldflags=("-X=v=1",))
    assert golang.arguments(build, Path("/out")) == [
        "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-v", "-tags", "a b",
        "-ldflags", "-s -w -X=v=1", "-o", "/out/", "go.etcd.io/etcd/server/v3",
    ]  # fmt: skip
    assert golang.output_name("go.etcd.io/etcd/server/v3") == "server"
    assert golang.output_name("k8s.io/kubernetes/cmd/kubelet") == "kubelet"


def test_modules_of_a_program() -> None:
    text = (
        "x: go1.26\n\tpath\tcmd\n\tmod\ta.sd/m\tv1.0.0\th1:x=\n"
        "\tdep\tb.sd/n\tv1.1.0\n\t=>\tc.sd/o\tv2.0.0\th1:y=\n"
    )
    assert golang.parse_modules(text) == [
        {"path": "a.sd/m", "version": "v1.0.0", "sum": "h1:x="},
        {"path": "c.sd/o", "version": "v2.0.0", "sum": "h1:y="},
    ]


def test_versions_in_go_mod() -> None:
    text = "require (\n\ta.sd/m v1.0.0\n\tb.sd/n v1.1.0 // indirect\n)\nreplace b.sd/n => c.sd/o v2.0.0\n"
    assert golang.required_version(text, "a.sd/m") == "v1.0.0"
    assert golang.required_version(text, "b.sd/n") == "v2.0.0"
    assert golang.required_version(text, "c.sd/p") == ""


def test_estimates() -> None:
    assert clock(754) == "12:34"
    assert remaining(0, 60, 0) == 60
    assert remaining(60, 60, 120) == 120
    assert remaining(60, 60, 6000) == 240


def test_go_output_is_counted(tmp_path: Path) -> None:
    """The compiler's -v output is counted, anything else is kept as an error."""
    tool = golang.Toolchain.__new__(golang.Toolchain)
    script = "echo k8s.io/a >&2; echo k8s.io/b/v2 >&2; echo 'x.go:1:2: undefined: y' >&2"
    process = subprocess.Popen(["sh", "-c", script], stderr=subprocess.PIPE, text=True)
    assert tool._follow(process, lambda text: None) == ["x.go:1:2: undefined: y"]


def test_tar_of_a_layer_is_plain(tmp_path: Path) -> None:
    oci.write_layer([Entry("/x", content=b"1" * 10_000)], tmp_path / "layer")
    plain = gzip.decompress((tmp_path / "layer").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        stream = archive.extractfile("x")
        assert stream is not None
        assert stream.read() == b"1" * 10_000
