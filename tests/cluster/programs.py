"""The programs of a cluster, built once from pinned Go modules and kept outside of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_MODULES = Path(__file__).parent / "programs"
_KEPT = Path(os.environ.get("VALETKEY_CLUSTER_PROGRAMS", "/var/cache/valetkey-cluster"))
_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
_CNI = ("main/ptp", "main/loopback", "ipam/host-local", "meta/portmap")
# What the machine brings. All but Go are packages of Debian: containerd, runc, iptables, ipset, iproute2, util-linux.
_NEEDED = ("containerd", "runc", "iptables", "ipset", "ip", "nsenter", "unshare")


def kubernetes_version() -> str:
    """The one that ``go.mod`` names."""
    found = re.search(r"k8s\.io/kubernetes (v[0-9.]+)", (_MODULES / "kubernetes/go.mod").read_text(encoding="utf-8"))
    assert found
    return found[1]


def folder() -> Path:
    """Where they are."""
    return _KEPT / kubernetes_version()


@cache
def why_no_cluster() -> str:
    """Empty where a cluster can be started, else what is missing, to be read by people."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "not root on Linux: no cluster was started"
    missing = [program for program in _NEEDED if not shutil.which(program)]
    if not all((folder() / name).exists() for name in _targets()):
        missing += [] if shutil.which("go") else ["go"]
    return f"no {', '.join(missing)} on PATH: no cluster was started" if missing else ""


def build() -> Path:
    """Build what is not there yet, which takes a while. An ``AssertionError`` has what Go says."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    for target, (module, package) in _targets().items():
        if not (place / target).exists():
            sys.stderr.write(f"building {target}\n")
            _go_build(place / target, _MODULES / module, package)
    return place


def _targets() -> dict[str, tuple[str, str]]:
    """By the name of the program: the module, and the package in it."""
    plugins = "github.com/containernetworking/plugins/plugins"
    return {
        **{name: ("kubernetes", f"k8s.io/kubernetes/cmd/{name}") for name in _KUBERNETES},
        "etcd": ("kubernetes", "go.etcd.io/etcd/server/v3"),
        "coredns": ("coredns", "."),
        "kube-router": ("kube-router", "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"),
        "pause": ("cni", "./pause"),
        **{f"cni/{Path(each).name}": ("cni", f"{plugins}/{each}") for each in _CNI},
    }


def _go_build(target: Path, module: Path, package: str) -> None:
    version, stamped = kubernetes_version(), "k8s.io/component-base/version"
    major, minor = version[1:].split(".")[:2]
    names = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(["-s -w", *(f"-X {stamped}.{name}={value}" for name, value in names.items())])
    # Under another name until it is whole.
    unfinished = target.with_name(f".{target.name}")
    done = subprocess.run(
        ["go", "build", "-trimpath", "-mod=readonly", "-p", "2", "-ldflags", flags, "-o", unfinished, package],
        cwd=module,
        env={**os.environ, "CGO_ENABLED": "0"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    unfinished.rename(target)
