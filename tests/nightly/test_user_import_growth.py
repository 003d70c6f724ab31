"""An import takes the same memory for many users as for few, and as long for each of them."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.operator_cli import environment_of
from support.stores import create_migrated
from support.system import test_settings
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

FEW, MANY = 2_000, 20_000
# Names that an import has had are remembered in at most 27 bytes each, three of a user; the rest is noise.
MOST_KIBIBYTES_PER_USER = 0.25
HASH = "$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
RUN = """
import resource, sys
from valetkey.cli.__main__ import cli
try:
    cli()
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    with EmbeddedPostgres() as postgres:
        create_migrated(postgres, "valetkey")
        settings = test_settings("https://id.example", postgres.dsn_of("valetkey"), "redis://127.0.0.1:1")
        yield os.environ | environment_of(settings)


def write_users(path: Path, prefix: str, count: int) -> None:
    with path.open("w") as file:
        for number in range(count):
            name = f"{prefix}-{number:07}"
            user = {
                "username": name,
                "sub": f"legacy|{name}",
                "email": f"{name}@example.org",
                "claims": {"name": f"Person {number}"},
                "groups": ["staff"] if number % 10 == 0 else [],
                "password_hash": HASH,
            }
            file.write(f"{json.dumps(user)}\n")


def run(environment: dict[str, str], *arguments: str) -> tuple[str, int]:
    """What it printed, and the most memory it had, in KiB."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    peak = re.search(r"^peak (\d+)$", done.stderr, re.MULTILINE)
    assert peak is not None
    return done.stdout, int(peak[1])


@pytest.mark.requirement("import: a million users in bounded memory")
def test_memory_and_time_per_user_do_not_grow_with_the_number_of_users(
    environment: dict[str, str], tmp_path: Path
) -> None:
    run(environment, "group", "create", "staff")
    peaks, seconds = [], []
    for prefix, count in (("few", FEW), ("many", MANY)):
        path = tmp_path / f"{prefix}.jsonl"
        write_users(path, prefix, count)
        started = time.perf_counter()
        printed, peak = run(environment, "user", "import", str(path), "-o", "json")
        seconds.append((time.perf_counter() - started) / count)
        peaks.append(peak)
        assert json.loads(printed)["imported"] == count

    again, _ = run(environment, "user", "import", str(tmp_path / "many.jsonl"), "-o", "json")

    assert json.loads(again)["unchanged"] == MANY
    assert peaks[1] - peaks[0] < (MANY - FEW) * MOST_KIBIBYTES_PER_USER
    # Twice as long would be a table that is read whole for each batch.
    assert seconds[1] < 2 * seconds[0]
