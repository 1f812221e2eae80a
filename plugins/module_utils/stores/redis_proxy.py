# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The writers' address of Valkey: proxies in three sites that lead to the member that takes writes.

They ask every member each second, over TLS with a password of their own, whether it is the primary and
another member follows it. Of three members, two cannot both say so: only one is left to follow either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..services.workload import HOSTNAME, ZONE
from .certificates import AUTHORITY
from .common import digest, labels, metadata
from .model import Store
from .network import pods
from .statefulset import CONFIGURATION, DIGEST, probe, spread, without_privilege
from .store_secrets import members_secret

if TYPE_CHECKING:
    from .redis import Settings

PORT, HEALTH_PORT = 6379, 8404
TLS = "/etc/store-tls"
MEBIBYTE = 2**20
CONNECTIONS = 4000


def selector(store: Store) -> dict[str, str]:
    """The labels that pick the proxies; members have others."""
    return {"app": f"{store.name}-proxy"}


def title(store: Store) -> str:
    """Of all objects of the proxies."""
    return f"{store.name}-proxy"


def render(store: Store, settings: Settings) -> list[dict[str, Any]]:
    """The store's own Service, and what leads it to the primary."""
    configuration = haproxy(store)
    return [
        _object(
            store, "v1", "ConfigMap", f"{title(store)}-configuration", data={"haproxy.cfg": configuration}
        ),
        _object(
            store,
            "v1",
            "Service",
            store.name,
            spec={
                "type": "ClusterIP",
                "selector": selector(store),
                # A client's own site first: a site that is lost takes no connections of others with it.
                "trafficDistribution": "PreferSameZone",
                "ports": [{"name": "redis", "port": PORT, "targetPort": "redis", "protocol": "TCP"}],
            },
        ),
        _object(
            store,
            "policy/v1",
            "PodDisruptionBudget",
            title(store),
            spec={"maxUnavailable": 1, "selector": {"matchLabels": selector(store)}},
        ),
        _policy(store),
        _deployment(store, settings, configuration),
    ]


def haproxy(store: Store) -> str:
    """Its configuration. Connections pass through as they are: TLS is between client and member."""
    servers = "\n".join(
        f"    server {member} {store.member_address(member)}:{PORT}"
        f" check-sni {store.member_address(member)} verifyhost {store.member_address(member)}"
        for member in store.members
    )
    return f"""\
global
    log stdout format raw local0 notice
    maxconn {CONNECTIONS}

defaults
    mode tcp
    log global
    option clitcpka
    option srvtcpka
    clitcpka-idle 30s
    clitcpka-intvl 10s
    clitcpka-cnt 3
    srvtcpka-idle 30s
    srvtcpka-intvl 10s
    srvtcpka-cnt 3
    timeout connect 2s
    timeout check 2s
    # Subscribers are silent for hours; clients that are gone are noticed by the connection.
    timeout client 24h
    timeout server 24h

resolvers cluster
    parse-resolv-conf
    resolve_retries 3
    timeout resolve 1s
    timeout retry 1s
    hold valid 2s
    hold obsolete 5s
    # While nobody answers the last addresses stay; whoever has one of them by now has no such certificate.
    hold timeout 1h
    hold refused 1h
    hold other 1h

frontend writers
    bind :{PORT}
    default_backend primary

backend primary
    option tcp-check
    tcp-check send "AUTH proxy ${{PROXY_PASSWORD}}\\r\\nINFO replication\\r\\nQUIT\\r\\n"
    tcp-check expect rstring "(?s)role:master.*min_slaves_good_slaves:[1-9]"
    default-server check inter 1s fastinter 1s downinter 1s fall 2 rise 1 on-marked-down shutdown-sessions
    default-server check-ssl ssl-min-ver TLSv1.3 verify required ca-file {TLS}/ca.crt
    default-server resolvers cluster init-addr none init-state down resolve-prefer ipv4
{servers}

frontend health
    mode http
    bind :{HEALTH_PORT}
    timeout client 5s
    monitor-uri /ready
    monitor fail if {{ nbsrv(primary) lt 1 }}
    http-request return status 200 if {{ path /alive }}
    http-request return status 404
"""


def _deployment(store: Store, settings: Settings, configuration: str) -> dict[str, Any]:
    health = {"scheme": "HTTP", "port": "health"}
    # An update's new pods are spread by themselves.
    of_one_version = {"matchLabelKeys": ["pod-template-hash"]}
    container = {
        "name": "haproxy",
        "image": settings.proxy_image,
        "command": [settings.proxy, "-W", "-db", "-f", f"{CONFIGURATION}/haproxy.cfg"],
        "env": [
            {
                "name": "PROXY_PASSWORD",
                "valueFrom": {"secretKeyRef": {"name": members_secret(store), "key": "proxy"}},
            }
        ],
        "ports": [
            {"name": "redis", "containerPort": PORT, "protocol": "TCP"},
            {"name": "health", "containerPort": HEALTH_PORT, "protocol": "TCP"},
        ],
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        },
        "securityContext": without_privilege(),
        "volumeMounts": [
            {"name": "configuration", "mountPath": CONFIGURATION, "readOnly": True},
            {"name": "authority", "mountPath": TLS, "readOnly": True},
        ],
        # Ready is who leads somewhere: clients are not led to one that sees no primary.
        "readinessProbe": probe({"httpGet": {**health, "path": "/ready"}}, 2, 2),
        "livenessProbe": probe({"httpGet": {**health, "path": "/alive"}}, 10, 3),
    }
    return _object(
        store,
        "apps/v1",
        "Deployment",
        title(store),
        spec={
            "replicas": len(store.machines),
            "selector": {"matchLabels": selector(store)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "template": {
                "metadata": {
                    "labels": {**labels(store), **selector(store)},
                    "annotations": {DIGEST: digest(configuration)},
                },
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "priorityClassName": store.priority_class,
                    "terminationGracePeriodSeconds": 10,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": settings.proxy_uid,
                        "runAsGroup": settings.proxy_uid,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "topologySpreadConstraints": [
                        {**spread(selector(store), ZONE, "DoNotSchedule"), **of_one_version},
                        {**spread(selector(store), HOSTNAME, "ScheduleAnyway"), **of_one_version},
                    ],
                    "containers": [container],
                    "volumes": [
                        {"name": "configuration", "configMap": {"name": f"{title(store)}-configuration"}},
                        {"name": "authority", "configMap": {"name": AUTHORITY}},
                    ],
                },
            },
        },
    )


def _policy(store: Store) -> dict[str, Any]:
    """Who declared the store comes in; out it goes to the members alone."""
    client = [{"protocol": "TCP", "port": PORT}]
    ingress: list[dict[str, Any]] = []
    if store.callers:
        ingress.append({"from": [pods(peer) for peer in store.callers], "ports": client})
    members = {"podSelector": {"matchLabels": {"app": store.name}}}
    return _object(
        store,
        "networking.k8s.io/v1",
        "NetworkPolicy",
        title(store),
        spec={
            "podSelector": {"matchLabels": selector(store)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": [{"to": [members], "ports": client}],
        },
    )


def _object(store: Store, version: str, kind: str, name: str, **content: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": metadata(store, name), **content}
