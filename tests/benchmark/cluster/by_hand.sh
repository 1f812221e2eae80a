#!/usr/bin/env bash
# The same cluster as somebody makes it by hand with kubeadm: machines prepared at the same time, the first control
# plane, the other control planes one after the other as kubeadm's manual has them, all workers at once, Calico.
# No check before, no state kept, no second try: an honest lower bound.
# Usage: by_hand.sh MIRROR_ADDRESS CA_FILE SSH_COMMAND NAME=ADDRESS[:control_plane]...
set -euo pipefail
here=$(dirname "$0") mirror=$1 ca=$2 ssh=$3
shift 3
control_planes=() workers=() all=()
for node in "$@"; do
  address=${node#*=} name=${node%%=*}
  case $address in
    *:control_plane) control_planes+=("$name=${address%:*}"); all+=("${address%:*}") ;;
    *) workers+=("$name=$address"); all+=("$address") ;;
  esac
done
first=${control_planes[0]#*=}
services=10.96.0.0/16 pods=10.244.0.0/16
ignore=SystemVerification,NumCPU,Mem,FileContent--proc-sys-net-bridge-bridge-nf-call-iptables

on() { local address=$1; shift; $ssh "operator@$address" sudo "$@"; }
# Runs a command for each argument after --, all at once; fails if one of them failed.
each() {
  local command=() pids=() failed=0
  while [ "$1" != -- ]; do command+=("$1"); shift; done
  shift
  for argument in "$@"; do "${command[@]}" "$argument" & pids+=($!); done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return "$failed"
}
say() { echo "$(date +%T) $*"; }

prepare() {
  on "$1" tee /root/prepare.sh <"$here/prepare.sh" >/dev/null
  on "$1" sh /root/prepare.sh "$mirror" "$1" "$services" <"$ca"
}
say "preparing ${#all[@]} machines"
each prepare -- "${all[@]}"

say "first control plane"
key=$(on "$first" kubeadm certs certificate-key)
on "$first" tee /root/init.yaml >/dev/null <<YAML
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
certificateKey: $key
localAPIEndpoint: {advertiseAddress: $first}
nodeRegistration: {name: ${control_planes[0]%%=*}, ignorePreflightErrors: [$ignore]}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
controlPlaneEndpoint: $first:6443
networking: {podSubnet: $pods, serviceSubnet: $services}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
featureGates: {KubeletInUserNamespace: true}
resolvConf: /etc/resolv-pods.conf
evictionHard: {memory.available: 128Mi, nodefs.available: 2Gi, imagefs.available: 2Gi}
YAML
on "$first" kubeadm init --config /root/init.yaml --upload-certs --skip-token-print >/dev/null
join=$(on "$first" kubeadm token create --print-join-command 2>/dev/null)

enter() {
  local name=${1%%=*} address=${1#*=}
  # shellcheck disable=SC2086
  on "$address" $join --node-name "$name" --ignore-preflight-errors "$ignore" "${@:2}" >/dev/null
}
for node in "${control_planes[@]:1}"; do
  say "control plane ${node%%=*}"
  enter "$node" --control-plane --certificate-key "$key" --apiserver-advertise-address "${node#*=}"
done
say "${#workers[@]} workers"
each enter -- "${workers[@]}"

say "Calico"
on "$first" sh -es <<SCRIPT
export KUBECONFIG=/etc/kubernetes/admin.conf
kubectl create configmap -n kube-system kubernetes-services-endpoint \\
  --from-literal=KUBERNETES_SERVICE_HOST=$first --from-literal=KUBERNETES_SERVICE_PORT=6443 >/dev/null
python3 -c 'import ssl, urllib.request
context = ssl.create_default_context(cafile="/etc/nilecare/ca.crt")
print(urllib.request.urlopen("https://mirror.nilecare.internal:8443/manifests/calico/calico-vxlan.yaml", context=context).read().decode())' |
  kubectl apply --server-side -f - >/dev/null
kubectl wait --for=condition=Ready nodes --all --timeout=300s >/dev/null
kubectl wait --for=condition=Ready pods --all --all-namespaces --timeout=300s >/dev/null
SCRIPT
say "ready"
