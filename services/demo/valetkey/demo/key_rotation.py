"""The signing keys of the demo: made at the start, and rotated when a visitor asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from valetkey.core.jose.sealed_key import KeySealer
from valetkey.core.ports.clock import Clock
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.key_rotation.report import RotationReport
from valetkey.key_rotation.rotate import rotate_keys
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.database.pool import Database

_KID_SHOWN = 8


class KeyRotation:
    """The key rotation job, with the policy of the settings and with one that has every key due."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._sealer = KeySealer(dict(settings.key_encryption_keys.reveal()))
        self._policy = RotationPolicy.from_settings(settings)

    async def run(self) -> None:
        """Do what is due, which at first is to make keys."""
        await self._rotate(self._policy)

    async def advance(self) -> Sequence[str]:
        """Rotate now, if the successors have been published for long enough; what happened, in sentences."""
        report = await self._rotate(replace(self._policy, active_period=timedelta(0)))
        words = {
            "Signing from now on": report.activated,
            "Retired, and still published": report.retired,
            "Prepared for the next time": tuple(kid for kid in report.created if kid not in report.activated),
            "Gone": report.deleted,
        }
        return [f"{what}: {', '.join(map(_short, kids))}." for what, kids in words.items() if kids]

    async def _rotate(self, policy: RotationPolicy) -> RotationReport:
        return await rotate_keys(self._database, self._sealer, policy, self._clock)


def _short(kid: str) -> str:
    return f"{kid[:_KID_SHOWN]}…"
