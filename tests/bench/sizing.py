"""``make bench-sizing``: the figures of the last runs, written into ``deploy/sizing.md``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.__main__ import BUILD
from bench.rounds import OUR_HASHING
from bench.scenario import LOGIN
from support.repository import ROOT

PAGE = ROOT / "deploy" / "sizing.md"
_WORDS = {
    "login with password": ("logins with a password", "authorize"),
    "login with passkey": ("logins with a passkey", "authorize"),
    "authorize, signed in": ("authorizations with a session", "authorize"),
    "login, signed in": ("the same and the redemption of their code", "authorize and token"),
    "client_credentials ES256": ("client credentials, ES256", "token"),
    "client_credentials RS256": ("client credentials, RS256", "token"),
    "refresh": ("refreshes", "token"),
    "code redemption": ("code redemptions", "token"),
    "introspect active, hot": ("introspections of a token seen before", "introspection"),
    "introspect active, cold": ("introspections of a new token", "introspection"),
    "introspect garbage": ("introspections of nonsense", "introspection"),
    "userinfo": ("UserInfo", "introspection"),
    "jwks": ("JWKS", "introspection"),
}
_HEAD = (
    "| requests | service | per second and core | CPU each | stores | CPU of a lone one | stores"
    " | of the bare handler | p99 |"
)
_DIGITS = 2
# With many connections, and with one.
_COSTS = ("cpu_microseconds", "store_microseconds", "cpu_microseconds_alone", "store_microseconds_alone")


@dataclass(frozen=True, slots=True)
class Place:
    """The lines of the page between which figures stand."""

    begin: str
    end: str


FIGURES = Place("<!-- figures: begin, written by make bench-sizing -->", "<!-- figures: end -->")
MEMORY = Place("<!-- memory: begin, written by make bench-sizing -->", "<!-- memory: end -->")


def figures(bench: Mapping[str, Any]) -> str:
    """The table of requests, and what it was measured on."""
    rows = {row["scenario"]: row for row in bench["scenarios"]}
    bare = next((row for name, row in rows.items() if name.startswith("bare handler")), None)
    lines = [
        _said_of(bench, bare),
        "",
        _HEAD,
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, (words, service) in _WORDS.items():
        if row := rows.get(name):
            ratio = _of_hashing(row, rows.get(OUR_HASHING)) if name == LOGIN.name else f"{row['ratio']:.2f}"
            costs = " | ".join(_microseconds(row[key]) for key in _COSTS)
            per_core = _rounded(row["per_second_per_core"])
            lines.append(f"| {words} | {service} | {per_core} | {costs} | {ratio} | {_rounded(row['p99'])} ms |")
    return "\n".join(lines)


def put(page: str, made: str, place: Place) -> str:
    """The page with these figures in the place of those it holds. Raises ``ValueError`` where it has no such place."""
    before, begin, rest = page.partition(place.begin)
    _, end, after = rest.partition(place.end)
    if not begin or not end:
        raise ValueError(f"the page has no line {place.begin} with {place.end} after it")
    return f"{before}{place.begin}\n{made}\n{place.end}{after}"


def _said_of(bench: Mapping[str, Any], bare: Mapping[str, Any] | None) -> str:
    said = (
        f"Measured on {bench['measured_at']}: {bench['machine']}, Python {bench['python']} ({bench['python_build']}),"
        f" services on one core, {bench['connections']} connections, PostgreSQL with {bench['durability']};"
        f" load average {bench['load_average_before']} before it began."
    )
    if bare is None:
        return said
    return f"{said} A bare aiohttp handler that reads its form does {_rounded(bare['per_second_per_core'])} there."


def _of_hashing(login: Mapping[str, Any], ours: Mapping[str, Any] | None) -> str:
    """Of the loop of argon2-cffi and, as that was measured beside it too, of the loop of what we verify with."""
    said = f"{login['ratio']:.2f} of argon2-cffi in a loop"
    return said if ours is None else f"{said}, {login['ratio'] / ours['ratio']:.2f} of our verifier in a loop"


def memory_figures(memory: Mapping[str, Any]) -> str:
    """The table of resident sets, and what it was measured on."""
    rows = [
        f"| {each['service']} | {each['megabytes_at_first']:.0f} MB | {each['megabytes_at_most']:.0f} MB |"
        f" {each['requests']:,} | {each['slope_megabytes_per_million']:+.1f} MB |"
        for each in memory["services"]
    ]
    return "\n".join(
        [
            f"Measured on {memory['measured_at']}: {memory['machine']}, Python {memory['python']}.",
            "",
            "| service | memory at first | at most | after requests | growth per million in the second half |",
            "|---|---:|---:|---:|---:|",
            *rows,
        ]
    )


def _microseconds(value: float | None) -> str:
    return "" if value is None else f"{_rounded(value)} µs"


def _rounded(value: float) -> str:
    """No more digits than the next run would repeat."""
    if value <= 0:
        return "0"
    digits = _DIGITS - len(str(int(value)))
    return f"{round(value, digits):,.0f}" if value >= 1 else f"{value:.1g}"


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="make bench-sizing", description=__doc__)
    parser.add_argument("--build", type=Path, default=BUILD, help="directory of what the runs have written")
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    for name, made, place in (("bench", figures, FIGURES), ("bench-memory", memory_figures, MEMORY)):
        # What was not measured again stays as it is.
        if (kept := options.build / f"{name}.json").exists():
            page = put(page, made(json.loads(kept.read_text(encoding="utf-8"))), place)
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
