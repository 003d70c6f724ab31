"""What a service loads before it listens: each library here is memory, and a noticeable part of a cold start."""

import subprocess
import sys

import pytest

APPS = ("valetkey.authorize.app", "valetkey.token.app", "valetkey.introspection.app", "valetkey.compact.app")
# For exporting telemetry, changing schemas, reading files of operators, and for commands.
NOT_NEEDED = {"opentelemetry.sdk", "requests", "alembic", "sqlalchemy", "yaml", "ijson", "click", "psutil"}


def _said_by(program: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()


@pytest.mark.parametrize("app", APPS)
def test_a_service_waits_only_for_what_it_serves_with(app: str) -> None:
    loaded = set(_said_by(f"import sys, {app}, valetkey.runtime.http.server; print(*sys.modules)"))

    assert {"redis.asyncio", "asyncpg", "aiohttp"} <= loaded
    assert not loaded & NOT_NEEDED


def test_a_service_that_exports_its_metrics_still_can() -> None:
    program = (
        "import valetkey.storage.stores, valetkey.runtime.telemetry.metric_export as export; print(export.__name__)"
    )

    assert _said_by(program) == ["valetkey.runtime.telemetry.metric_export"]
