"""``valetkey check login --temporary`` as a process that is stopped half-way: what it made is gone all the same."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.database_roles import as_role
from support.operator_cli import Operator, environment_of
from support.system import System, test_settings
from valetkey.cli.exit_code import ExitCode

SECONDS = 60
EVENTS = ["client.created", "user.created", "user.deleted", "client.deleted"]


@dataclass(frozen=True, slots=True)
class Run:
    """How a process ended and what it said."""

    exit_code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.err.splitlines() if line.startswith('{"log":"audit"')]


def start(environment: dict[str, str], *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "valetkey.cli", "check", "login", "--temporary", *options],
        env={name: value for name, value in os.environ.items() if not name.startswith("VALETKEY_")} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: "subprocess.Popen[str]") -> Run:
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Run(process.returncode, out, err)


def temporary_names(operator: Operator) -> list[str]:
    clients = [client["client_id"] for client in operator.json("client", "list")]
    users = [user["username"] for user in operator.json("user", "list")]
    return [name for name in (*clients, *users) if name.startswith("check-")]


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """An address that takes a connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(SECONDS)
        yield server


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_what_was_made_is_removed_and_audited_when_it_is_stopped(
    postgres_dsn: str, redis_url: str, silent: socket.socket, number: signal.Signals
) -> None:
    operator = Operator(
        environment_of(test_settings("http://127.0.0.1:8080", as_role(postgres_dsn, "operator"), redis_url))
    )
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    process = start(dict(operator.environment), "--connect-to", url)
    connection, _ = silent.accept()
    while_it_ran = temporary_names(operator)

    process.send_signal(number)
    run = end(process)

    connection.close()
    assert len(while_it_ran) == 2, "a client and a user"
    assert run.exit_code == ExitCode.REFUSED, run
    assert "Stopped. The temporary client and user are gone." in run.err
    assert "Traceback" not in run.err
    assert [event["type"] for event in run.events] == EVENTS
    assert {event["outcome"] for event in run.events} == {"success"}
    assert temporary_names(operator) == []


def test_a_process_of_its_own_tells_what_operators_do_and_nothing_else(system: System) -> None:
    run = end(start(environment_of(system.settings_of("operator"))))

    assert run.exit_code == ExitCode.OK, run
    assert [event["type"] for event in run.events] == EVENTS
    assert {event["service"] for event in run.events} == {"cli"}
    assert len({event["trace_id"] for event in run.events}) == 1
