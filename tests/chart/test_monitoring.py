"""What watches Valetkey is packaged as it stands in deploy/, and looks where the services answer."""

import json
import tarfile
from pathlib import Path

import pytest
import yaml

from support.chart import CHART, HELM, SERVICES, Object, Refused, helm, named, objects, of_kind, pods, selects
from support.chart_values import EXTERNAL, SETS, Values, merged
from support.management_routes import MANAGEMENT_ROUTES
from support.repository import ROOT

ALERTS = sorted((ROOT / "deploy" / "alerts").glob("*.yaml"))
DASHBOARDS = sorted((ROOT / "deploy" / "dashboards").glob("*.json"))
LABELS = {"release": "prometheus"}
EVERYTHING: Values = {
    "podMonitor": {"enabled": True, "labels": LABELS},
    "rules": {"enabled": True, "labels": LABELS, "runbookBaseUrl": "https://runbooks.example/"},
    "dashboards": {"enabled": True, "annotations": {"folder": "Identity"}},
}
WATCHED = merged(EXTERNAL, {"monitoring": EVERYTHING})


def stem(path: Path) -> str:
    return path.stem.replace("_", "-")


def groups(found: list[Object], path: Path) -> list[Object]:
    return list(named(found, "PrometheusRule", f"valetkey-rules-{stem(path)}")["spec"]["groups"])


def test_every_replica_of_every_service_is_scraped_and_nothing_else() -> None:
    found = objects(WATCHED)
    (monitor,) = of_kind(found, "PodMonitor")

    scraped = [pod for pod in pods(found) if selects(monitor["spec"]["selector"], pod.labels)]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]

    assert [pod.component for pod in scraped] == sorted(SERVICES)
    assert endpoint["path"] in MANAGEMENT_ROUTES
    assert all(endpoint["port"] in {port["name"] for port in pod.containers[0]["ports"]} for pod in scraped)
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["identity"]}
    assert monitor["metadata"]["labels"].items() >= LABELS.items()


@pytest.mark.parametrize("path", ALERTS, ids=stem)
def test_the_rules_are_those_of_the_file(path: Path) -> None:
    written = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]

    arrived = json.dumps(groups(objects(WATCHED), path))

    assert json.loads(arrived.replace("https://runbooks.example/", "")) == written


@pytest.mark.parametrize(
    "base", ["", "runbooks.example", "deploy", "ftp://runbooks.example", "https://a b", "https://a?b"]
)
def test_rules_need_to_know_where_runbooks_are_read(base: str) -> None:
    with pytest.raises(Refused) as refused:
        objects(merged(WATCHED, {"monitoring": {"rules": {"runbookBaseUrl": base}}}))

    assert f'monitoring.rules.runbookBaseUrl "{base}" is no URL' in str(refused.value)
    assert "such as https://git.example.com/identity/valetkey/blob/v" in str(refused.value)


@pytest.mark.parametrize("path", ALERTS, ids=stem)
def test_every_alert_leads_to_its_runbook(path: Path) -> None:
    rules = [rule for group in groups(objects(WATCHED), path) for rule in group["rules"] if "alert" in rule]
    base = "https://runbooks.example/"

    links = [rule["annotations"]["runbook_url"] for rule in rules]

    assert all(link.startswith(base) and (ROOT / link.removeprefix(base)).is_file() for link in links)


@pytest.mark.parametrize("path", DASHBOARDS, ids=stem)
def test_a_dashboard_arrives_as_it_is(path: Path) -> None:
    arrived = named(objects(WATCHED), "ConfigMap", f"valetkey-dashboard-{stem(path)}")

    assert arrived["data"] == {path.name: path.read_text(encoding="utf-8")}
    assert arrived["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert arrived["metadata"]["annotations"] == {"folder": "Identity"}
    assert len(arrived["data"][path.name]) < 1_000_000  # a ConfigMap holds a MiB


def test_nothing_is_left_out() -> None:
    found = objects(WATCHED)

    dashboards = [each for each in of_kind(found, "ConfigMap") if "-dashboard-" in each["metadata"]["name"]]

    assert len(of_kind(found, "PrometheusRule")) == len(ALERTS) > 0
    assert len(dashboards) == len(DASHBOARDS) > 0


@pytest.mark.parametrize("values", [name for name in SETS if name != "production"])
def test_a_cluster_without_these_operators_is_asked_for_nothing(values: str) -> None:
    assert not of_kind(objects(values), "PodMonitor", "ServiceMonitor", "PrometheusRule")


def test_the_packaged_chart_has_the_files_and_none_of_the_tests(tmp_path: Path) -> None:
    helm(str(HELM), "package", str(CHART), "--destination", str(tmp_path))
    (archive,) = tmp_path.glob("*.tgz")
    with tarfile.open(archive) as opened:
        names = {name.removeprefix("valetkey/") for name in opened.getnames()}

    packaged = {name for name in names if name.startswith("files/")}

    assert packaged >= {f"files/alerts/{path.name}" for path in ALERTS}
    assert packaged >= {f"files/dashboards/{path.name}" for path in DASHBOARDS}
    assert packaged >= {"files/roles.sql", "files/nginx/nginx.conf.template"}
    assert not [name for name in names if name.startswith(("ci/", "files/alerts/tests"))]
