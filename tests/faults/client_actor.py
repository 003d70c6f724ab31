"""A client and its user, who do everything that may be done with an authorization, and much that should not be."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from faults.lifetimes import CODE_LIFETIME
from faults.site import REPLICAS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faults.call import Call
    from faults.caller import Caller, Grant

_LONGEST_IMPATIENCE = 0.02
_TRIES = 3
_PAUSE = 0.05
_LOOKED_BACK_AT = 6
_REPLAYED_WITHIN = CODE_LIFETIME - 10


@dataclass(slots=True)
class ClientActor:
    """``hang_ups`` is the share of calls whose client does not wait for the answer."""

    caller: Caller
    chance: random.Random
    hang_ups: float
    kept: list[Grant] = field(default_factory=list)
    ended: list[Grant] = field(default_factory=list)

    async def visit(self) -> None:
        """Log in, fetch tokens, use them, and perhaps end them."""
        prompt = "login" if self.chance.random() < 0.25 else None
        grant = await self.caller.authorize(self._somewhere(), prompt=prompt)
        if grant is not None:
            await self._redeem(grant)
            if grant.access:
                await self._use(grant)
                await self._end_or_keep(grant)
        await self._look_back()

    async def settle(self) -> None:
        """When all is well again: what was kept is good, what was ended is not, nothing is asked for twice."""
        await self.caller.authorize(self._somewhere())
        for grant in (self.kept + self.ended)[-_LOOKED_BACK_AT:]:
            await self.caller.introspect_everywhere(grant, grant.access[-1])
        for grant in self.kept[-_LOOKED_BACK_AT:]:
            await self._refresh(grant)
            await self.caller.userinfo(grant, grant.access[-1], self._somewhere())
        for grant in (self.kept + self.ended)[-_LOOKED_BACK_AT:]:
            if self.caller.history.clock() - grant.issued < _REPLAYED_WITHIN:
                await self.caller.redeem(grant, self._somewhere())
                await self.caller.introspect_everywhere(grant, grant.access[-1])

    async def _redeem(self, grant: Grant) -> None:
        if self.chance.random() < 0.15:
            await self._everywhere(lambda number: self.caller.redeem(grant, number))
        else:
            await self._until_answered(lambda number: self.caller.redeem(grant, number, self._patience()))

    async def _use(self, grant: Grant) -> None:
        await self.caller.introspect_everywhere(grant, grant.access[-1])
        await self.caller.userinfo(grant, grant.access[-1], self._somewhere(), self._patience())
        for _ in range(self.chance.randint(1, 2)):
            await self._refresh(grant)

    async def _refresh(self, grant: Grant) -> None:
        newest = grant.refresh[-1]
        if self.chance.random() < 0.25:
            await self._everywhere(lambda number: self.caller.refresh(grant, newest, number))
        else:
            await self._until_answered(lambda number: self.caller.refresh(grant, newest, number, self._patience()))

    async def _end_or_keep(self, grant: Grant) -> None:
        here = self._somewhere()
        match self.chance.choice(["revoke", "revoke", "revoke access", "reuse", "replay", "keep", "keep", "keep"]):
            case "revoke":
                await self._until_answered(
                    lambda number: self.caller.revoke(grant, grant.refresh[-1], number, self._patience())
                )
            case "revoke access":
                await self._until_answered(lambda number: self.caller.revoke(grant, grant.access[-1], number))
            case "reuse" if len(grant.refresh) > 2:
                await self.caller.refresh(grant, grant.refresh[0], here)
            case "replay":
                await self.caller.redeem(grant, here)
            case _:
                self.kept.append(grant)
                return
        self.ended.append(grant)
        await self.caller.introspect_everywhere(grant, grant.access[-1])
        await self.caller.userinfo(grant, grant.access[-1], here)
        await self.caller.refresh(grant, grant.refresh[-1], here)

    async def _look_back(self) -> None:
        for grants in (self.kept[-_LOOKED_BACK_AT:], self.ended[-_LOOKED_BACK_AT:]):
            if grants:
                grant = self.chance.choice(grants)
                await self.caller.introspect(grant, grant.access[-1], self._somewhere(), self._patience())

    async def _until_answered(self, ask: Callable[[int], Awaitable[Call]]) -> None:
        """An honest client that tries again, elsewhere perhaps, until it knows."""
        for _ in range(_TRIES):
            call = await ask(self._somewhere())
            if call.is_done or call.is_refused:
                return
            await asyncio.sleep(_PAUSE)

    async def _everywhere(self, ask: Callable[[int], Awaitable[Call]]) -> None:
        await asyncio.gather(*(ask(number) for number in range(REPLICAS)))

    def _somewhere(self) -> int:
        return self.chance.randrange(REPLICAS)

    def _patience(self) -> float | None:
        return self.chance.uniform(0, _LONGEST_IMPATIENCE) if self.chance.random() < self.hang_ups else None
