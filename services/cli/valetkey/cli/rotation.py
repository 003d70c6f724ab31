"""Runs the key rotation job as a command does, and tells what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from valetkey.administration import keys
from valetkey.administration.audit import audited
from valetkey.administration.installation import open_installation
from valetkey.cli.installation import prepare, translated
from valetkey.cli.operator_name import operator_name
from valetkey.cli.output import Output, say
from valetkey.key_rotation.report import RotationReport
from valetkey.runtime.lifecycle.retry_policy import RetryPolicy
from valetkey.runtime.settings.settings import load_settings

_ONCE = RetryPolicy()


def run_rotation(
    output: Output,
    *,
    emergency: bool = False,
    early: bool = False,
    compromised: Collection[str] = (),
    retries: RetryPolicy = _ONCE,
) -> None:
    """One run. ``early`` takes every active key for due; see ``rotate_keys`` for the others."""

    async def run() -> RotationReport:
        async with open_installation(settings, operator_name(), retries=retries) as installation:
            return await keys.run_rotation(installation, emergency=emergency, early=early, compromised=compromised)

    with translated():
        settings = load_settings("key_rotation")
        prepare(settings)
        # A run that finds no store is a run that failed, and is on record.
        with audited("keys.rotated", operator_name()):
            report = asyncio.run(run())
    output.one({**report.changes, "held_back_by": report.held_back_by})
    if not any(report.changes.values()):
        say("Nothing was due.")
    if report.held_back_by:
        say("A key is due and waits until these replicas serve its successor; run this again, or stop them.")
