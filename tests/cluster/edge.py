"""deploy/nginx before the Services, as the only way in from outside of the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from cluster.images import import_from_engine
from cluster.node import INSIDE
from cluster.settings import CLUSTER_DNS
from support.composition import build_stand_in, is_here
from support.repository import ROOT

if TYPE_CHECKING:
    from cluster.cluster import Cluster

ISSUER_HOST, ADDRESS = "id.valetkey.test", INSIDE
_IMAGE = "valetkey-stand-in-nginx:dev"
_TEMPLATE = ROOT / "deploy/nginx/nginx.conf.template"
_TLS = "http {\n    ssl_certificate /etc/tls/tls.crt;\n    ssl_certificate_key /etc/tls/tls.key;"


def open_edge(cluster: Cluster, release: str, namespace: str) -> None:
    """Start it: it looks up the Services when requests come."""
    if not is_here(_IMAGE):
        build_stand_in(_IMAGE)
    import_from_engine(cluster.node, _IMAGE)
    certificate, key = cluster.authority.issue("edge", ISSUER_HOST, addresses=[ISSUER_HOST])
    in_edge = ("--namespace=edge", "create")
    cluster.kubectl("create", "namespace", "edge")
    cluster.kubectl(*in_edge, "secret", "tls", "tls", f"--cert={certificate}", f"--key={key}")
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "nginx"},
        "data": {"nginx.conf": _configuration(release, namespace)},
    }
    cluster.kubectl(*in_edge, "--filename=-", stdin=yaml.safe_dump(config))
    cluster.kubectl("apply", "--filename", ROOT / "tests/cluster/objects/edge.yaml")
    cluster.kubectl("--namespace=edge", "rollout", "status", "deployment/nginx", "--timeout=180s")


def _configuration(release: str, namespace: str) -> str:
    text = _TEMPLATE.read_text(encoding="utf-8").replace("http {", _TLS, 1)
    names = {"LISTEN": "8443 ssl", "RESOLVER": CLUSTER_DNS, "ISSUER_PATH": ""}
    for service in ("authorize", "token", "introspection"):
        names[service.upper()] = f"{release}-{service}.{namespace}.svc.cluster.local:8080"
    for name, value in names.items():
        text = text.replace(f"${{{name}}}", value)
    return text
