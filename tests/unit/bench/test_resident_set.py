"""Whether a process is small, and whether it still grows."""

import pytest

from bench.resident_set import Sample, Verdict


def samples(*megabytes: float, each: int = 100_000) -> list[Sample]:
    return [Sample(number * each, size) for number, size in enumerate(megabytes)]


def test_growth_in_the_first_half_is_forgiven() -> None:
    verdict = Verdict.of(samples(60, 70, 80, 90, 90, 90, 90), 120)

    assert (verdict.first, verdict.most, verdict.last, verdict.slope) == (60, 90, 90, 0)
    assert verdict.is_kept


def test_growth_in_the_second_half_is_told_for_each_million() -> None:
    verdict = Verdict.of(samples(60, 60, 60, 61, 62, 63, 64), 120)

    assert verdict.slope == pytest.approx(10)
    assert not verdict.is_flat
    assert not verdict.is_kept
    assert "STILL GROWING" in str(verdict)


def test_shrinking_is_no_growth() -> None:
    assert Verdict.of(samples(60, 90, 80, 70, 60), 120).is_kept


def test_a_process_that_was_too_large_for_a_moment_was_too_large() -> None:
    verdict = Verdict.of(samples(60, 121, 60, 60, 60), 120)

    assert not verdict.is_kept
    assert "TOO LARGE" in str(verdict)


@pytest.mark.parametrize("few", [[Sample(0, 60.0)], [Sample(0, 60.0), Sample(10, 61.0)]])
def test_few_samples_have_no_slope(few: list[Sample]) -> None:
    assert Verdict.of(few, 120).slope == 0
