"""Looks out for what should be dead, and for what should be alive, while stores come and go."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from support.outage_fleet import KnownUser, OutageFleet
    from support.relying_party import RelyingParty, Reply

_UNAVAILABLE = (503, "temporarily_unavailable")


class Watch:
    """Asks every replica without a pause, and revokes one grant after the other, until the context ends.

    ``risen`` are revoked tokens that a replica called active or refreshed, ``fallen`` live ones that a replica called
    inactive, ``unexpected`` whatever was neither an answer nor a 503.
    """

    def __init__(self, outage_fleet: OutageFleet, known: KnownUser, grants: Sequence[Reply]) -> None:
        self._household = outage_fleet
        self._known = known
        self._grants = list(grants)
        self._revoked = [known.revoked]
        self._tasks: list[asyncio.Task[None]] = []
        self._is_over = False
        self.risen: list[object] = []
        self.fallen: list[object] = []
        self.unexpected: Counter[str] = Counter()
        self.introspections: Counter[str] = Counter()

    @property
    def revoked_meanwhile(self) -> int:
        """How many revocations were answered with 200."""
        return len(self._revoked) - 1

    async def __aenter__(self) -> Self:
        fleet, known = self._household.fleet, self._known
        watches = [self._introspect(at) for at in fleet.at_each(known.api, "introspection")]
        watches += [self._refresh(at) for at in fleet.at_each(known.party, "token")]
        self._tasks = [asyncio.create_task(watch) for watch in [*watches, self._revoke()]]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        await asyncio.gather(*self._tasks)

    async def _introspect(self, at: RelyingParty) -> None:
        while not self._is_over:
            for revoked in self._revoked[-4:] + self._revoked[:1]:
                reply = await at.introspect(revoked.access_token)
                if self._count(reply) == "active":
                    self.risen.append(reply.body)
            reply = await at.introspect(self._known.live.access_token)
            if self._count(reply) == "inactive":
                self.fallen.append(at.issuer)

    async def _refresh(self, at: RelyingParty) -> None:
        while not self._is_over:
            for revoked in self._revoked[-2:]:
                reply = await at.refresh(revoked.refresh_token)
                if reply.status == 200:
                    self.risen.append(reply.body)
                elif reply.error != "invalid_grant":
                    self._expect_unavailable(reply)
            await asyncio.sleep(0.01)

    async def _revoke(self) -> None:
        replicas = self._household.fleet.at_each(self._known.party, "token")
        with suppress(IndexError):
            while not self._is_over:
                grant = self._grants.pop()
                for at in replicas:
                    reply = await at.revoke(grant.refresh_token)
                    if reply.status == 200:
                        self._revoked.append(grant)
                        break
                    self._expect_unavailable(reply)
                await asyncio.sleep(0.05)

    def _count(self, reply: Reply) -> str:
        if reply.status == 200:
            outcome = "active" if reply.active else "inactive"
        else:
            outcome = "unavailable"
            self._expect_unavailable(reply)
        self.introspections[outcome] += 1
        return outcome

    def _expect_unavailable(self, reply: Reply) -> None:
        if (reply.status, reply.error) != _UNAVAILABLE:
            self.unexpected[f"{reply.status} {reply.body}"] += 1
