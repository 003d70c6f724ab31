"""A change reaches pods, without losing a request, and an upgrade is possible at all."""

import pytest
import yaml

from support.chart import (
    CHART,
    NEWEST,
    OLDEST,
    SERVICES,
    Object,
    Pod,
    environment,
    named,
    objects,
    of_kind,
    pod_of,
    pods,
    selects,
    server_of,
)
from support.chart_values import EXTERNAL, SETS, VALUES, Values, merged
from support.management_routes import MANAGEMENT_ROUTES

APP_VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["appVersion"]


@pytest.mark.parametrize("values", SETS)
def test_the_autoscaler_alone_decides_where_there_is_one(values: str) -> None:
    found = objects(values)
    scaled = {each["spec"]["scaleTargetRef"]["name"]: each for each in of_kind(found, "HorizontalPodAutoscaler")}

    for deployment in of_kind(found, "Deployment"):
        assert ("replicas" in deployment["spec"]) != (deployment["metadata"]["name"] in scaled)

    assert set(scaled) == ({f"valetkey-{service}" for service in SERVICES} if values == "production" else set())
    assert all({"scaleUp", "scaleDown"} == set(each["spec"]["behavior"]) for each in scaled.values())


def test_one_service_may_be_scaled_and_others_not() -> None:
    found = objects(merged(EXTERNAL, {"authorize": {"autoscaling": {"enabled": True, "maxReplicas": 7}}}))

    (scaler,) = of_kind(found, "HorizontalPodAutoscaler")

    assert scaler["spec"]["scaleTargetRef"]["name"] == "valetkey-authorize"
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (2, 7)
    assert named(found, "Deployment", "valetkey-token")["spec"]["replicas"] == 2


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("seconds", [(5, 5, 20), (0, 10, 30), (20, 0, 60)], ids=str)
def test_there_is_time_to_finish(service: str, seconds: tuple[int, int, int], version: str) -> None:
    before, drain, grace = seconds
    shutdown = {"preStopSeconds": before, "drainSeconds": drain, "graceSeconds": grace}
    pod = pod_of(objects(merged(EXTERNAL, {"shutdown": shutdown}), kube_version=version), service)
    (container,) = pod.spec["containers"]

    sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    told = environment(container)

    assert sleep == (before if version == NEWEST else 0)
    assert sleep + int(told["VALETKEY_DRAIN_DELAY"]) == before + drain
    assert int(told["VALETKEY_SHUTDOWN_GRACE"]) == grace
    assert pod.spec["terminationGracePeriodSeconds"] >= before + drain + grace + 5


@pytest.mark.parametrize("service", SERVICES)
def test_probes_ask_the_management_port_where_it_answers(service: str) -> None:
    (container,) = pod_of(objects("external"), service).spec["containers"]

    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}

    assert {name: each["port"] for name, each in asked.items()} == dict.fromkeys(asked, "management")
    assert {name: each["path"] for name, each in asked.items()} == {
        "startup": "/livez",
        "readiness": "/readyz",
        "liveness": "/livez",
    }
    assert {each["path"] for each in asked.values()} <= MANAGEMENT_ROUTES


@pytest.mark.parametrize("service", SERVICES)
def test_no_pod_goes_before_another_is_ready(service: str) -> None:
    strategy = named(objects("external"), "Deployment", f"valetkey-{service}")["spec"]["strategy"]

    assert strategy["type"] == "RollingUpdate"
    assert strategy["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize("values", SETS)
def test_budgets_hold_pods_that_are_ready_and_no_others(values: str) -> None:
    found = objects(values)
    budgets = of_kind(found, "PodDisruptionBudget")

    guarded = [
        pod.component for each in budgets for pod in pods(found) if selects(each["spec"]["selector"], pod.labels)
    ]

    workers = {"mailer"} if values == "mail" else set()
    expected = {server_of(values, service) for service in SERVICES} | workers
    assert guarded == ([] if values == "by-hand" else sorted(expected))
    assert all(each["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" for each in budgets)


@pytest.mark.parametrize("service", SERVICES)
def test_pods_are_spread_over_zones_and_nodes(service: str) -> None:
    pod = pod_of(objects("external"), service)

    constraints = pod.spec["topologySpreadConstraints"]

    assert [each["topologyKey"] for each in constraints] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert all(selects(each["labelSelector"], pod.labels) for each in constraints)
    assert "topologySpreadConstraints" not in pod_of(objects("by-hand"), service).spec


PLACEMENT: Values = {
    "priorityClassName": "important",
    "nodeSelector": {"disk": "ssd"},
    "affinity": {"podAffinity": {}},
    "tolerations": [{"key": "identity", "operator": "Exists"}],
    "podAnnotations": {"note": "a"},
    "podLabels": {"colour": "blue"},
}


@pytest.mark.parametrize(
    ("where", "components"),
    [("services", set(SERVICES)), ("token", {"token"}), ("jobs", {"migration", "key-rotation", "test-login"})],
    ids=["services", "token", "jobs"],
)
def test_pods_go_where_values_say(where: str, components: set[str]) -> None:
    found = pods(objects(merged(EXTERNAL, {where: PLACEMENT})))
    placed = {"priorityClassName", "nodeSelector", "affinity", "tolerations"}

    moved = {pod.component for pod in found if placed <= set(pod.spec)}
    marked = {pod.component for pod in found if pod.template["metadata"]["labels"].get("colour") == "blue"}

    assert moved == components
    # The pod of `helm test` is its own owner, and keeps the annotations of a hook.
    assert marked == components - {"test-login"}


def running(values: Values) -> list[Pod]:
    return [pod for pod in pods(objects(values)) if pod.owner["kind"] in {"Deployment", "StatefulSet"}]


def restarted(before: Values, after: Values) -> set[str]:
    """The components whose pods are replaced by an upgrade from one to the other."""
    old, new = ({pod.component: pod.template for pod in running(values)} for values in (before, after))
    return {component for component in new if old[component] != new[component]}


def checksums(values: Values, component: str) -> dict[str, str]:
    found = pod_of(objects(values), component).template["metadata"].get("annotations", {})
    return {name: value for name, value in found.items() if name.startswith("checksum/")}


PLAIN = merged(EXTERNAL, {"theme": {"templates": {"login.html": "a"}}})


@pytest.mark.requirement("operations, Images and chart: checksum annotations")
@pytest.mark.parametrize(
    ("change", "components"),
    [
        ({"settings": {"access_token_lifetime": "5m"}}, set(SERVICES)),
        ({"issuer": "https://other.example.com"}, set(SERVICES)),
        ({"postgres": {"host": "other.example"}}, set(SERVICES)),
        ({"secrets": {"existingSecret": "other"}}, {"authorize", "token"}),
        ({"redis": {"existingSecret": "other"}}, set(SERVICES)),
        ({"token": {"settings": {"postgres_pool_max": 20}}}, {"token"}),
        ({"theme": {"templates": {"login.html": "b"}}}, {"authorize"}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_change_of_the_configuration_changes_a_checksum(change: Values, components: set[str]) -> None:
    changed = {name for name in SERVICES if checksums(PLAIN, name) != checksums(merged(PLAIN, change), name)}

    assert changed == components == restarted(PLAIN, merged(PLAIN, change))


def test_a_change_of_the_front_door_restarts_it() -> None:
    moved = merged(VALUES["demo"], {"issuer": "http://127.0.0.1:8080/a"})

    assert "front-door" in restarted(VALUES["demo"], moved)
    assert checksums(VALUES["demo"], "front-door") != checksums(moved, "front-door")


@pytest.mark.parametrize("values", ["demo", "external"])
def test_what_no_pod_uses_restarts_no_pod(values: str) -> None:
    before = VALUES[values]
    indifferent = {
        "jobs": {"backoffLimit": 1},
        "authorize": {"replicas": 9},
        "monitoring": {"podMonitor": {"enabled": True}},
        "networkPolicy": {"enabled": False},
    }

    assert not restarted(before, merged(before, indifferent))


def fixed(found: list[Object]) -> dict[str, str]:
    """What Kubernetes does not let an upgrade change."""
    result: dict[str, str] = {}
    for each in of_kind(found, "Deployment", "StatefulSet", "DaemonSet"):
        members = ("selector", "serviceName", "volumeClaimTemplates", "podManagementPolicy")
        kept = [each["spec"].get(member) for member in members]
        result[f"{each['kind']}/{each['metadata']['name']}"] = yaml.safe_dump(kept)
    for each in of_kind(found, "RoleBinding"):
        result[each["metadata"]["name"]] = yaml.safe_dump(each["roleRef"])
    return result


UPGRADE: Values = {
    "commonLabels": {"team": "identity"},
    "image": {"tag": "9.9.9", "registry": "registry.example.com"},
    "environment": "other",
    "services": {"podLabels": {"a": "b"}, "replicas": 5, "autoscaling": {"enabled": True}},
    "settings": {"access_token_lifetime": "5m"},
    "secrets": {"revision": "2"},
    "networkPolicy": {"enabled": False},
}


@pytest.mark.parametrize("values", SETS)
def test_an_upgrade_leaves_selectors_alone(values: str) -> None:
    before, after = fixed(objects(values)), fixed(objects(merged(VALUES[values], UPGRADE)))

    assert before
    assert before == after


@pytest.mark.parametrize("values", SETS)
def test_selectors_find_their_own_pods_and_no_others(values: str) -> None:
    found = objects(values)

    for owner in of_kind(found, "Deployment", "StatefulSet"):
        chosen = [pod.name for pod in pods(found) if selects(owner["spec"]["selector"], pod.labels)]

        assert chosen == [f"{owner['kind']}/{owner['metadata']['name']}"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, f"valetkey-token:{APP_VERSION}"),
        ({"image": {"tag": "1.2.3"}}, "valetkey-token:1.2.3"),
        ({"image": {"registry": "registry.example/team/"}}, f"registry.example/team/valetkey-token:{APP_VERSION}"),
        ({"token": {"image": {"digest": "sha256:" + "b" * 64}}}, "valetkey-token@sha256:" + "b" * 64),
        ({"token": {"image": {"repository": "mine/token"}}}, f"mine/token:{APP_VERSION}"),
    ],
    ids=str,
)
def test_images_are_those_that_values_name(image: Values, expected: str) -> None:
    assert pod_of(objects(merged(EXTERNAL, image)), "token").containers[0]["image"] == expected
