from prometheus_client.exposition import generate_latest

from support.repository import ROOT
from valetkey.runtime.telemetry.metric import REGISTRY
from valetkey.runtime.telemetry.metrics_table import render, table

PAGE = ROOT / "services/runtime/METRICS.md"


def test_the_page_of_metrics_agrees_with_the_code() -> None:
    assert PAGE.read_text() == render(), (
        "run python -m valetkey.runtime.telemetry.metrics_table > services/runtime/METRICS.md"
    )


def test_every_metric_is_on_the_page_once_and_says_what_it_is() -> None:
    page = render()

    assert len(table()) > 25
    for metric in table():
        assert page.count(f"| `{metric.scraped_name}` | {metric.kind} |") == 1
        assert metric.doc.endswith(".")


def test_nothing_is_scraped_that_is_not_on_the_page() -> None:
    page = render()
    types = [line.split() for line in generate_latest(REGISTRY).decode().splitlines() if line.startswith("# TYPE ")]
    ours = [name for _, _, name, _ in types if not name.startswith(("process_", "python_")) and "_created" not in name]

    assert len(ours) > 10
    assert [name for name in ours if f"| `{name}` |" not in page] == []
