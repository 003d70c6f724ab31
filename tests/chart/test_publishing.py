"""Every path leads to the service that serves it, by Ingress, by HTTPRoute and by the demo's front door."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.chart import SERVICES, Object, Refused, named, objects, of_kind, pod_of, pods, selects
from support.chart_values import EXTERNAL, SETS, Values, merged
from valetkey.core.routes import FALLBACK, ROUTES, SERVICE_OF_SEGMENT, Route

HOST = "id.example.com"
BASES = ["", "/identity", "/identity/v1"]
WELL_KNOWN = [route for route in ROUTES if route.path.startswith("/.well-known/")]
DOCUMENTS = [route for route in WELL_KNOWN if not route.of_host]
OF_HOST = [route for route in WELL_KNOWN if route.of_host]


def published(base: str) -> Values:
    both = {"ingress": {"enabled": True}, "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}
    return merged(EXTERNAL, both, {"issuer": f"https://{HOST}{base}", "trustedProxies": ["10.244.0.0/16"]})


def ingress_service(found: list[Object], path: str) -> str:
    """Who gets a path, by Kubernetes' rule for ``Prefix``: element by element, the longest wins."""
    (rule,) = of_kind(found, "Ingress")[0]["spec"]["rules"]
    backends = {each["path"]: each["backend"]["service"]["name"] for each in rule["http"]["paths"]}
    assert {each["pathType"] for each in rule["http"]["paths"]} == {"Prefix"}
    return longest(backends, path)


def route_service(found: list[Object], path: str) -> str:
    """Who gets a path, by the Gateway API's rule for ``PathPrefix``, which is the same."""
    backends = {
        match["path"]["value"]: rule["backendRefs"][0]["name"]
        for rule in of_kind(found, "HTTPRoute")[0]["spec"]["rules"]
        for match in rule["matches"]
        if match["path"]["type"] == "PathPrefix"
    }
    return longest(backends, path)


def longest(backends: dict[str, str], path: str) -> str:
    prefixes = [each for each in backends if f"{path}/".startswith(f"{each.rstrip('/')}/")]
    return backends[max(prefixes, key=len)] if prefixes else ""


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("segment", sorted(SERVICE_OF_SEGMENT))
def test_every_path_leads_to_its_service(segment: str, base: str) -> None:
    found = objects(published(base))

    for path in (f"{base}/{segment}", f"{base}/{segment}/below"):
        assert ingress_service(found, path) == f"valetkey-{SERVICE_OF_SEGMENT[segment]}"
        assert route_service(found, path) == f"valetkey-{SERVICE_OF_SEGMENT[segment]}"


@pytest.mark.requirement("RFC 8414 §3.1: the well-known path is inserted before the issuer's path")
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda route: route.path)
def test_well_known_documents_are_found_before_and_below_the_path_of_the_issuer(document: Route, base: str) -> None:
    found = objects(published(base))

    for path in (f"{document.path}{base}", f"{base}{document.path}"):
        assert path in document.paths(base)
        assert ingress_service(found, path) == route_service(found, path) == f"valetkey-{document.service}"


@pytest.mark.requirement("RFC 8615 §3: what is well known of a host is at its root")
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("route", OF_HOST, ids=lambda route: route.path)
def test_what_is_of_the_host_is_published_where_the_host_is_ours(route: Route, base: str) -> None:
    assert route.paths(base) == (route.path,)
    for is_ours in (True, False):
        found = objects(merged(published(base), {"hostWellKnown": is_ours}))

        expected = f"valetkey-{route.service}" if is_ours or not base else ""
        assert ingress_service(found, route.path) == route_service(found, route.path) == expected


@pytest.mark.parametrize("host_well_known", [True, False])
@pytest.mark.parametrize("base", BASES)
def test_nothing_but_the_table_of_routes_is_published(base: str, host_well_known: bool) -> None:
    found = objects(merged(published(base), {"hostWellKnown": host_well_known}))
    below = {f"{base}/{segment}": service for segment, service in SERVICE_OF_SEGMENT.items()}
    before = {
        path: route.service
        for route in (WELL_KNOWN if host_well_known else DOCUMENTS)
        for path in route.paths(base)
        if not path.startswith(f"{base}/")
    }
    expected = {path: f"valetkey-{service}" for path, service in {**below, **before, base or "/": FALLBACK}.items()}

    (rule,) = of_kind(found, "Ingress")[0]["spec"]["rules"]
    by_ingress = [(each["path"], each["backend"]["service"]["name"]) for each in rule["http"]["paths"]]
    by_route = [
        (match["path"]["value"], rule["backendRefs"][0]["name"])
        for rule in of_kind(found, "HTTPRoute")[0]["spec"]["rules"]
        for match in rule["matches"]
    ]

    assert sorted(by_ingress) == sorted(by_route) == sorted(expected.items())


@pytest.mark.parametrize("base", BASES)
def test_whatever_else_is_below_the_issuer_is_for_the_pages(base: str) -> None:
    found = objects(published(base))

    for path in (base or "/", f"{base}/", f"{base}/no-such-page", f"{base}/tokens"):
        assert ingress_service(found, path) == route_service(found, path) == f"valetkey-{FALLBACK}"


WAYS: dict[str, Values] = {
    "ingress": {"ingress": {"enabled": True}},
    "httpRoute": {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}},
}


@pytest.mark.requirement("security 40: one address for all clients is never a silent default")
@pytest.mark.parametrize("way", [*WAYS, "both"])
@pytest.mark.parametrize("said", ["nothing", "an empty list", "that there are some after all"])
def test_behind_a_proxy_nothing_is_installed_until_it_is_said_which(way: str, said: str) -> None:
    published = merged(EXTERNAL, *(values for name, values in WAYS.items() if way in {name, "both"}))
    sayings: dict[str, Values] = {
        "nothing": {},
        "an empty list": {"trustedProxies": []},
        "that there are some after all": {"noTrustedProxies": False},
    }

    with pytest.raises(Refused) as refused:
        objects(merged(published, sayings[said]))

    words = str(refused.value)
    assert f"trustedProxies is empty, and with {'ingress' if way == 'both' else way}.enabled" in words
    for command in ("kubectl get pods --all-namespaces --output wide", "kubectl get nodes --output jsonpath="):
        assert command in words
    assert "noTrustedProxies=true" in words


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "said", [{"trustedProxies": ["10.244.0.0/16", "fd00:10:244::/56"]}, {"noTrustedProxies": True}]
)
def test_behind_a_proxy_either_word_is_enough(way: str, said: Values) -> None:
    assert objects(merged(EXTERNAL, WAYS[way], said))


def test_what_is_not_below_the_issuer_is_of_another_issuer() -> None:
    found = objects(published("/identity"))

    for path in ("/", "/token", "/identity2/token", "/.well-known/acme-challenge"):
        assert not ingress_service(found, path)
        assert not route_service(found, path)


@pytest.mark.parametrize("base", BASES)
def test_the_host_is_that_of_the_issuer(base: str) -> None:
    found = objects(published(base))

    assert of_kind(found, "Ingress")[0]["spec"]["rules"][0]["host"] == HOST
    assert of_kind(found, "HTTPRoute")[0]["spec"]["hostnames"] == [HOST]


def test_the_certificate_is_for_the_host_of_the_issuer() -> None:
    (ingress,) = of_kind(objects("below-a-path"), "Ingress")

    assert ingress["spec"]["tls"] == [{"hosts": ["example.com"], "secretName": "tls"}]
    assert "annotations" not in ingress["metadata"]


@pytest.mark.parametrize("values", SETS)
def test_every_service_finds_the_pods_of_its_name_at_a_port_of_theirs(values: str) -> None:
    found = objects(values)
    for service in of_kind(found, "Service"):
        chosen = [pod for pod in pods(found) if selects({"matchLabels": service["spec"]["selector"]}, pod.labels)]
        (pod,) = chosen
        names = {port["name"] for container in pod.spec["containers"] for port in container["ports"]}

        assert service["metadata"]["name"] == pod.owner["metadata"]["name"]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


@pytest.mark.parametrize("service", SERVICES)
def test_the_management_port_is_on_the_pod_alone(service: str) -> None:
    ports = named(objects("external"), "Service", f"valetkey-{service}")["spec"]["ports"]

    assert [(port["name"], port["port"], port["targetPort"]) for port in ports] == [("http", 8080, "http")]


def test_routes_lead_to_services_that_exist() -> None:
    found = objects(published(""))
    services = {each["metadata"]["name"] for each in of_kind(found, "Service")}

    (rule,) = of_kind(found, "Ingress")[0]["spec"]["rules"]
    behind_ingress = {each["backend"]["service"]["name"] for each in rule["http"]["paths"]}
    rules = of_kind(found, "HTTPRoute")[0]["spec"]["rules"]

    assert behind_ingress == {ref["name"] for each in rules for ref in each["backendRefs"]} == services
    assert {ref["port"] for each in rules for ref in each["backendRefs"]} == {8080}


@pytest.mark.skipif(shutil.which("nginx") is None, reason="there is no nginx on this machine")
@pytest.mark.parametrize("base", BASES)
def test_nginx_takes_the_configuration_of_the_front_door(base: str, tmp_path: Path) -> None:
    found = objects({"demo": {"enabled": True}, "issuer": f"http://127.0.0.1:8080{base}"})
    text = named(found, "ConfigMap", "valetkey-front-door")["data"]["nginx.conf"]
    file = tmp_path / "nginx.conf"
    file.write_text(re.sub(r"valetkey-\w+:8080", "127.0.0.1:9", text).replace("/tmp/", f"{tmp_path}/"))  # noqa: S108

    tested = subprocess.run(
        ["nginx", "-t", "-e", "stderr", "-c", str(file)], check=False, capture_output=True, text=True, timeout=20
    )

    assert tested.returncode == 0, tested.stderr
    assert "[warn]" not in tested.stderr


def test_the_front_door_knows_every_service_by_its_name() -> None:
    found = objects("demo")
    text = named(found, "ConfigMap", "valetkey-front-door")["data"]["nginx.conf"]
    configuration = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))

    upstreams = dict(re.findall(r"upstream (\w+) \{ server ([\w-]+):8080; \}", configuration))

    assert upstreams == {service: f"valetkey-{service}" for service in SERVICES}
    assert "${" not in configuration
    assert pod_of(found, "front-door").containers[0]["ports"] == [{"name": "http", "containerPort": 8080}]
