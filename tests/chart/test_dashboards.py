"""Dashboards that Grafana can load, and whose panels say what they show."""

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.dashboard import DASHBOARDS, Panel, dashboards, filled_in, panels
from support.promtool import promtool
from support.repository import ROOT

NAMES = sorted(dashboards())
# Of Grafana's units, those that say what we measure.
UNITS = {"s", "bytes", "percentunit", "reqps", "ops", "short", "none"}
KINDS = {"timeseries", "stat", "bargauge", "heatmap", "table"}
WIDTH = 24


@pytest.fixture(params=NAMES)
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dashboards()[request.param]


def test_there_is_one_for_each_question() -> None:
    uids = {name: dashboard["uid"] for name, dashboard in dashboards().items()}

    assert uids == {name: f"valetkey-{name}" for name in ("slo", "security", "keys", "capacity")}


def test_the_reader_chooses_source_namespace_and_job(dashboard: dict[str, Any]) -> None:
    variables = [variable["name"] for variable in dashboard["templating"]["list"]]

    assert variables[:3] == ["datasource", "namespace", "job"]
    assert dashboard["schemaVersion"] >= 39
    assert dashboard["tags"] == ["valetkey"]


def test_panels_have_numbers_of_their_own_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    found = dashboard["panels"]

    overlaps = [(a["title"], b["title"]) for a, b in combinations(found, 2) if overlap(a["gridPos"], b["gridPos"])]

    assert not overlaps
    assert len({panel["id"] for panel in found}) == len(found)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= WIDTH for panel in found)


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel.title)
def test_every_panel_says_what_it_shows_and_in_which_unit(panel: Panel) -> None:
    content = panel.content

    assert content["type"] in KINDS
    assert content["description"].endswith(".")
    assert content["fieldConfig"]["defaults"]["unit"] in UNITS
    assert content["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel.title)
def test_every_panel_asks_the_chosen_source_about_the_chosen_installation(panel: Panel) -> None:
    targets = panel.content["targets"]

    assert targets
    assert len({target["refId"] for target in targets}) == len(targets)
    for target, query in zip(targets, panel.queries, strict=True):
        assert target["datasource"]["uid"] == "${datasource}"
        assert query.selectors
        for name, matchers in query.selectors:
            chosen = {matcher.label for matcher in matchers} >= {"namespace", "job"}
            assert chosen or name == "valetkey:slo_error_budget:ratio", name


@pytest.mark.parametrize("name", NAMES)
def test_prometheus_understands_every_panel(name: str, tmp_path: Path) -> None:
    expressions = [each for panel in panels() if panel.dashboard == name for each in panel.expressions]
    asked = [filled_in(each["expr"]) for each in dashboards()[name]["annotations"]["list"]]
    rules = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate([*expressions, *asked])]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": name, "rules": rules}]}), encoding="utf-8")

    checked = promtool("check", "rules", file)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(rules)} rules found" in checked.stdout


def test_requests_lead_to_their_traces() -> None:
    slow = [panel for panel in panels() if any(target.get("exemplar") for target in panel.content["targets"])]
    linked = [panel for panel in panels() if panel.content["fieldConfig"]["defaults"].get("links")]

    assert {panel.dashboard for panel in slow} == {"slo", "capacity"}
    assert {panel.dashboard for panel in linked} == {"slo"}


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel.title)
def test_legends_name_labels_that_the_query_leaves(panel: Panel) -> None:
    for target, query in zip(panel.content["targets"], panel.queries, strict=True):
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))

        assert named <= query.labels | {"pod", "slo", "version"}, target["expr"]


def test_compose_gives_prometheus_and_grafana_what_they_are_told_to_read() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    prometheus = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    sources = yaml.safe_load(
        (ROOT / "deploy/grafana/provisioning/datasources/valetkey.yaml").read_text(encoding="utf-8")
    )["datasources"]
    provider = yaml.safe_load(
        (ROOT / "deploy/grafana/provisioning/dashboards/valetkey.yaml").read_text(encoding="utf-8")
    )["providers"][0]

    scraped = prometheus["scrape_configs"][0]["dns_sd_configs"][0]
    mounts = {name: [each.split(":") for each in services[name]["volumes"]] for name in ("prometheus", "grafana")}

    assert set(scraped["names"]) <= set(services)
    assert scraped["port"] == 9090
    assert ["./alerts", str(Path(prometheus["rule_files"][0]).parent), "ro"] in mounts["prometheus"]
    assert ["./prometheus", "/etc/prometheus", "ro"] in mounts["prometheus"]
    assert [f"./{DASHBOARDS.name}", provider["options"]["path"], "ro"] in mounts["grafana"]
    assert ["./grafana/provisioning", "/etc/grafana/provisioning", "ro"] in mounts["grafana"]
    assert {source["url"].split("/")[2].split(":")[0] for source in sources} <= set(services)
    assert "--enable-feature=exemplar-storage" in services["prometheus"]["command"]


def test_promtool_accepts_the_configuration() -> None:
    checked = promtool("check", "config", "--syntax-only", ROOT / "deploy" / "prometheus" / "prometheus.yml")

    assert checked.returncode == 0, checked.stdout + checked.stderr


def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    return (
        a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
    )
