"""Every metric in an alert, a dashboard or a runbook is one that the services emit, with those labels and values."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.alert_rules import Rule, alerts, recorded, rules
from support.dashboard import panels
from support.observed import Observed
from support.prometheus import running_prometheus
from support.promql import Query
from support.runbook import pages, promql
from support.scrape import OF_PROMETHEUS, TARGET_LABELS, Scrape, declared

# A whole day goes by before the first of them, on a busy machine slowly.
pytestmark = pytest.mark.timeout(300)
_PANEL_SECONDS = 40


@dataclass(frozen=True)
class Asked:
    """A query, and where it stands."""

    place: str
    query: Query


def everything_asked() -> list[Asked]:
    of_rules = [Asked(rule.name, rule.query) for rule in rules()]
    return of_rules + [Asked(panel.title, query) for panel in panels() for query in panel.queries]


@pytest.fixture
def scrape(observed: Observed) -> Scrape:
    return observed.scrape


def test_every_panel_and_every_query_of_a_runbook_shows_something_and_every_rule_works(
    observed: Observed, tmp_path: Path
) -> None:
    expressions = {each: panel.title for panel in panels() for each in panel.expressions}
    expressions |= {each: page.name for page in pages() for each in promql(page)}
    deadline = time.monotonic() + _PANEL_SECONDS

    with running_prometheus(tmp_path, observed.targets) as prometheus:
        empty = expressions
        while empty and time.monotonic() < deadline:
            time.sleep(1)
            empty = {each: title for each, title in empty.items() if not prometheus.series(each)}
        broken = {rule["name"]: rule["lastError"] for rule in prometheus.rules() if rule.get("lastError")}

    assert not empty
    assert not broken


def test_every_queried_metric_is_emitted(scrape: Scrape) -> None:
    known = set(declared()) | set(scrape.values) | set(recorded()) | set(OF_PROMETHEUS)

    unknown = {asked.place: asked.query.metrics - known for asked in everything_asked()}

    assert not {place: names for place, names in unknown.items() if names}


def test_a_day_shows_everything_that_the_code_declares(scrape: Scrape) -> None:
    missing = set(declared()) - set(scrape.values)

    assert not missing


def test_every_sample_has_the_labels_that_are_declared(scrape: Scrape) -> None:
    seen = {name: set(labels) for name, labels in scrape.values.items()}

    assert {name: labels for name, labels in declared().items() if name in seen} == {
        name: labels for name, labels in seen.items() if name in declared()
    }


def test_every_label_in_a_matcher_or_a_grouping_is_one_that_the_metric_has(scrape: Scrape) -> None:
    unknown = {asked.place: foreign for asked in everything_asked() if (foreign := foreign_labels(asked.query, scrape))}

    assert not unknown


def test_every_value_that_a_matcher_waits_for_has_been_seen(scrape: Scrape) -> None:
    never = [
        (asked.place, name, matcher)
        for asked in everything_asked()
        for name, matchers in asked.query.selectors
        for matcher in matchers
        if matcher.label not in TARGET_LABELS and matcher.operator in {"=", "=~"}
        if not any(matcher.accepts(value) for value in values_of(name, matcher.label, scrape))
        # Three services ran that day; of the process that is all of them, another test looks at the metrics.
        if (name, matcher.label, matcher.value) != ("valetkey_build_info", "component", "compact")
    ]

    assert not never


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: "-".join([rule.name, *rule.content["labels"].values()]))
def test_every_label_in_a_message_is_there_when_the_alert_fires(rule: Rule) -> None:
    named = {name for text in rule.content["annotations"].values() for name in re.findall(r"\$labels\.(\w+)", text)}

    assert named <= labels_of(rule, Scrape())


@pytest.mark.parametrize(
    ("error_type", "is_fault"),
    [
        ("ConnectionDoesNotExistError", True),
        ("CannotConnectNowError", True),
        ("ConnectionRefusedError", True),
        ("ConnectionError", True),
        ("DiskFullError", True),
        ("InsufficientPrivilegeError", True),
        ("OutOfMemoryError", True),
        ("TimeoutError", True),
        ("TooManyConnectionsError", True),
        ("gaierror", True),
        ("", False),
        ("CancelledError", False),
        ("Conflict", False),
        ("ForeignKeyViolationError", False),
        ("InvalidGrant", False),
        ("UniqueViolationError", False),
    ],
)
def test_only_faults_of_a_store_count_as_its_errors(error_type: str, is_fault: bool) -> None:
    (rule,) = recorded()["valetkey:store_errors:rate5m"]

    ((_, matchers),) = rule.query.selectors

    assert all(matcher.accepts(error_type) for matcher in matchers) is is_fault


def foreign_labels(query: Query, scrape: Scrape) -> set[str]:
    """Labels that none of the metrics has which the query reads."""
    of_selectors = {
        matcher.label
        for name, matchers in query.selectors
        for matcher in matchers
        if matcher.label not in labels_of_metric(name, scrape)
    }
    return of_selectors | (query.labels - {label for name in query.metrics for label in labels_of_metric(name, scrape)})


def labels_of_metric(name: str, scrape: Scrape) -> set[str]:
    if name in recorded():
        return {label for rule in recorded()[name] for label in labels_of(rule, scrape)}
    return set(OF_PROMETHEUS.get(name, declared().get(name, set(scrape.values.get(name, {}))))) | TARGET_LABELS


def labels_of(rule: Rule, scrape: Scrape) -> set[str]:
    """Labels that what a rule yields can have: what it adds, groups by or selects, or all where it never groups."""
    query = rule.query
    given = set(rule.content.get("labels", {})) | query.labels
    given |= {matcher.label for _, matchers in query.selectors for matcher in matchers}
    if not re.search(r"\bby\b", rule.expression):
        given |= {label for name in query.metrics for label in labels_of_metric(name, scrape)}
    return given


def values_of(name: str, label: str, scrape: Scrape) -> set[str]:
    if name not in recorded():
        return scrape.values.get(name, {}).get(label, set())
    found: set[str] = set()
    for rule in recorded()[name]:
        own = rule.content.get("labels", {}).get(label)
        found |= {own} if own else {value for base in rule.query.metrics for value in values_of(base, label, scrape)}
    return found
