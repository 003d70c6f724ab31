"""Runs the key rotation job as a command does, and tells what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import asdict

from valetkey.administration import keys
from valetkey.administration.audit import audited
from valetkey.administration.installation import open_installation
from valetkey.cli.installation import prepare, translated
from valetkey.cli.operator_name import operator_name
from valetkey.cli.output import Output, plain, say
from valetkey.key_rotation.report import RotationReport, WaitingKey
from valetkey.runtime.lifecycle.retry_policy import RetryPolicy
from valetkey.runtime.settings.environment import load_settings

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
    waiting = [asdict(key) for key in report.waiting]
    output.one({**report.changes, "held_back_by": report.held_back_by, "waiting": waiting})
    if not any(report.changes.values()) and not report.waiting:
        say("Nothing was due.")
    say(*map(_words, report.waiting))


def _words(key: WaitingKey) -> str:
    """What a key waits for, until when, and what to do."""
    when = plain(key.not_before)
    start = f"The {key.alg} key {key.kid} does not sign yet: key sets without it may be cached until {when}."
    if not key.behind:
        return f"{start} Run this again then."
    names = ", ".join(key.behind)
    return f"{start} It also waits until these replicas have served it for as long, or have stopped: {names}."
