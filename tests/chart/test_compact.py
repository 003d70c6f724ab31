"""``mode: compact``: one component in the place of three, with whatever each of them has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.chart import SERVICES, Refused, named, objects, of_kind, pod_of, pods, selects
from support.chart_values import EXTERNAL, merged
from support.kubernetes_schema import problems

if TYPE_CHECKING:
    from support.chart import Object

COMPACT = merged(EXTERNAL, {"mode": "compact"})
PUBLISHED = {
    "ingress": {"enabled": True},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]},
    "trustedProxies": ["10.244.0.0/16"],
}


def kinds(found: list[Object], component: str) -> set[str]:
    return {each["kind"] for each in found if each["metadata"]["name"] == f"valetkey-{component}"}


@pytest.mark.requirement("operations: one process that is every service, as an installation")
@pytest.mark.parametrize("more", [{}, {"services": {"autoscaling": {"enabled": True}}}], ids=["fixed", "autoscaled"])
def test_it_has_what_each_service_has_and_they_are_not_there(more: dict[str, Any]) -> None:
    apart, together = objects(merged(EXTERNAL, more)), objects(merged(COMPACT, more))

    assert kinds(together, "compact") == kinds(apart, "token")
    assert kinds(apart, "compact") == set()
    assert [kinds(together, service) for service in SERVICES] == [set()] * len(SERVICES)
    assert not [problem for each in together for problem in problems(each, "1.37.0")]


def test_every_path_leads_to_it() -> None:
    found = objects(merged(COMPACT, PUBLISHED))

    (rule,) = of_kind(found, "Ingress")[0]["spec"]["rules"]
    by_ingress = {each["path"]: each["backend"]["service"]["name"] for each in rule["http"]["paths"]}
    (by_route,) = of_kind(found, "HTTPRoute")[0]["spec"]["rules"]

    assert set(by_ingress.values()) == {"valetkey-compact"}
    assert {each["path"]["value"] for each in by_route["matches"]} == set(by_ingress)
    assert by_route["backendRefs"] == [{"name": "valetkey-compact", "port": 8080}]


@pytest.mark.parametrize("monitor", ["PodMonitor", "ServiceMonitor"])
def test_it_is_scraped_and_nothing_else(monitor: str) -> None:
    key = monitor[0].lower() + monitor[1:]
    found = objects(merged(COMPACT, {"monitoring": {key: {"enabled": True}}}))

    if monitor == "PodMonitor":
        selector = of_kind(found, monitor)[0]["spec"]["selector"]
    else:
        selector = {"matchLabels": named(found, "Service", "valetkey-management")["spec"]["selector"]}

    assert [pod.component for pod in pods(found) if selects(selector, pod.labels)] == ["compact"]


def test_its_own_values_go_over_those_of_all_services_and_those_of_one_say_nothing() -> None:
    found = objects(
        merged(
            COMPACT,
            {
                "services": {"replicas": 3, "priorityClassName": "important"},
                "compact": {"replicas": 1, "settings": {"postgres_pool_max": 20}},
                "token": {"priorityClassName": "other", "extraEnv": [{"name": "VALETKEY_PORT", "value": "1"}]},
            },
        )
    )
    pod = pod_of(found, "compact")

    told = {each["name"]: each.get("value") for each in pod.containers[0]["env"]}

    assert named(found, "Deployment", "valetkey-compact")["spec"]["replicas"] == 1
    assert pod.spec["priorityClassName"] == "important"
    assert told["VALETKEY_POSTGRES_POOL_MAX"] == "20"


def test_hatches_of_it_are_held_to_the_same_rules() -> None:
    with pytest.raises(Refused, match="VALETKEY_PORT is a setting"):
        objects(merged(COMPACT, {"compact": {"extraEnv": [{"name": "VALETKEY_PORT", "value": "1"}]}}))


def test_another_mode_is_refused() -> None:
    with pytest.raises(Refused, match="mode"):
        objects(merged(EXTERNAL, {"mode": "all"}))
