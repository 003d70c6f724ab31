"""Nothing is reachable but what is named, and what is named is what each pod connects to."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.chart import (
    SERVERS,
    SERVICES,
    Object,
    Pod,
    environment,
    named,
    objects,
    of_kind,
    operator_pod,
    pod_of,
    pods,
    selects,
    server_of,
)
from support.chart_values import EXTERNAL, SETS, merged
from valetkey.core.routes import SERVICE_OF_SEGMENT

WITH_POLICIES = [name for name in SETS if name != "by-hand"]
DNS = {("UDP", 53), ("TCP", 53)}
REDIS_PORT, SENTINEL_PORT = 6379, 26379


def all_pods(found: list[Object]) -> list[Pod]:
    """Those that the chart makes, and the one that an operator starts."""
    return [*pods(found), operator_pod(found)]


def policies_of(found: list[Object], pod: Pod) -> list[Object]:
    policies = of_kind(found, "NetworkPolicy")
    return [policy for policy in policies if selects(policy["spec"]["podSelector"], pod.labels)]


def rules(found: list[Object], pod: Pod, direction: str) -> list[Object]:
    return [rule for policy in policies_of(found, pod) for rule in policy["spec"].get(direction, [])]


def ports(found: list[Object], pod: Pod, direction: str) -> set[tuple[str, int]]:
    return {(port["protocol"], port["port"]) for rule in rules(found, pod, direction) for port in rule["ports"]}


def address_ports(url: str) -> Iterator[int]:
    """The ports of a DSN or of a Redis URL, which may name several hosts; a Sentinel's nodes are Redis."""
    scheme, _, rest = url.partition("://")
    for host in rest.partition("/")[0].rpartition("@")[2].split(","):
        port = re.search(r":(\d+)$", host)
        if port:
            yield int(port[1])
        else:
            yield SENTINEL_PORT if "sentinel" in scheme else REDIS_PORT
    if "sentinel" in scheme:
        yield REDIS_PORT


SPEAK_SMTP = {"mailer", "compact", "operator"}


def connections(pod: Pod) -> set[tuple[str, int]]:
    """What the containers of a pod connect to, going by what they are told."""
    wanted: set[tuple[str, int]] = set()
    for container in pod.containers:
        variables = environment(container)
        for name in ("VALETKEY_POSTGRES_DSN", "VALETKEY_POSTGRES_LISTEN_DSN", "VALETKEY_REDIS_URL"):
            wanted |= {("TCP", port) for port in address_ports(variables[name])} if name in variables else set()
        for endpoint in (variables.get(f"VALETKEY_{kind}OTLP_ENDPOINT") for kind in ("", "METRICS_")):
            if endpoint:
                parts = urlsplit(endpoint)
                wanted.add(("TCP", parts.port or {"http": 80, "https": 443}[parts.scheme]))
        if pod.component in SPEAK_SMTP and (tls := variables.get("VALETKEY_MAIL_TLS")):
            chosen = int(variables.get("VALETKEY_MAIL_PORT", "0"))
            wanted.add(("TCP", chosen or {"starttls": 587, "tls": 465}[tls]))
        if any(argument.startswith("authorize=http://") for argument in container.get("args", [])):
            wanted.add(("TCP", 8080))
    match pod.component:
        case "create-secret":
            wanted |= {("TCP", 443), ("TCP", 6443)}
        case "front-door" | "operator":
            wanted.add(("TCP", 8080))
    return wanted | DNS if wanted else wanted


@pytest.mark.requirement("operations, Images and chart: NetworkPolicy on by default with named holes")
@pytest.mark.parametrize("values", WITH_POLICIES)
def test_whatever_is_not_named_is_denied(values: str) -> None:
    found = objects(values)
    denying = [
        policy["spec"]["podSelector"]
        for policy in of_kind(found, "NetworkPolicy")
        if policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        and set(policy["spec"]) == {"podSelector", "policyTypes"}
    ]

    (everything,) = (each for each in denying if "app.kubernetes.io/component" not in each["matchLabels"])

    assert pods(found)
    assert all(selects(everything, pod.labels) for pod in all_pods(found))


@pytest.mark.parametrize("values", WITH_POLICIES)
def test_every_pod_may_reach_what_it_connects_to_and_nothing_else(values: str) -> None:
    found = objects(values)

    allowed = {pod.name: ports(found, pod, "egress") for pod in all_pods(found)}
    wanted = {pod.name: connections(pod) for pod in all_pods(found)}

    assert allowed == wanted


@pytest.mark.parametrize("values", WITH_POLICIES)
def test_every_pod_may_be_reached_where_it_listens(values: str) -> None:
    found = objects(values)

    allowed = {pod.name: ports(found, pod, "ingress") for pod in pods(found)}
    listening = {
        pod.name: {("TCP", port["containerPort"]) for each in pod.spec["containers"] for port in each.get("ports", [])}
        for pod in pods(found)
    }

    assert allowed == listening


@pytest.mark.parametrize("values", WITH_POLICIES)
def test_every_policy_is_about_a_pod_that_exists(values: str) -> None:
    found = objects(values)
    labels = [pod.labels for pod in all_pods(found)]

    idle = [
        policy["metadata"]["name"]
        for policy in of_kind(found, "NetworkPolicy")
        if not any(selects(policy["spec"]["podSelector"], each) for each in labels)
    ]

    assert not idle


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_are_for_the_monitoring_namespace_alone(service: str) -> None:
    found = objects("external")

    (rule,) = (r for r in rules(found, pod_of(found, service), "ingress") if r["ports"][0]["port"] == 9090)

    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]


@pytest.mark.parametrize("service", SERVICES)
def test_no_peer_may_scrape_unless_one_is_named(service: str) -> None:
    found = objects(merged(EXTERNAL, {"networkPolicy": {"monitoring": {"from": []}}}))

    assert ports(found, pod_of(found, service), "ingress") == {("TCP", 8080)}


@pytest.mark.parametrize("service", SERVICES)
def test_named_callers_are_let_in_and_our_own_beside_them(service: str) -> None:
    found = objects("production")

    (rule,) = (r for r in rules(found, pod_of(found, service), "ingress") if r["ports"][0]["port"] == 8080)
    callers = [peer for peer in rule["from"] if "podSelector" in peer]

    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}}} in rule["from"]
    let_in = [pod.component for pod in all_pods(found) if any(selects(c["podSelector"], pod.labels) for c in callers)]
    assert let_in == ["test-login", "operator"]


@pytest.mark.parametrize("values", WITH_POLICIES)
def test_the_public_port_is_open_for_exactly_the_services_with_public_routes(values: str) -> None:
    found = objects(values)
    public = {server_of(values, service) for service in SERVICE_OF_SEGMENT.values()}

    open_to_callers = {
        pod.component
        for pod in pods(found)
        if pod.component in SERVERS and ("TCP", 8080) in ports(found, pod, "ingress")
    }

    assert open_to_callers == public


PEER: dict[str, Any] = {"ipBlock": {"cidr": "10.1.2.0/24"}}


@pytest.mark.parametrize(("hole", "port"), [("dns", 53), ("postgres", 5432), ("redis", 6379), ("otlp", 4318)], ids=str)
def test_a_hole_leads_where_values_say(hole: str, port: int) -> None:
    values = merged(
        EXTERNAL,
        {"networkPolicy": {hole: {"to": [PEER]}}, "tracing": {"otlpEndpoint": "http://collector:4318/v1/traces"}},
    )
    found = objects(values)

    narrowed = [rule["ports"][0]["port"] for rule in rules(found, pod_of(found, "token"), "egress") if "to" in rule]

    assert narrowed == [port]


@pytest.mark.parametrize("values", ["demo", "changed-demo"])
@pytest.mark.parametrize(("store", "port"), [("postgres", 5432), ("redis", 6379)])
def test_a_store_of_the_demo_is_for_those_who_use_it(values: str, store: str, port: int) -> None:
    found = objects(values)
    users = {pod.component for pod in all_pods(found) if ("TCP", port) in connections(pod)}

    (rule,) = rules(found, pod_of(found, store), "ingress")
    let_in = {
        pod.component for pod in all_pods(found) if any(selects(p["podSelector"], pod.labels) for p in rule["from"])
    }

    assert let_in == users


def test_more_ports_may_be_named_for_redis() -> None:
    found = objects(merged(EXTERNAL, {"networkPolicy": {"redis": {"ports": [7000]}}}))

    assert ("TCP", 7000) in ports(found, pod_of(found, "token"), "egress")


def test_policies_can_be_left_to_others() -> None:
    assert not of_kind(objects("by-hand"), "NetworkPolicy")
    assert named(objects("by-hand"), "Deployment", "valetkey-token")
