"""Kubernetes on one node: the programs of a release, each an ordinary process of a ``Node``."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import yaml

from cluster.authority import Authority
from cluster.images import import_image
from cluster.kubectl import Kubectl
from cluster.node import INSIDE, Node
from cluster.settings import (
    POD_NETWORK,
    SERVICE_NETWORK,
    containerd_settings,
    kubelet_settings,
    network_settings,
    proxy_settings,
)
from support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SERVER = f"https://{INSIDE}:6443"
_ETCD = "http://127.0.0.1:2379"
_SECONDS = 180
_OBJECTS = ROOT / "tests/cluster/objects/system"


class Cluster:
    """``directory`` holds its state and a log of each program."""

    def __init__(self, node: Node, programs: Path, directory: Path) -> None:
        self.node = node
        self.directory = directory
        self._programs = programs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.authority = Authority(directory / "authority")
        self.kubectl = Kubectl(
            programs / "kubectl", self.authority.kubeconfig(_SERVER, "admin", "admin", "system:masters")
        )

    def start(self) -> None:
        """Everything, until the node is ready and names are answered."""
        self._start_control_plane()
        self._start_node()
        import_image(self.node, "valetkey.test/pause:1", self._programs / "pause")
        import_image(self.node, "valetkey.test/coredns:1", self._programs / "coredns")
        self.kubectl("apply", "--filename", _OBJECTS)
        self._until("the node is registered", lambda: bool(self.kubectl("get", "node", "node", "--output=name")))
        self._start_firewall()
        self.kubectl("wait", "node/node", "--for=condition=Ready", f"--timeout={_SECONDS}s")
        self.kubectl("--namespace=kube-system", "rollout", "status", "deployment/coredns", f"--timeout={_SECONDS}s")

    def _start_control_plane(self) -> None:
        issue, config = self.authority.issue, self.authority.kubeconfig
        ca = self.authority.certificate
        _, account_key = issue("accounts", "accounts")
        names = ("kubernetes", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", INSIDE, "10.96.0.1")
        serving, serving_key = issue("kube-apiserver", "kube-apiserver", addresses=names)
        client, client_key = issue("kubelet-client", "kube-apiserver", "system:masters")
        self.spawn("etcd", "--data-dir", self.directory / "etcd", "--unsafe-no-fsync")
        self.spawn(
            "kube-apiserver",
            f"--etcd-servers={_ETCD}",
            f"--advertise-address={INSIDE}",
            f"--client-ca-file={ca}",
            f"--tls-cert-file={serving}",
            f"--tls-private-key-file={serving_key}",
            f"--kubelet-client-certificate={client}",
            f"--kubelet-client-key={client_key}",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={account_key}",
            f"--service-account-signing-key-file={account_key}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged",
        )
        self._until("the API server is ready", lambda: self.kubectl("get", "--raw=/readyz") == "ok")
        manager = config(_SERVER, "kube-controller-manager", "system:kube-controller-manager")
        self.spawn(
            "kube-controller-manager",
            f"--kubeconfig={manager}",
            f"--root-ca-file={ca}",
            f"--service-account-private-key-file={account_key}",
            "--use-service-account-credentials",
            "--allocate-node-cidrs",
            f"--cluster-cidr={POD_NETWORK}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--leader-elect=false",
        )
        scheduler = config(_SERVER, "kube-scheduler", "system:kube-scheduler")
        self.spawn("kube-scheduler", f"--kubeconfig={scheduler}", "--leader-elect=false")

    def _start_node(self) -> None:
        config = self.authority.kubeconfig
        network = self.directory / "cni"
        network.mkdir()
        (network / "10-pods.conflist").write_text(json.dumps(network_settings()), encoding="utf-8")
        containerd = self.directory / "containerd.toml"
        containerd.write_text(containerd_settings(self.directory, self._programs, network), encoding="utf-8")
        self.spawn("containerd", f"--config={containerd}", ours=False)
        self._until("containerd answers", lambda: bool(self.node.run("ctr", "version")))
        kubelet = self._file(
            "kubelet.yaml", kubelet_settings(self.authority.certificate, self.node.cgroup, self.directory)
        )
        self.spawn(
            "kubelet",
            f"--kubeconfig={config(_SERVER, 'kubelet', 'system:node:node', 'system:nodes')}",
            f"--config={kubelet}",
            f"--node-ip={INSIDE}",
            "--hostname-override=node",
        )
        proxy = self._file("kube-proxy.yaml", proxy_settings(config(_SERVER, "kube-proxy", "system:kube-proxy")))
        self.spawn("kube-proxy", f"--config={proxy}", "--hostname-override=node")

    def _start_firewall(self) -> None:
        """What enforces network policies. It ends where its node is not known yet."""
        self.spawn(
            "kube-router",
            f"--kubeconfig={self.authority.kubeconfig(_SERVER, 'kube-router', 'kube-router', 'system:masters')}",
            "--run-firewall=true",
            "--run-router=false",
            "--run-service-proxy=false",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--hostname-override=node",
        )

    def spawn(self, name: str, *arguments: str | Path, ours: bool = True) -> None:
        """Start one of our programs, or one that the machine has."""
        log = self.directory / f"{name}.log"
        self._running[name] = self.node.start(log, self._programs / name if ours else name, *arguments)

    def _file(self, name: str, content: object) -> Path:
        path = self.directory / name
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    def _until(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                if is_so():
                    return
            except AssertionError:
                pass
            ended = [name for name, process in self._running.items() if process.poll() is not None]
            assert not ended, f"{ended[0]} has ended: {self._end_of_log(ended[0])}"
            assert time.monotonic() < deadline, f"not within {_SECONDS} s: {what}"
            time.sleep(0.5)

    def _end_of_log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-2000:]


@contextmanager
def running_cluster(programs: Path, directory: Path) -> Iterator[Cluster]:
    """A cluster that is ready; nothing is left of it afterwards but ``directory``."""
    with ExitStack() as stack:
        node = stack.enter_context(Node(directory))
        cluster = Cluster(node, programs, directory)
        cluster.start()
        yield cluster
