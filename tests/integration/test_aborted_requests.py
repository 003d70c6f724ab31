"""Clients that close the connection anywhere in a request: the next caller gets its own answer, from an intact pool.

Every client has its canary: a user, tokens and words that no answer to another client may hold.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import cycle

import asyncpg
import pytest

from support.aborted_request import RawRequest, ask, ask_and_abort
from support.canary import VERIFIER, Canary, RawAnswer
from support.eventually import eventually
from support.fleet import Fleet
from support.planted_codes import planted_codes
from support.relying_party import CodeResponse
from support.tier import rounds
from support.tokens import claims_of

CANARIES = 8
ROUNDS = rounds(10, nightly=30)
HANG_UPS = 24
BUSY = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"

pytestmark = pytest.mark.requirement("security 53: a client that hangs up never leaves a connection answering another")


@pytest.fixture
async def canaries(fleet: Fleet) -> AsyncIterator[list[Canary]]:
    async with AsyncExitStack() as stack:
        made = []
        for number in range(CANARIES):
            party = await fleet.new_party()
            stack.push_async_callback(party.browser.close)
            codes = await stack.enter_async_context(planted_codes(fleet.system, party))
            tokens, revoked = [await party.log_in(scope="openid api:read") for _ in range(2)]
            assert (await party.revoke(revoked.access_token)).status == 200
            made.append(Canary(f"canary-{number}", party, codes, tokens, revoked))
        yield made


class Replicas:
    """Requests of canaries, each to the next replica of its service."""

    def __init__(self, fleet: Fleet) -> None:
        self._urls = {service: cycle(urls) for service, urls in fleet.system.urls.items()}

    def next(self, service: str) -> str:
        return next(self._urls[service])

    async def some_request(self, canary: Canary, chance: random.Random) -> RawRequest:
        """Any of them."""
        match chance.randrange(6):
            case 0:
                return await canary.redemption(self.next("token"))
            case 1:
                return canary.introspection(self.next("introspection"), revoked=chance.random() < 0.5)
            case 2:
                return canary.userinfo(self.next("introspection"))
            case 3:
                return canary.login_request(self.next("authorize"))
            case _:
                return canary.authorization(self.next("authorize"))

    async def everything(self, canary: Canary) -> None:
        """Every kind of request, to its end; an ``AssertionError`` where an answer is not the canary's own."""
        canary.require_tokens(await answer(await canary.redemption(self.next("token"))))
        for revoked in (False, True):
            request = canary.introspection(self.next("introspection"), revoked=revoked)
            canary.require_introspection(await answer(request), revoked=revoked)
        canary.require_userinfo(await answer(canary.userinfo(self.next("introspection"))))
        code = canary.require_code(await answer(canary.authorization(self.next("authorize"))))
        tokens = await canary.party.redeem(CodeResponse({"code": code}, VERIFIER))
        assert (await canary.party.userinfo(tokens.access_token)).body["sub"] == claims_of(canary.tokens.access_token)[
            "sub"
        ]
        sent_to = (await answer(canary.login_request(self.next("authorize")))).location
        canary.require_login_page(await answer(canary.login_page(self.next("authorize"), sent_to)))


async def answer(request: RawRequest) -> RawAnswer:
    return RawAnswer(*await ask(request))


async def test_every_answer_belongs_to_its_caller_while_hundreds_hang_up(fleet: Fleet, canaries: list[Canary]) -> None:
    chance, replicas = random.Random(53), Replicas(fleet)

    async def hang_up() -> None:
        canary = chance.choice(canaries)
        await asyncio.sleep(chance.choice([0, 0, 0.001, 0.003]))
        received = await ask_and_abort(await replicas.some_request(canary, chance), chance)
        assert not [other for other in canaries if other is not canary and other.name.encode() in received]

    for _ in range(ROUNDS):
        asking = [replicas.everything(canary) for canary in chance.sample(canaries, 3)]
        await asyncio.gather(*asking, *(hang_up() for _ in range(HANG_UPS)))

    await asyncio.gather(*(replicas.everything(canary) for canary in canaries for _ in range(6)))
    await nothing_is_left_open(fleet)


async def nothing_is_left_open(fleet: Fleet) -> None:
    connection = await asyncpg.connect(fleet.system.postgres_dsn)

    async def is_idle() -> bool:
        return bool(await connection.fetchval(BUSY) == 0)

    await eventually(is_idle)
    await connection.close()
