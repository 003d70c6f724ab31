"""Runs the key rotation job as a command does, and tells what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from valetkey.cli.failure import Misconfigured
from valetkey.cli.operator_audit import audited
from valetkey.cli.output import Output, say
from valetkey.cli.store import open_stores, prepare, translated
from valetkey.core.jose.sealed_key import KeySealer, UnsealError
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.key_rotation.report import RotationReport
from valetkey.key_rotation.rotate import rotate_keys
from valetkey.runtime.lifecycle.retry_policy import Patience
from valetkey.runtime.settings.settings import Settings, load_settings

_NO_PATIENCE = Patience()


def run_rotation(
    output: Output,
    *,
    emergency: bool = False,
    early: bool = False,
    compromised: Collection[str] = (),
    patience: Patience = _NO_PATIENCE,
) -> None:
    """One run. ``early`` takes every active key for due; see ``rotate_keys`` for the others."""
    with translated():
        settings = load_settings("key_rotation")
        prepare(settings)
        with audited("keys.rotated"):
            report = asyncio.run(_rotate(settings, patience, emergency=emergency, early=early, compromised=compromised))
    output.one({**report.changes, "held_back_by": report.held_back_by})
    if not any(report.changes.values()):
        say("Nothing was due.")
    if report.held_back_by:
        say("A key is due and waits until these replicas serve its successor; run this again, or stop them.")


async def _rotate(
    settings: Settings, patience: Patience, *, emergency: bool, early: bool, compromised: Collection[str]
) -> RotationReport:
    sealer = KeySealer(dict(settings.key_encryption_keys.reveal()))
    policy = RotationPolicy.from_settings(settings)
    if early:
        policy = replace(policy, active_period=timedelta(0))
    async with open_stores(settings, patience=patience) as stores:
        try:
            return await rotate_keys(
                stores.database, sealer, policy, stores.clock, emergency=emergency, compromised=compromised
            )
        except UnsealError as error:
            raise Misconfigured(
                f"{error}. Give the key-encryption key that sealed it in VALETKEY_KEY_ENCRYPTION_KEYS as well."
            ) from error
