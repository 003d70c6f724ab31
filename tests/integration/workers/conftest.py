"""A service of two workers over stores of the test's own."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.database_roles import as_role
from support.operator_cli import Operator
from support.supervised_service import Start, SupervisedService, supervised


@pytest.fixture
def operator(postgres_dsn: str, redis_url: str) -> Operator:
    return Operator(
        {
            "VALETKEY_ISSUER": "https://id.example.com",
            "VALETKEY_POSTGRES_DSN": postgres_dsn,
            "VALETKEY_REDIS_URL": redis_url,
            "VALETKEY_KEY_ENCRYPTION_KEYS": f"test:{secrets.token_urlsafe(32)}",
        }
    )


@pytest.fixture
def start_service(operator: Operator, postgres_dsn: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a service with keys to sign with, two workers, and ports of its choice, unless told otherwise."""
    operator.succeed("rotate-keys")
    with ExitStack() as stack:
        count = itertools.count()

        def start(service: str = "introspection", **changes: str) -> SupervisedService:
            settings = {
                "port": "0",
                "management_port": "0",
                "workers": "2",
                "drain_delay": "200ms",
                "refresh_token_keys": secrets.token_urlsafe(32),
                "cookie_keys": secrets.token_urlsafe(32),
                "postgres_dsn": as_role(postgres_dsn, service),
            }
            variables = dict(operator.with_variables(**{**settings, **changes}).environment)
            return stack.enter_context(supervised(service, variables, tmp_path / f"log-{next(count)}"))

        yield start


@pytest.fixture
async def service(start_service: Start) -> SupervisedService:
    started = start_service()
    await started.until_ready()
    return started
