"""The metrics of several workers as one exposition."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from valetkey.runtime.telemetry.metric import Count, Duration, Level
from valetkey.runtime.workers.merged_metrics import merge

TRACE_ID = "ab" * 16


def exposition(refused: int, age: float) -> str:
    registry = CollectorRegistry()
    Count("refused", "Refused.", "reason", registry=registry).add("a,b}", amount=refused)
    Level("age_seconds", "Age.", registry=registry).set(age)
    Duration("took_seconds", "Took.", "route", registry=registry).observe(0.2, '/"x"', trace_id=TRACE_ID)
    text: str = openmetrics.generate_latest(registry).decode()  # type: ignore[no-untyped-call]
    return text


def samples(text: str, name: str) -> list[Sample]:
    families = list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    return [sample for family in families for sample in family.samples if sample.name == name]


def in_openmetrics(registry: CollectorRegistry) -> str:
    text: str = openmetrics.generate_latest(registry).decode()  # type: ignore[no-untyped-call]
    return text


def test_every_sample_has_the_number_of_its_worker_and_nothing_is_added_up() -> None:
    merged = in_openmetrics(merge({1: exposition(5, 30.0), 0: exposition(3, 20.0)}))

    counts, ages = samples(merged, "refused_total"), samples(merged, "age_seconds")

    assert [(each.labels, each.value) for each in counts] == [
        ({"reason": "a,b}", "worker": "0"}, 3),
        ({"reason": "a,b}", "worker": "1"}, 5),
    ]
    assert [(each.labels, each.value) for each in ages] == [({"worker": "0"}, 20.0), ({"worker": "1"}, 30.0)]


def test_exemplars_survive() -> None:
    merged = in_openmetrics(merge({0: exposition(1, 1.0), 1: exposition(1, 1.0)}))

    found = [each for each in samples(merged, "took_seconds_bucket") if each.exemplar is not None]

    assert [(each.labels["worker"], each.exemplar.labels) for each in found if each.exemplar] == [
        ("0", {"trace_id": TRACE_ID}),
        ("1", {"trace_id": TRACE_ID}),
    ]


def test_a_family_is_described_once_in_either_format() -> None:
    merged = merge({0: exposition(1, 1.0), 1: exposition(1, 1.0)})

    texts = (in_openmetrics(merged), generate_latest(merged).decode())

    assert [text.count("# TYPE took_seconds histogram") for text in texts] == [1, 1]
    assert [text.count("# TYPE age_seconds gauge") for text in texts] == [1, 1]


def test_a_worker_that_did_not_answer_is_left_out() -> None:
    merged = in_openmetrics(merge({0: "", 1: exposition(1, 1.0)}))

    assert {each.labels["worker"] for each in samples(merged, "refused_total")} == {"1"}


def test_nobody_answers_and_there_is_nothing() -> None:
    assert in_openmetrics(merge({0: ""})) == "# EOF\n"
