"""Revocations in memory: what the two stores promise together, without a server."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import REVOCATION_MARGIN, Revocation, RevocationTarget


class FakeRevocations:
    """`Revoker` and `RevocationReader`, and the PostgreSQL half of `RevocationStore`. `away` makes it refuse."""

    def __init__(self) -> None:
        self.away = False
        self.reads = 0
        self._kept: dict[RevocationTarget, Revocation] = {}

    async def revoke(self, revocations: Sequence[Revocation]) -> None:
        await self.record(revocations)

    async def record(self, revocations: Sequence[Revocation]) -> None:
        self._require_presence()
        for revocation in revocations:
            known = self._kept.get(revocation.target, revocation)
            self._kept[revocation.target] = Revocation(
                revocation.target,
                max(revocation.revoked_at, known.revoked_at),
                max(revocation.expires_at, known.expires_at),
            )

    async def find(self, targets: Sequence[RevocationTarget]) -> Iterable[Revocation]:
        self._require_presence()
        self.reads += 1
        return [self._kept[target] for target in dict.fromkeys(targets) if target in self._kept]

    async def live(self, now: datetime, batch_size: int) -> AsyncIterator[Sequence[Revocation]]:
        cursor = ("", "")
        while True:
            self._require_presence()
            later = sorted(
                (target.kind.value, target.target)
                for target, revocation in self._kept.items()
                if (target.kind.value, target.target) > cursor and revocation.expires_at > now - REVOCATION_MARGIN
            )
            batch = [
                revocation
                for target, revocation in self._kept.items()
                if (target.kind.value, target.target) in later[:batch_size]
            ]
            if not batch:
                return
            yield batch
            cursor = later[:batch_size][-1]

    def _require_presence(self) -> None:
        if self.away:
            raise TemporarilyUnavailable("away")
