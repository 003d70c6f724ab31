"""Jobs of a new installation start at once, in any order: they wait for PostgreSQL and for each other."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from support.operator_cli import Operator, environment_of
from support.system import test_settings
from valetkey.cli.exit_code import ExitCode

UNREACHABLE = "postgresql://u:canary-password@127.0.0.1:1/x"


@pytest.fixture
def newcomer(empty_postgres_dsn: str, redis_url: str) -> Operator:
    """An operator with stores and nothing in them."""
    return Operator(environment_of(test_settings("https://id.example", empty_postgres_dsn, redis_url)))


@pytest.mark.parametrize("command", [("migrate", "up"), ("rotate-keys",)], ids=" ".join)
def test_waiting_for_postgres_ends_with_a_code_of_its_own(newcomer: Operator, command: tuple[str, ...]) -> None:
    outcome = newcomer.with_variables(postgres_dsn=UNREACHABLE).run(*command, "--wait", "1")

    assert outcome.exit_code == ExitCode.RETRY_TIMEOUT
    assert "waited 1 s: " in outcome.err
    assert "PostgreSQL" in outcome.err
    assert "canary" not in outcome.out + outcome.err


def test_waiting_for_the_schema_says_who_makes_it(newcomer: Operator) -> None:
    outcome = newcomer.run("rotate-keys", "--wait", "1")

    assert outcome.exit_code == ExitCode.RETRY_TIMEOUT
    assert "valetkey migrate up" in outcome.err


def test_rotation_goes_on_once_the_schema_is_there(newcomer: Operator) -> None:
    migration = threading.Timer(1.0, lambda: newcomer.succeed("migrate", "up"))
    migration.start()

    made = newcomer.json("rotate-keys", "--wait", "30", "--jitter", "1")
    migration.join()

    assert len(made["created"]) == 4


def test_the_job_itself_waits_as_long_and_ends_the_same_way(newcomer: Operator) -> None:
    environment = {**newcomer.environment, "VALETKEY_POSTGRES_DSN": UNREACHABLE, "PATH": os.environ["PATH"]}

    job = subprocess.run(
        [sys.executable, "-m", "valetkey.key_rotation", "--jitter", "1", "--wait", "1s"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert job.returncode == ExitCode.RETRY_TIMEOUT, job.stderr
    assert "waited 1 s: PostgreSQL" in job.stdout + job.stderr
    assert "canary" not in job.stdout + job.stderr
