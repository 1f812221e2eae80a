#!/bin/sh
# On one machine, as root: what kubeadm needs. Usage: prepare.sh MIRROR_ADDRESS OWN_ADDRESS SERVICE_NETWORK < ca.crt
set -eu
mirror=$1 address=$2 services=$3
url=https://mirror.nilecare.internal:8443
export DEBIAN_FRONTEND=noninteractive

mkdir -p /etc/nilecare /opt/cni/bin
cat >/etc/nilecare/ca.crt
echo "$mirror mirror.nilecare.internal" >>/etc/hosts
echo "nameserver $mirror" >/etc/resolv-pods.conf

rm -f /etc/apt/sources.list.d/*
echo "deb [trusted=yes] $url/apt bookworm main" >/etc/apt/sources.list
echo 'Acquire::https::CAInfo "/etc/nilecare/ca.crt";' >/etc/apt/apt.conf.d/90-mirror
apt-get -qq update
apt-get -qq --yes --no-install-recommends install conntrack ebtables ethtool ipset iptables socat >/dev/null

fetch() {
  python3 - "$url" "$@" <<'PYTHON'
import pathlib, ssl, sys, urllib.request
url, target, *names = sys.argv[1:]
context = ssl.create_default_context(cafile="/etc/nilecare/ca.crt")
for name in names:
    path = pathlib.Path(target, name.rpartition("/")[2])
    with urllib.request.urlopen(f"{url}/bin/{name}", context=context) as answer, path.open("wb") as file:
        while block := answer.read(1 << 20):
            file.write(block)
    path.chmod(0o755)
PYTHON
}
fetch /usr/local/bin kubeadm kubelet kubectl containerd containerd-shim-runc-v2 ctr runc crictl
fetch /opt/cni/bin cni/bridge cni/ptp cni/loopback cni/host-local cni/portmap cni/tuning cni/bandwidth

for registry in registry.k8s.io docker.io quay.io; do
  mkdir -p "/etc/containerd/certs.d/$registry"
  cat >"/etc/containerd/certs.d/$registry/hosts.toml" <<TOML
server = "https://mirror.nilecare.internal:5000/v2/$registry"
capabilities = ["pull", "resolve"]
ca = "/etc/nilecare/ca.crt"
override_path = true
TOML
done
cat >/etc/containerd/config.toml <<'TOML'
version = 3
[plugins."io.containerd.cri.v1.images"]
  discard_unpacked_layers = true
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "registry.k8s.io/pause:3.10.2"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "/etc/containerd/certs.d"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "/usr/local/bin/runc"
      SystemdCgroup = true
TOML
cat >/etc/systemd/system/containerd.service <<'UNIT'
[Service]
Type=notify
ExecStart=/usr/local/bin/containerd
Delegate=yes
KillMode=process
[Install]
WantedBy=multi-user.target
UNIT
cat >/etc/systemd/system/kubelet.service <<UNIT
[Unit]
After=containerd.service
StartLimitIntervalSec=0
[Service]
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=/usr/local/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \\
  --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml --node-ip=$address \\
  \$KUBELET_KUBEADM_ARGS
Restart=always
RestartSec=3
[Install]
WantedBy=multi-user.target
UNIT
sysctl -qw net.ipv4.ip_forward=1
device=$(ip -4 -o address show to "$address" | cut -d' ' -f2)
for network in 169.254.1.1/32 "$services"; do ip route replace "$network" dev "$device" src "$address" metric 1024; done
systemctl daemon-reload
systemctl -q enable --now containerd kubelet
