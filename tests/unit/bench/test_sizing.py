"""The figures on the page are those of the last run, with no more digits than they deserve."""

from typing import Any

import pytest

from bench.sizing import FIGURES, MEMORY, PAGE, Place, figures, memory_figures, put

BENCH: dict[str, Any] = {
    "measured_at": "2026-01-31",
    "machine": "x86_64, 2 CPUs",
    "python": "3.11.7",
    "python_build": "profile-guided",
    "connections": 64,
    "durability": "every commit forced to disk",
    "load_average_before": 0.3,
    "scenarios": [
        {
            "scenario": name,
            "per_second_per_core": per_core,
            "cpu_microseconds": 1e6 / per_core,
            "store_microseconds": 123.4,
            "cpu_microseconds_alone": None if name == "login with password" else 2e6 / per_core,
            "store_microseconds_alone": None if name == "login with password" else 345.6,
            "ratio": 0.314,
            "p99": p99,
        }
        for name, per_core, p99 in (
            ("bare handler, wrk", 21_234, 4.0),
            ("refresh", 1837.4, 161.06),
            ("login with password", 31.9, 1149.4),
        )
    ],
}
RESIDENT = {
    "measured_at": "2026-01-30",
    "machine": "x86_64, 2 CPUs",
    "python": "3.11.7",
    "services": [
        {
            "service": "token",
            "megabytes_at_first": 92.1,
            "megabytes_at_most": 97.6,
            "requests": 1_000_000,
            "slope_megabytes_per_million": 0.04,
        }
    ],
}


def test_figures_have_two_digits() -> None:
    lines = figures(BENCH).splitlines()

    assert "| refreshes | token | 1,800 | 540 µs | 120 µs | 1,100 µs | 350 µs | 0.31 | 160 ms |" in lines
    login = "| logins with a password | authorize | 32 | 31,000 µs | 120 µs |  |  | 0.31 of argon2-cffi in a loop |"
    assert f"{login} 1,100 ms |" in lines


def test_a_login_is_compared_with_both_loops() -> None:
    ours = {"scenario": "hashing alone, ours", "per_second_per_core": 50.0, "ratio": 0.628}

    made = figures({**BENCH, "scenarios": [*BENCH["scenarios"], ours]})

    assert "| 0.31 of argon2-cffi in a loop, 0.50 of our verifier in a loop |" in made


def test_the_machine_and_the_day_are_told() -> None:
    said = figures(BENCH).splitlines()[0]

    assert "2026-01-31: x86_64, 2 CPUs, Python 3.11.7 (profile-guided), services on one core, 64 connections" in said
    assert "PostgreSQL with every commit forced to disk" in said
    assert "does 21,000 there" in said


def test_memory_is_told_with_its_own_day() -> None:
    lines = memory_figures(RESIDENT).splitlines()

    assert lines[0] == "Measured on 2026-01-30: x86_64, 2 CPUs, Python 3.11.7."
    assert "| token | 92 MB | 98 MB | 1,000,000 | +0.0 MB |" in lines


@pytest.mark.parametrize("place", [FIGURES, MEMORY])
def test_new_figures_take_the_place_of_old_ones_and_of_nothing_else(place: Place) -> None:
    page = f"before\n{place.begin}\nold\n{place.end}\nafter\n"

    once = put(page, "new", place)

    assert once == f"before\n{place.begin}\nnew\n{place.end}\nafter\n"
    assert put(once, "new", place) == once


@pytest.mark.parametrize("page", ["", f"{FIGURES.begin}\n", f"{FIGURES.end}\n{FIGURES.begin}\n"])
def test_a_page_without_their_place_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="has no line"):
        put(page, "new", FIGURES)


@pytest.mark.parametrize("place", [FIGURES, MEMORY])
def test_our_page_has_their_place(place: Place) -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert put(page, "new", place) != page
