"""``python -m valetkey.key_rotation``: one run, and the exit code."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from typing import TYPE_CHECKING

from valetkey.core.errors import TemporarilyUnavailable
from valetkey.core.sealed_key import KeySealer, UnsealError
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.key_rotation.rotate import rotate_keys
from valetkey.runtime.audit import configure_audit
from valetkey.runtime.clock import system_clock
from valetkey.runtime.logging import configure_logging
from valetkey.runtime.postgres.schema import SchemaMismatchError, require_schema
from valetkey.runtime.settings import Settings, SettingsError, load_settings
from valetkey.runtime.stores import open_database
from valetkey.runtime.telemetry import create_tracing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from valetkey.key_rotation.report import RotationReport

_log = logging.getLogger("valetkey.key_rotation")


async def run(settings: Settings, *, emergency: bool = False, compromised: Sequence[str] = ()) -> RotationReport:
    """One run with these settings. Raises as ``rotate_keys`` does, and ``SchemaMismatchError``."""
    sealer = KeySealer(dict(settings.key_encryption_keys.reveal()))
    policy = RotationPolicy.from_settings(settings)
    async with open_database(settings, "key_rotation") as database:
        await require_schema(database)
        return await rotate_keys(database, sealer, policy, system_clock, emergency=emergency, compromised=compromised)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 refused, 75 try again, 78 settings or a schema that cannot be used (sysexits)."""
    parser = argparse.ArgumentParser(prog="python -m valetkey.key_rotation", description="Rotate signing keys, once.")
    parser.add_argument("--emergency", action="store_true", help="replace every key now; tokens they signed fail")
    parser.add_argument(
        "--compromised", metavar="KID", action="append", default=[], help="replace this key now; tokens it signed fail"
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
    try:
        with tracing.run("key_rotation"):
            report = asyncio.run(run(settings, emergency=options.emergency, compromised=options.compromised))
    except TemporarilyUnavailable as error:
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


if __name__ == "__main__":
    sys.exit(main())
