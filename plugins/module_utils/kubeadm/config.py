# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""kubeadm's, the kubelet's, kube-proxy's and the API server's configuration documents. Pure.

Forms: kubeadm.k8s.io/v1beta4, kubelet.config.k8s.io/v1beta1, kubeproxy.config.k8s.io/v1alpha1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

SETTINGS_DIRECTORY = "/etc/kubernetes/nilecare"
AUDIT_DIRECTORY = "/var/log/kubernetes/audit"
CRI_SOCKET = "unix:///run/containerd/containerd.sock"
# Forward secrecy and authenticated encryption only: Mozilla's "intermediate" list without CBC,
# in Go's names. TLS 1.3 chooses its own.
TLS_CIPHERS = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)
HEALTH_PATHS = ("/livez", "/readyz", "/healthz")


def _arguments(arguments: Mapping[str, Any]) -> list[Json]:
    return [{"name": name, "value": str(value)} for name, value in sorted(arguments.items())]


def cluster_configuration(
    *,
    name: str,
    version: str,
    endpoint: str,
    pod_network: str,
    service_network: str,
    domain: str,
    node_prefix: int,
    certificate_names: Sequence[str],
    audit: Mapping[str, int],
    api_server: Mapping[str, Any],
    controller_manager: Mapping[str, Any],
    scheduler: Mapping[str, Any],
    etcd: Mapping[str, Any],
) -> Json:
    """ClusterConfiguration. The last four are arguments added to ours or in their place.

    ``audit``: days, backups (files) and megabytes (a file) of audit log kept.
    """
    ciphers = ",".join(TLS_CIPHERS)
    tls = {"tls-min-version": "VersionTLS12", "tls-cipher-suites": ciphers}
    server: Json = {
        **tls,
        "audit-log-maxage": audit["days"],
        "audit-log-maxbackup": audit["backups"],
        "audit-log-maxsize": audit["megabytes"],
        "audit-log-path": f"{AUDIT_DIRECTORY}/audit.log",
        "audit-policy-file": f"{SETTINGS_DIRECTORY}/audit-policy.yaml",
        # Says who may be anonymous, so --anonymous-auth must not be set beside it.
        "authentication-config": f"{SETTINGS_DIRECTORY}/authentication.yaml",
        "encryption-provider-config": f"{SETTINGS_DIRECTORY}/encryption.yaml",
        "encryption-provider-config-automatic-reload": "true",
        "kubelet-certificate-authority": "/etc/kubernetes/pki/ca.crt",
        "profiling": "false",
        "service-account-extend-token-expiration": "false",
    }
    volumes = [
        {
            "name": "nilecare-settings",
            "hostPath": SETTINGS_DIRECTORY,
            "mountPath": SETTINGS_DIRECTORY,
            "readOnly": True,
            "pathType": "Directory",
        },
        {
            "name": "nilecare-audit",
            "hostPath": AUDIT_DIRECTORY,
            "mountPath": AUDIT_DIRECTORY,
            "pathType": "DirectoryOrCreate",
        },
    ]
    manager: Json = {
        **tls,
        "node-cidr-mask-size": node_prefix,
        "profiling": "false",
        "terminated-pod-gc-threshold": 1000,
    }
    return {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "clusterName": name,
        "kubernetesVersion": f"v{version}",
        "controlPlaneEndpoint": endpoint,
        # Small keys: a control plane makes a dozen of them, and RSA takes seconds on a small machine.
        "encryptionAlgorithm": "ECDSA-P256",
        "networking": {"podSubnet": pod_network, "serviceSubnet": service_network, "dnsDomain": domain},
        "apiServer": {
            "certSANs": sorted(set(certificate_names)),
            "extraArgs": _arguments(server | dict(api_server)),
            "extraVolumes": volumes,
        },
        "controllerManager": {"extraArgs": _arguments(manager | dict(controller_manager))},
        "scheduler": {"extraArgs": _arguments(tls | {"profiling": "false"} | dict(scheduler))},
        "etcd": {
            "local": {
                "dataDir": "/var/lib/etcd",
                "extraArgs": _arguments({"cipher-suites": ciphers, "tls-min-version": "TLS1.2"} | dict(etcd)),
            }
        },
    }


def _registration(name: str, ignored_errors: Sequence[str]) -> Json:
    # Labels and taints are set by role node_labels, which also mends them; an empty list keeps
    # kubeadm from setting its own taint on hosts that are workers too.
    return {
        "name": name,
        "criSocket": CRI_SOCKET,
        "taints": [],
        "imagePullPolicy": "IfNotPresent",
        "ignorePreflightErrors": list(ignored_errors),
    }


def init_documents(
    *,
    cluster: Json,
    name: str,
    address: str,
    port: int,
    ignored_errors: Sequence[str],
    kube_proxy: Mapping[str, Any],
    timeout: int,
) -> list[Json]:
    """What ``kubeadm init`` reads on the node ``name``. ``timeout`` is seconds a component may take."""
    return [
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": address, "bindPort": port},
            "nodeRegistration": _registration(name, ignored_errors),
            "skipPhases": ["show-join-command"],
            "timeouts": {
                "controlPlaneComponentHealthCheck": f"{timeout}s",
                "kubeletHealthCheck": f"{timeout}s",
            },
        },
        cluster,
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clusterCIDR": cluster["networking"]["podSubnet"],
            **kube_proxy,
        },
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            # The rest is in the drop-in of each node. This one is read before the first drop-in is.
            "serverTLSBootstrap": True,
        },
    ]


def join_document(
    *, name: str, address: str, port: int, control_plane: bool, ignored_errors: Sequence[str], timeout: int
) -> Json:
    """JoinConfiguration of the node ``name`` without its credentials, which the module adds."""
    document: Json = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "JoinConfiguration",
        "discovery": {},
        "nodeRegistration": _registration(name, ignored_errors),
        "timeouts": {
            "controlPlaneComponentHealthCheck": f"{timeout}s",
            "kubeletHealthCheck": f"{timeout}s",
            "tlsBootstrap": f"{timeout}s",
        },
    }
    if control_plane:
        document["controlPlane"] = {"localAPIEndpoint": {"advertiseAddress": address, "bindPort": port}}
    return document


def kubelet_configuration(settings: Mapping[str, Any]) -> Json:
    """KubeletConfiguration drop-in: our floor, with the inventory's ``settings`` over it.

    A setting of null takes ours out, so that the kubelet's own default holds.
    """
    ours: Json = {
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}},
        "authorization": {"mode": "Webhook"},
        "eventRecordQPS": 50,
        "makeIPTablesUtilChains": True,
        "readOnlyPort": 0,
        "rotateCertificates": True,
        "seccompDefault": True,
        "serverTLSBootstrap": True,
        "streamingConnectionIdleTimeout": "30m",
        "tlsCipherSuites": list(TLS_CIPHERS),
        "tlsMinVersion": "VersionTLS12",
    }
    merged = {key: value for key, value in (ours | dict(settings)).items() if value is not None}
    return {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", **merged}


def authentication_configuration() -> Json:
    """Nobody is anonymous but those who ask for health (the load balancers and the kubelet's probes)."""
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "anonymous": {"enabled": True, "conditions": [{"path": path} for path in HEALTH_PATHS]},
    }


def encryption_configuration(key: str, old_keys: Sequence[str] = ()) -> Json:
    """Secrets are written with ``key`` and read with it, with ``old_keys``, or in clear. Base64, 32 bytes.

    A key is named by its content: what was written with another key is never read with this one.
    """
    keys = [
        {"name": f"nilecare-{hashlib.sha256(each.encode()).hexdigest()[:8]}", "secret": each}
        for each in (key, *old_keys)
    ]
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [
            {
                "resources": ["secrets"],
                "providers": [
                    {"secretbox": {"keys": keys}},
                    {"identity": {}},
                ],
            }
        ],
    }


def audit_policy() -> Json:
    """Who did what, never with the content of secrets, and without the components' chatter."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {
                "level": "None",
                "nonResourceURLs": ["/livez*", "/readyz*", "/healthz*", "/version", "/openapi*"],
            },
            {
                "level": "None",
                "users": ["system:kube-proxy", "system:apiserver"],
                "verbs": ["get", "list", "watch"],
            },
            {
                "level": "None",
                "userGroups": ["system:nodes"],
                "verbs": ["get", "list", "watch"],
                "resources": [{"group": ""}, {"group": "coordination.k8s.io"}, {"group": "storage.k8s.io"}],
            },
            {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
            {
                "level": "None",
                "resources": [
                    {"group": "", "resources": ["events"]},
                    {"group": "events.k8s.io", "resources": ["events"]},
                ],
            },
            {
                "level": "Metadata",
                "resources": [
                    {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
                    {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
                ],
            },
            {
                "level": "Request",
                "verbs": ["create", "update", "patch", "delete", "deletecollection"],
                "resources": [
                    {"group": "rbac.authorization.k8s.io"},
                    {"group": "networking.k8s.io"},
                    {"group": "admissionregistration.k8s.io"},
                    {"group": "", "resources": ["pods/exec", "pods/attach", "pods/portforward"]},
                ],
            },
            {"level": "Metadata"},
        ],
    }
