"""What the programs of a node are told in files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

POD_NETWORK, SERVICE_NETWORK, CLUSTER_DNS = "10.244.0.0/16", "10.96.0.0/16", "10.96.0.10"
# What the only node gets of the network of pods.
NODE_NETWORK = "10.244.0.0/24"
CONTAINERD = "/run/containerd/containerd.sock"


def containerd_settings(directory: Path, programs: Path, network: Path) -> str:
    """Images come from registries on this machine alone."""
    return f"""
version = 2
root = "{directory}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{CONTAINERD}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "valetkey.test/pause:1"
  # Not every machine lets its root prefer some processes when memory runs out.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{programs}/cni"
    conf_dir = "{network}"
"""


def network_settings() -> dict[str, Any]:
    """Each pod has a cable of its own to the node, so that every packet passes the node's firewall."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": NODE_NETWORK}]], "routes": [{"dst": "0.0.0.0/0"}]}
    plugins = [{"type": "ptp", "ipam": ipam}, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}


def kubelet_settings(authority: Path, cgroup: str, directory: Path) -> dict[str, Any]:
    """Nothing is evicted: disk and memory are also others'."""
    return {
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(authority)}},
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "clusterDNS": [CLUSTER_DNS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD}",
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "resolvConf": "",
        "volumePluginDir": str(directory / "volume-plugins"),
    }


def proxy_settings(kubeconfig: Path) -> dict[str, Any]:
    """Connection tracking is left as the machine has it."""
    return {
        "kind": "KubeProxyConfiguration",
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": POD_NETWORK,
        "mode": "iptables",
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
    }
