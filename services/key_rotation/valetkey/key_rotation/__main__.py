"""``python -m valetkey.key_rotation``: one run, and the exit code."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.core.jose.sealed_key import KeySealer, UnsealError
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.key_rotation.jitter import LONGEST, spread
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.key_rotation.rotate import rotate_keys
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.lifecycle.retry_policy import RetryPolicy, RetryTimeoutError
from valetkey.runtime.lifecycle.termination import interrupted_by_sigterm
from valetkey.runtime.settings.environment import load_settings
from valetkey.runtime.settings.settings import Settings, SettingsError
from valetkey.runtime.settings.types import seconds
from valetkey.runtime.telemetry.audit import configure_audit
from valetkey.runtime.telemetry.logging import configure_logging
from valetkey.runtime.telemetry.tracing import create_tracing
from valetkey.storage.postgres.database.opening import open_database
from valetkey.storage.postgres.schema.version import SchemaMismatchError, require_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from valetkey.key_rotation.report import RotationReport

NO_RETRY = RetryPolicy()

_log = logging.getLogger("valetkey.key_rotation")


async def run(
    settings: Settings,
    *,
    emergency: bool = False,
    compromised: Sequence[str] = (),
    retry_policy: RetryPolicy = NO_RETRY,
) -> RotationReport:
    """One run with these settings. Raises as ``rotate_keys`` and ``RetryPolicy.wait_for`` do."""
    sealer = KeySealer(dict(settings.key_encryption_keys.reveal()))
    policy = RotationPolicy.from_settings(settings)
    async with open_database(settings, "key_rotation") as database:
        await retry_policy.wait_for(lambda: require_schema(database))
        return await rotate_keys(database, sealer, policy, system_clock, emergency=emergency, compromised=compromised)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 refused, 75 try again, or the wait timed out, 78 settings or schema unusable (sysexits).

    Raises ``SystemExit`` with 143 when SIGTERM stops it; what was begun is rolled back.
    """
    with interrupted_by_sigterm():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m valetkey.key_rotation", description="Rotate signing keys, once.")
    parser.add_argument("--emergency", action="store_true", help="replace every key now; tokens they signed fail")
    parser.add_argument(
        "--compromised", metavar="KID", action="append", default=[], help="replace this key now; tokens it signed fail"
    )
    parser.add_argument(
        "--jitter",
        metavar="SECONDS",
        type=_duration,
        default=timedelta(0),
        help="begin after a random part of this, so that many installations do not all begin at once",
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_duration,
        default=timedelta(0),
        help="go on trying for so long while PostgreSQL or its schema cannot be used; then exit with 75",
    )
    options = parser.parse_args(arguments)
    try:
        settings = load_settings("key_rotation")
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_CONFIG
    configure_logging(settings, "key_rotation")
    configure_audit("key_rotation")
    tracing = create_tracing(settings, "key_rotation")
    retry_policy = RetryPolicy(options.wait)
    try:
        asyncio.run(spread(options.jitter))
        with tracing.run("key_rotation"):
            report = asyncio.run(
                run(settings, emergency=options.emergency, compromised=options.compromised, retry_policy=retry_policy)
            )
    except (TemporarilyUnavailable, RetryTimeoutError) as error:
        _log.error("keys were not rotated: %s", error)
        return os.EX_TEMPFAIL
    except SchemaMismatchError as error:
        _log.error("keys were not rotated: %s", error)
        return os.EX_CONFIG
    except UnsealError as error:
        _log.error("keys were not rotated: %s", error)
        return 1
    finally:
        tracing.shutdown()
    _log.info("keys rotated", extra={f"keys_{name}": list(kids) for name, kids in report.changes.items() if kids})
    if report.held_back_by:
        _log.warning("a key is due and waits for replicas", extra={"replicas": list(report.held_back_by)})
    return 0


def _duration(text: str) -> timedelta:
    return timedelta(seconds=seconds(0, int(LONGEST.total_seconds())).parse(text))


if __name__ == "__main__":
    sys.exit(main())
