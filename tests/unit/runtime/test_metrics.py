import pytest
from prometheus_client import CollectorRegistry, generate_latest

from valetkey.runtime.telemetry.metric import MAX_LABEL_SETS, OTHER, REGISTRY, Count, Duration, Level


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_a_count_adds_up_per_label_set(registry: CollectorRegistry) -> None:
    count = Count("tokens", "Tokens.", "grant", registry=registry)

    count.add("refresh_token")
    count.add("refresh_token", amount=2)
    count.add("client_credentials")

    assert registry.get_sample_value("tokens_total", {"grant": "refresh_token"}) == 3
    assert registry.get_sample_value("tokens_total", {"grant": "client_credentials"}) == 1


@pytest.mark.requirement("security 52: metric labels are bounded whatever a caller sends")
def test_label_sets_are_bounded(registry: CollectorRegistry) -> None:
    count = Count("tokens", "Tokens.", "grant", "error", registry=registry)
    duration = Duration("took", "Took.", "route", registry=registry)

    for number in range(MAX_LABEL_SETS + 100):
        count.add(f"grant-{number}", "x")
        duration.observe(0.1, f"/{number}")

    lines = generate_latest(registry).decode().splitlines()
    assert sum(line.startswith("tokens_total{") for line in lines) == MAX_LABEL_SETS + 1
    assert sum(line.startswith("took_count{") for line in lines) == MAX_LABEL_SETS + 1
    assert registry.get_sample_value("tokens_total", {"grant": OTHER, "error": OTHER}) == 100


def test_a_duration_falls_into_its_bucket(registry: CollectorRegistry) -> None:
    duration = Duration("took", "Took.", registry=registry)

    duration.observe(0.3, trace_id="a" * 32)

    assert registry.get_sample_value("took_bucket", {"le": "0.25"}) == 0
    assert registry.get_sample_value("took_bucket", {"le": "0.5"}) == 1


def test_a_level_that_was_not_set_is_not_reported_as_zero(registry: CollectorRegistry) -> None:
    level = Level("sessions", "Sessions.", registry=registry)
    before = registry.get_sample_value("sessions")

    level.set(3)
    level.change(-1)

    assert before is None
    assert registry.get_sample_value("sessions") == 2


def test_the_process_reports_its_memory() -> None:
    assert (REGISTRY.get_sample_value("process_resident_memory_bytes") or 0) > 0
