"""What Redis knows of everything that has been revoked, and revoking all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.storage.postgres.tables.revoke_all import Ended, revoke_all

if TYPE_CHECKING:
    from valetkey.administration.installation import Installation


async def reload_revocations(installation: Installation) -> None:
    """Have Redis loaded anew with everything that is revoked; until then, services ask PostgreSQL."""
    from valetkey.storage.redis.kept.revocation_writer import RevocationWriter

    async with installation.redis() as redis:
        with installation.audited("revocations.reloaded"):
            await RevocationWriter(redis, installation.clock).distrust()


async def end_everything(installation: Installation, *, consents: bool) -> Ended:
    """End every session, code, grant and token of all users, offline access too, and consents where asked.

    May be repeated.
    """
    async with installation.revoking() as publish:
        with installation.audited("everything.revoked"):
            ended = await revoke_all(installation.database, installation.clock(), consents=consents)
            await publish(ended.revocations)
    return ended
