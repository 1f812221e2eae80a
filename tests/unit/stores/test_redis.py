"""Valkey: TLS on all sides, one that writes, and proxies that lead to it."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.stores import redis, redis_proxy
from ansible_collections.nilecare.platform.plugins.module_utils.stores.engines import engine_of

from .conftest import one, store

STORE = store(
    name="redis",
    engine="redis",
    image="docker.io/valkey/valkey",
    version="9.1.2",
    declarations=(),
)
OBJECTS = redis.render(STORE, {})
FILES = one(OBJECTS, "ConfigMap", "redis-configuration")["data"]
SERVER = dict(line.split(" ", 1) for line in FILES["server.conf"].splitlines())
POD = one(OBJECTS, "StatefulSet", "redis")["spec"]["template"]["spec"]
CONTAINERS = {container["name"]: container for container in POD["containers"]}
PROXY = one(OBJECTS, "Deployment", "redis-proxy")["spec"]
HAPROXY = one(OBJECTS, "ConfigMap", "redis-proxy-configuration")["data"]["haproxy.cfg"]


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


def test_the_engine_is_found_by_its_name() -> None:
    assert engine_of("redis") is redis


def test_nobody_is_heard_without_tls() -> None:
    for name in ("server.conf", "sentinel.conf"):
        lines = FILES[name].splitlines()
        assert "port 0" in lines and "tls-replication yes" in lines, name
        assert "tls-protocols TLSv1.3" in lines, name
    assert SERVER["tls-port"] == "6379"
    assert SERVER["tls-auto-reload-interval"] == "60"


def test_a_primary_without_followers_takes_no_writes() -> None:
    assert SERVER["min-replicas-to-write"] == "1"
    assert int(SERVER["min-replicas-max-lag"]) < redis.Settings().down_seconds
    with pytest.raises(ValueError, match="must stop before another one begins"):
        redis.Settings.read({"max_lag": 5, "down_seconds": 5})


def test_memory_is_left_for_copies_in_the_making() -> None:
    limit = CONTAINERS["redis"]["resources"]["limits"]["memory"]
    assert limit == "3686Mi"
    assert int(SERVER["maxmemory"]) == int(4 * 2**30 * 0.9 * 0.6)
    backlog, soft = int(SERVER["repl-backlog-size"]), SERVER["client-output-buffer-limit"].split()
    assert soft == ["replica", str(2 * backlog), str(backlog), "60"]


def test_keys_that_tell_the_newest_data_are_never_evicted() -> None:
    assert SERVER["maxmemory-policy"] == "volatile-lru"
    with pytest.raises(ValueError, match="eviction is 'allkeys-lru', expected one of noeviction"):
        redis.Settings.read({"eviction": "allkeys-lru"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"colour": "blue"}, "Valkey has no setting colour"),
        ({"memory_share": 1}, "memory_share is 1"),
        ({"sync": "no"}, "sync is 'no', expected one of everysec, always"),
        ({"max_lag": 0}, "max_lag is 0 s"),
    ],
)
def test_what_is_wrong_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        redis.Settings.read(given)


def test_own_lines_come_last() -> None:
    own = one(redis.render(STORE, {"parameters": {"maxclients": 7}}), "ConfigMap", "redis-configuration")
    assert "maxclients 7\n" in own["data"]["server.conf"]


def test_passwords_are_in_no_object() -> None:
    used = {
        entry["valueFrom"]["secretKeyRef"]["key"]
        for container in [*CONTAINERS.values(), *PROXY["template"]["spec"]["containers"]]
        for entry in container["env"]
        if "secretKeyRef" in entry.get("valueFrom", {})
    }
    assert used == set(redis.CREDENTIALS)
    assert '"AUTH proxy ${PROXY_PASSWORD}\\r\\n' in HAPROXY


def test_every_sentinel_is_counted_once() -> None:
    pairs = environment(CONTAINERS["sentinel"])["SENTINELS"].split()
    assert [pair.partition("=")[0] for pair in pairs] == [STORE.member_address(m) for m in STORE.members]
    identities = {pair.partition("=")[2] for pair in pairs}
    assert len(identities) == 3
    assert all(re.fullmatch("[0-9a-f]{40}", identity) for identity in identities)


def test_members_share_their_pod_with_a_sentinel_of_their_own() -> None:
    assert set(CONTAINERS) == {"redis", "sentinel"}
    assert POD["terminationGracePeriodSeconds"] >= 20 + 30
    assert CONTAINERS["redis"]["lifecycle"]["preStop"]["exec"]["command"][-1].endswith("leave.sh")
    tmp = [
        [mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == "/tmp"]
        for container in CONTAINERS.values()
    ]
    assert tmp == [["redis-tmp"], ["sentinel-tmp"]]


def test_writers_are_led_by_proxies_and_readers_go_to_members() -> None:
    writers = one(OBJECTS, "Service", "redis")["spec"]
    assert writers["selector"] == PROXY["selector"]["matchLabels"] == {"app": "redis-proxy"}
    assert one(OBJECTS, "Service", "redis-read")["spec"]["selector"] == {"app": "redis"}
    assert one(OBJECTS, "Service", "redis-sentinel")["spec"]["ports"][0]["port"] == 26379
    names = one(OBJECTS, "Certificate", "redis-tls")["spec"]["dnsNames"]
    for service in ("redis", "redis-read", "redis-sentinel"):
        assert f"{service}.data.svc.cluster.local" in names


def test_proxies_are_no_members() -> None:
    labels = PROXY["template"]["metadata"]["labels"]
    assert labels["app"] == "redis-proxy"
    assert PROXY["replicas"] == 3
    assert one(OBJECTS, "PodDisruptionBudget", "redis-proxy")["spec"]["maxUnavailable"] == 1


def test_a_proxy_leads_only_to_who_takes_writes() -> None:
    """Of three members two cannot both have a follower, and lead."""
    line = next(line for line in HAPROXY.splitlines() if "expect rstring" in line)
    pattern = re.compile(shlex.split(line)[-1])

    def information(role: str, followers: int) -> str:
        return f"# Replication\r\nrole:{role}\r\nconnected_slaves:1\r\nmin_slaves_good_slaves:{followers}\r\n"

    assert pattern.search(information("master", 1))
    assert not pattern.search(information("master", 0))
    assert not pattern.search(information("slave", 1))
    servers = [line.split() for line in HAPROXY.splitlines() if line.startswith("    server ")]
    for member, words in zip(STORE.members, servers, strict=True):
        assert words[2] == f"{STORE.member_address(member)}:6379"
        assert words[words.index("verifyhost") + 1] == STORE.member_address(member)
    assert "verify required" in HAPROXY and "init-state down" in HAPROXY


def test_who_reaches_whom() -> None:
    members = one(OBJECTS, "NetworkPolicy", "redis")["spec"]["ingress"]
    ports = [sorted(port["port"] for port in rule["ports"]) for rule in members]
    # Services, members among each other, monitoring, proxies.
    assert ports == [[6379, 26379], [6379, 26379], [6379], [6379]]
    assert members[-1]["from"] == [{"podSelector": {"matchLabels": {"app": "redis-proxy"}}}]
    proxies = one(OBJECTS, "NetworkPolicy", "redis-proxy")["spec"]
    assert [rule["ports"] for rule in proxies["ingress"]] == [[{"protocol": "TCP", "port": 6379}]]
    assert proxies["ingress"][0]["from"][0]["podSelector"] == {"matchLabels": {"app": "billing-service"}}
    assert proxies["egress"] == [
        {
            "to": [{"podSelector": {"matchLabels": {"app": "redis"}}}],
            "ports": [{"protocol": "TCP", "port": 6379}],
        }
    ]
    lonely = redis_proxy.render(store(name="redis", engine="redis", callers=()), redis.Settings())
    assert one(lonely, "NetworkPolicy", "redis-proxy")["spec"]["ingress"] == []
