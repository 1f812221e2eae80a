# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of a worker and of a control plane, as far as a node's state shows in them."""

from __future__ import annotations

CA = "-----BEGIN CERTIFICATE-----\nQ0E=\n-----END CERTIFICATE-----\n"
WORKER_FILES = {
    "etc/kubernetes/kubelet.conf": "client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n",
    "etc/kubernetes/pki/ca.crt": CA,
    "var/lib/kubelet/config.yaml": "kind: KubeletConfiguration\n",
    "var/lib/kubelet/pki/kubelet-client-current.pem": "-----BEGIN EC PRIVATE KEY-----\n",
}
CONTROL_PLANE_FILES = {
    **WORKER_FILES,
    "etc/kubernetes/pki/ca.key": "key",
    "var/lib/etcd/member/snap/db": "",
    **{f"etc/kubernetes/{name}.conf": "x" for name in ("admin", "controller-manager", "scheduler")},
    **{
        f"etc/kubernetes/manifests/{name}.yaml": "x"
        for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
    },
}
