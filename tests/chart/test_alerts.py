"""Alerts say what is wrong, to whom it matters, and what to read; and Prometheus agrees with their tests."""

import re
from pathlib import Path

import pytest
import yaml

from support.alert_rules import ALERTS, Rule, alerts, recorded, rule_files, rules
from support.promtool import promtool
from support.repository import ROOT

RUNBOOKS = ROOT / "deploy" / "runbooks"
NAMES = sorted({rule.name for rule in alerts()})
TESTS = sorted((ALERTS / "tests").glob("*.yaml"))


def test_promtool_accepts_every_rule() -> None:
    checked = promtool("check", "rules", *rule_files())

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alerts_fire_and_stay_quiet_as_their_tests_say(file: Path) -> None:
    tested = promtool("test", "rules", file)

    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("file", rule_files(), ids=lambda file: file.stem)
def test_every_file_of_rules_has_tests_that_fire_each_alert_and_one_that_is_quiet(file: Path) -> None:
    names = {rule.name for rule in alerts() if rule.file == file}
    samples = [
        (example["eval_time"], example["exp_samples"])
        for test in yaml.safe_load((ALERTS / "tests" / file.name).read_text(encoding="utf-8"))["tests"]
        for example in test["promql_expr_test"]
        if "ALERTS" in example["expr"]
    ]

    fired = {
        name for _, found in samples for each in found for name in re.findall(r'alertname="(\w+)"', each["labels"])
    }

    assert fired == names
    assert [found for _, found in samples if not found]


@pytest.mark.parametrize("window", ["1h", "6h", "3d"])
@pytest.mark.parametrize(("name", "sli"), [("ErrorBudgetBurn", "availability"), ("LatencyBudgetBurn", "latency")])
def test_budgets_burn_over_a_long_and_a_short_window(name: str, sli: str, window: str) -> None:
    factor, short, severity = {
        "1h": ("14.4", "5m", "page"),
        "6h": ("6", "30m", "page"),
        "3d": ("1", "6h", "ticket"),
    }[window]

    (rule,) = [
        rule for rule in alerts() if rule.name == f"Valetkey{name}" and rule.content["labels"]["window"] == window
    ]

    assert rule.content["labels"]["severity"] == severity
    for each in (window, short):
        assert f'valetkey:slo_burn_rate:{each}{{sli="{sli}"}} > {factor}\n' in rule.expression
    assert f"[{window}]) * 30 >= 10" in rule.expression


def test_every_objective_is_measured_both_ways() -> None:
    errors = recorded()["valetkey:slo_errors:rate5m"]

    measured = {(rule.content["labels"]["slo"], rule.content["labels"]["sli"]) for rule in errors}

    assert measured == {
        (slo, sli) for slo in ("login", "token", "introspection", "jwks") for sli in ("availability", "latency")
    }


@pytest.mark.parametrize(
    "rule", alerts(), ids=lambda rule: f"{rule.name}-{rule.content['labels'].get('window', 'any')}"
)
def test_an_alert_tells_what_is_wrong_and_what_to_read(rule: Rule) -> None:
    content = rule.content

    annotations = content["annotations"]

    assert content["labels"]["severity"] in {"page", "ticket"}
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert len(annotations["summary"]) <= 100
    assert "{{" in annotations["description"]
    assert annotations["runbook_url"] == f"deploy/runbooks/{content['alert']}.md"


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_a_runbook(name: str) -> None:
    assert (RUNBOOKS / f"{name}.md").is_file()


def test_every_runbook_that_is_named_like_an_alert_has_one() -> None:
    runbooks = {path.stem for path in RUNBOOKS.glob("Valetkey*.md")}

    assert runbooks == set(NAMES)


def test_recorded_metrics_that_are_used_are_recorded() -> None:
    used = {name for rule in rules() for name in rule.query.metrics if ":" in name}

    assert used <= set(recorded())


def test_waiting_before_an_alert_is_shorter_where_it_pages() -> None:
    waits = {
        rule.name: rule.content.get("for", "0m") for rule in alerts() if rule.content["labels"]["severity"] == "page"
    }

    assert set(waits.values()) <= {"0m", "5m", "15m"}
