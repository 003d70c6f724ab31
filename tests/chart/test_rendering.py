"""Every set of values becomes objects that Kubernetes takes, and the same ones each time."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped] # it has no types
import pytest
import yaml

from support.chart import (
    CHART,
    HELM,
    NEWEST,
    OLDEST,
    Object,
    Refused,
    command_line,
    helm,
    notes,
    objects,
    operator_pod,
    pod_of,
)
from support.chart_values import SETS, VALUES, merged
from support.kubernetes_schema import CUSTOM, problems
from support.repository import ROOT

LONG = "a-release-with-a-name-as-long-as-helm-allows-it-to-be"


def chart() -> dict[str, Any]:
    return dict(yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("values", SETS)
def test_helm_finds_no_fault(values: str, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(VALUES[values]), encoding="utf-8")

    said = helm(str(HELM), "lint", "--strict", "--values", str(file), str(CHART))

    assert "1 chart(s) linted, 0 chart(s) failed" in said
    assert "WARNING" not in said


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("values", SETS)
def test_every_object_is_valid_in_the_oldest_and_the_newest_kubernetes(values: str, version: str) -> None:
    found = [each for each in objects(values, kube_version=version) if each["kind"] not in CUSTOM]

    wrong = [problem for each in found for problem in problems(each, version)]

    assert not wrong


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("values", SETS)
def test_the_pod_that_an_operator_starts_is_valid_too(values: str, version: str) -> None:
    template = operator_pod(objects(values, kube_version=version)).template

    wrong = problems({**template, "metadata": {"name": "operator", **template["metadata"]}}, version)

    assert not wrong


def test_a_member_that_kubernetes_does_not_know_is_a_problem() -> None:
    wrong = problems({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"prots": []}}, OLDEST)

    assert len(wrong) == 1
    assert "prots" in wrong[0]


def test_the_newest_kubernetes_is_the_newest_that_is_known() -> None:
    assert kubernetes_validate.latest_version() == NEWEST.rpartition(".")[0] + ".0"


# Members that were behind a feature gate, and the minor release of Kubernetes 1 in which that opened by default.
OPEN_SINCE = {
    "appProtocol": 19,
    "internalTrafficPolicy": 22,
    "matchLabelKeys": 27,
    "sleep": 30,
    "timeZone": 25,
    "trafficDistribution": 31,
    "unhealthyPodEvictionPolicy": 27,
}


def members(node: object) -> Iterator[str]:
    """The name of every member, at any depth."""
    if isinstance(node, dict):
        for name, below in node.items():
            yield name
            yield from members(below)
    elif isinstance(node, list):
        for each in node:
            yield from members(each)


def test_the_oldest_kubernetes_is_the_first_that_has_all_that_is_rendered_for_it() -> None:
    found = [each for values in SETS for each in objects(values, kube_version=OLDEST) if each["kind"] not in CUSTOM]
    minor = int(OLDEST.split(".")[1])

    gated = {OPEN_SINCE[name] for each in found for name in members(each) if name in OPEN_SINCE}
    unknown = {problem for each in found for problem in problems(each, f"1.{minor - 2}.0")}

    assert max(gated) == minor
    assert unknown
    assert chart()["kubeVersion"] == f">={OLDEST}-0"


@pytest.mark.parametrize(("version", "slept"), [(OLDEST, False), ("1.29.0", False), ("1.30.0", True), (NEWEST, True)])
def test_pods_sleep_before_they_stop_where_kubernetes_can(version: str, slept: bool) -> None:
    pod = pod_of(objects("external", kube_version=version), "token")

    assert ("sleep" in members(pod.spec)) is slept


def test_a_value_that_an_older_kubernetes_would_ignore_is_refused() -> None:
    values = merged(VALUES["external"], {"services": {"service": {"trafficDistribution": "PreferClose"}}})

    assert objects(values, kube_version="1.31.0")
    with pytest.raises(Refused, match=r"service\.trafficDistribution needs Kubernetes 1\.31, and this is v1\.30\.0"):
        objects(values, kube_version="1.30.0")


@pytest.mark.parametrize("values", SETS)
def test_objects_of_other_projects_have_what_those_require(values: str) -> None:
    found = [each for each in objects(values) if each["kind"] in CUSTOM]

    wrong = [each for each in found if each["apiVersion"] != CUSTOM[each["kind"]][0]]
    lacking = [each for each in found if not all(each["spec"].get(name) for name in CUSTOM[each["kind"]][1])]

    assert not wrong
    assert not lacking


@pytest.mark.parametrize("values", SETS)
def test_the_same_values_give_the_same_bytes(values: str, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(VALUES[values]), encoding="utf-8")
    line = command_line(str(file), "valetkey", NEWEST)

    once, again = helm(*line), helm(*line)

    assert once == again


@pytest.mark.parametrize("values", SETS)
def test_no_two_objects_have_one_name(values: str) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in objects(values)]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("values", SETS)
def test_names_fit_whatever_the_release_is_called(values: str) -> None:
    found = objects(values, release=LONG)

    longest = {"CronJob": 52}
    names = [(each["metadata"]["name"], longest.get(each["kind"], 63)) for each in found]
    labels = [value for each in found for value in each["metadata"].get("labels", {}).values()]

    assert not [name for name, length in names if len(name) > length or name.endswith("-")]
    assert not [value for value in labels if len(value) > 63]


def of_the_chart(values: str) -> list[Object]:
    return [each for each in objects(values) if not each["metadata"]["name"].endswith("-extra")]


@pytest.mark.parametrize("values", SETS)
def test_every_object_says_whose_it_is_and_where_it_belongs(values: str) -> None:
    unlabelled = [
        each["metadata"]["name"]
        for each in of_the_chart(values)
        if each["metadata"]["labels"].get("app.kubernetes.io/instance") != "valetkey"
        or each["metadata"]["labels"].get("app.kubernetes.io/managed-by") != "Helm"
        or each["metadata"]["namespace"] != "identity"
    ]

    assert not unlabelled


def test_common_labels_are_on_every_object_and_pod_and_in_no_selector() -> None:
    found = of_the_chart("below-a-path")
    text = [yaml.safe_dump(each["spec"].get("selector")) for each in found if "spec" in each]

    assert all(each["metadata"]["labels"]["team"] == "identity" for each in found)
    assert not [selector for selector in text if "team" in selector]


def test_extra_objects_are_templates() -> None:
    (extra,) = (each for each in objects("below-a-path") if each["metadata"]["name"] == "valetkey-extra")

    assert extra["data"] == {"issuer": VALUES["below-a-path"]["issuer"]}


def test_the_chart_asks_for_no_chance_or_time_and_the_cluster_for_a_number_of_pods_alone() -> None:
    impure = re.compile(r"\b(rand\w*|uuidv4|now|genCA|genSignedCert|genSelfSignedCert|genPrivateKey|htpasswd|lookup)\b")

    templates = {path: path.read_text(encoding="utf-8") for path in (CHART / "templates").iterdir()}
    actions = {
        path: " ".join(re.findall(r"\{\{-?(?!\s*/\*).*?\}\}", text, re.DOTALL)) for path, text in templates.items()
    }
    unquoted = {path: re.sub(r'"[^"]*"', "", text) for path, text in actions.items()}
    found = [(path.name, word) for path, text in unquoted.items() for word in impure.findall(text)]

    assert found == [("_service.tpl", "lookup")]
    assert 'with lookup "apps/v1" "Deployment" $root.Release.Namespace' in templates[CHART / "templates/_service.tpl"]


def test_the_version_of_the_chart_is_that_of_the_program() -> None:
    rooms = [(ROOT / "services" / name / "pyproject.toml").read_text(encoding="utf-8") for name in ("token", "cli")]

    assert all(f'version = "{chart()["appVersion"]}"' in text for text in rooms)


@pytest.mark.parametrize("values", SETS)
def test_the_notes_say_where_discovery_is(values: str) -> None:
    issuer = VALUES[values].get("issuer", "http://127.0.0.1:8080")

    assert f"{issuer}/.well-known/openid-configuration" in notes(values)


@pytest.mark.parametrize(
    ("values", "command"),
    [
        ("production", "helm test valetkey --namespace identity --logs"),
        ("demo", "kubectl -n identity port-forward svc/valetkey-front-door 8080:8080"),
        ("demo", "kubectl -n identity get secret valetkey-secrets"),
        ("external", "enable ingress or httpRoute"),
        ("by-hand", "valetkey migrate up"),
        ("external", "-- user create ada --email ada@example.com"),
        ("in-the-pods", "-- user create ada --email ada@example.com"),
        ("external", "If a proxy will stand in front, name its networks in trustedProxies"),
        ("production", "believe X-Forwarded-For from 10.244.0.0/16."),
        ("production", "kubectl get pods --all-namespaces --output wide"),
        ("production", "grep 'a proxy is not trusted'"),
        ("no-proxy", "No X-Forwarded-For is believed"),
    ],
)
def test_the_notes_say_what_to_do_next(values: str, command: str) -> None:
    assert command in notes(values)


def test_the_notes_call_the_demo_a_demo() -> None:
    assert "DEMO" in notes("demo")
    assert "DEMO" not in notes("production")
