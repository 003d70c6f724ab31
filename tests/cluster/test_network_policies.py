"""What the network policies of the chart let through where something enforces them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cluster.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PROBE = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
# A Deployment and its Python.
EDGE = ("edge", "nginx", "python3")
STORE = ("databases", "redis", "python3")
TOKEN = ("identity", "valetkey-token", "/opt/valetkey/bin/python")
POSTGRES, REDIS = ("postgres.databases.svc.cluster.local", 5432), ("redis.databases.svc.cluster.local", 6379)
API_SERVER = ("kubernetes.default.svc.cluster.local", 443)


def reaches(site: Site, source: tuple[str, str, str], host: str, port: int) -> bool:
    namespace, deployment, python = source
    command = ("exec", f"deployment/{deployment}", "--", python, "-c", PROBE, host, str(port))
    done = site.cluster.kubectl.tried("--namespace", namespace, *command)
    assert done.returncode == 0 or "Error: " in done.stderr, done.stderr
    return done.returncode == 0


def address_of(site: Site, namespace: str, selector: str) -> str:
    return str(site.cluster.kubectl.get(namespace, "pods", "--selector", selector)["items"][0]["status"]["podIP"])


def test_the_proxy_alone_reaches_a_service_and_its_public_port_alone(installed: Site) -> None:
    token = address_of(installed, "identity", "app.kubernetes.io/component=token")

    assert reaches(installed, EDGE, token, 8080)
    assert not reaches(installed, EDGE, token, 9090)
    assert not reaches(installed, STORE, token, 8080)
    assert not reaches(installed, STORE, token, 9090)


def test_a_service_reaches_its_stores_and_nothing_else(installed: Site) -> None:
    proxy = address_of(installed, "edge", "app=nginx")
    introspection = address_of(installed, "identity", "app.kubernetes.io/component=introspection")

    assert all(reaches(installed, TOKEN, *store) for store in (POSTGRES, REDIS))
    assert not [each for each in ((proxy, 8443), (introspection, 8080), API_SERVER) if reaches(installed, TOKEN, *each)]
    assert reaches(installed, STORE, proxy, 8443), "it answers those who may ask"
