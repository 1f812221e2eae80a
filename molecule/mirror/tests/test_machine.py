"""A prepared machine takes packages, programs and images from the mirror only; place and time are set."""

from __future__ import annotations

import pytest

testinfra_hosts = ["ansible://cluster"]


def test_apt_knows_only_the_mirror(host):
    addresses = set(host.check_output("apt-get indextargets --format '$(REPO_URI)'").split())
    assert addresses == {"https://mirror.nilecare.internal:8443/apt/"}
    assert host.file("/etc/apt/apt.conf.d/90-nilecare").mode == 0o644


def test_names_are_in_one_block(host):
    text = host.file("/etc/hosts").content_string
    assert text.count("BEGIN nilecare.platform") == 1
    assert host.check_output("getent hosts api.nilecare.internal").startswith("127.0.0.1")


IMAGES = (
    "registry.k8s.io/pause:3.10.2",
    "registry.k8s.io/coredns/coredns:v1.14.2",
    "docker.io/calico/cni:v3.28.5",
)


@pytest.mark.parametrize("image", IMAGES)
def test_images_are_pulled_by_upstreams_names(host, image):
    with host.sudo():
        host.check_output("crictl pull %s", image)


def test_image_that_is_not_in_the_bundle_is_not_searched_elsewhere(host):
    with host.sudo():
        answer = host.run("crictl pull quay.io/nothing/here:1")
    assert answer.rc != 0
    assert "not found" in answer.stderr


def test_containerd_is_set_as_wished(host):
    with host.sudo():
        config = host.check_output("containerd config dump")
        assert host.service("containerd").is_running
        assert host.service("containerd").is_enabled
    for line in (
        "SystemdCgroup = true",
        "discard_unpacked_layers = true",
        "sandbox = 'registry.k8s.io/pause:3.10.2'",
        "config_path = '/etc/containerd/certs.d'",
    ):
        assert line in config


def test_place_and_time(host):
    assert host.file("/etc/localtime").linked_to == "/usr/share/zoneinfo/Africa/Khartoum"
    assert "ar_SD.utf8" in host.check_output("locale -a").split()
    assert host.check_output("date +%Z") == "CAT"


def test_private_key_of_the_authority_is_nowhere(host):
    with host.sudo():
        assert host.run("grep -rl 'PRIVATE KEY' /etc/nilecare /usr/local/share/ca-certificates").stdout == ""
