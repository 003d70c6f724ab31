"""A container whose program runs once, told to stop while it waits: it is process 1, and needs no SIGKILL."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from time import monotonic, sleep

import pytest

from support.containers import HARDENED, docker, image_of, inspect, why_no_engine

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(why_no_engine()), reason=why_no_engine()),
]

GRACE_SECONDS, PROMPT_SECONDS = 30, 3.0
SETTINGS = {
    "VALETKEY_ISSUER": "https://id.example",
    "VALETKEY_POSTGRES_DSN": "postgresql://nobody:here@127.0.0.1:1/x",
    "VALETKEY_KEY_ENCRYPTION_KEYS": f"k1:{secrets.token_urlsafe(32)}",
}


@pytest.fixture
def waiting(request: pytest.FixtureRequest) -> Iterator[str]:
    """A container that waits for a PostgreSQL that is not there."""
    image, *words = request.param
    variables = [word for name, value in SETTINGS.items() for word in ("--env", f"{name}={value}")]
    container = docker("run", "--detach", *HARDENED, *variables, image_of(image), *words).stdout.strip()
    try:
        deadline = monotonic() + 60
        while "waiting: PostgreSQL" not in said(container):
            assert inspect(container)["State"]["Running"], said(container)
            assert monotonic() < deadline, said(container)
            sleep(0.1)
        yield container
    finally:
        docker("rm", "--force", "--volumes", container)


def said(container: str) -> str:
    log = docker("logs", container)
    return log.stdout + log.stderr


@pytest.mark.parametrize(
    "waiting",
    [
        ("key_rotation", "--wait", "300"),
        ("cli", "rotate-keys", "--wait", "300"),
        ("cli", "migrate", "up", "--wait", "300"),
    ],
    indirect=True,
    ids=["key-rotation", "rotate-keys", "migrate"],
)
def test_a_job_that_waits_stops_within_moments(waiting: str) -> None:
    started = monotonic()

    docker("stop", "--time", str(GRACE_SECONDS), waiting)

    took = monotonic() - started
    assert took < PROMPT_SECONDS
    assert inspect(waiting)["State"]["ExitCode"] == 143, said(waiting)
    assert "stopped by SIGTERM" in said(waiting)
    assert "Traceback" not in said(waiting)
