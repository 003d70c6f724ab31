"""A Redis that is away, hangs, is full, or comes back knowing less."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg
from redis.asyncio import Redis

from faults.fault import Fault
from faults.harm import frozen, killed
from faults.tolerance import Tolerance
from valetkey.core.authentication.acr import ACR_PASSWORD
from valetkey.core.authentication.result import Authentication
from valetkey.core.oauth.authorization_code import AuthorizationCode
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.redis.kept.keyspace import CODE
from valetkey.storage.redis.messages import authorization_code_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from redis.asyncio.client import PubSub

    from faults.fault import Inflict
    from faults.site import Site
    from valetkey.demo.stores.embedded_server import EmbeddedServer

_UNSPEND = """
if string.sub(redis.call('GET', KEYS[1]) or '', 1, 1) == 'S' then
  redis.call('SETRANGE', KEYS[1], 0, 'F')
end
"""
# F or S, and the binding of a code.
_OUTSIDE = 65
# In one step, for a code is redeemed within milliseconds. ARGV: which code this is, what is outside, what it is to say.
_FORGE = """
local value, message = redis.call('GET', KEYS[1]), nil
if not value or string.sub(value, 1, 1) ~= 'F' then
  return
end
if ARGV[1] % 3 == 0 then
  message = ARGV[3]
elseif ARGV[1] % 3 == 1 then
  message = redis.call('GET', KEYS[2])
end
redis.call('SET', KEYS[2], string.sub(value, ARGV[2] + 1))
if message then
  redis.call('SET', KEYS[1], string.sub(value, 1, ARGV[2]) .. message, 'KEEPTTL')
end
"""
# What the code before said: a name of the forger's own.
_LAST = "forger:last"
FORGETFUL = Tolerance(redis_may_forget=True)
LOSSY = Tolerance(redis_may_lose_answers=True)


def _redis(site: Site) -> Sequence[EmbeddedServer]:
    return [site.redis]


def flushed(every: float) -> Inflict:
    """Emptied, again and again, with so many seconds in between."""

    async def flush(redis: Redis) -> None:
        await redis.flushall()

    return _again_and_again(flush, every)


async def _unspend(redis: Redis) -> None:
    async for key in redis.scan_iter(match=f"{CODE.prefix}*"):
        await redis.eval(_UNSPEND, 1, key)


def _again_and_again(harm: Callable[[Redis], Awaitable[None]], every: float) -> Inflict:
    @asynccontextmanager
    async def inflict(site: Site) -> AsyncIterator[None]:
        is_over = asyncio.Event()

        async def go_on() -> None:
            async with Redis.from_url(site.redis.url) as redis:
                while not is_over.is_set():
                    await harm(redis)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(is_over.wait(), every)

        async with asyncio.TaskGroup() as group:
            group.create_task(go_on())
            try:
                yield
            finally:
                is_over.set()

    return inflict


@asynccontextmanager
async def forged(site: Site) -> AsyncIterator[None]:
    """An attacker writes to it: of three codes, one speaks of another user, and one says what another code says."""
    messages = [_code_of(subject) for subject in await _subjects(site.dsn)]

    async def forge(redis: Redis, changes: PubSub) -> None:
        seen = set[bytes]()
        async for change in changes.listen():
            key = change["data"]
            if change["type"] == "pmessage" and key.startswith(CODE.prefix.encode()) and key not in seen:
                message = messages[len(seen) % len(messages)]
                await redis.eval(_FORGE, 2, key, _LAST, len(seen), _OUTSIDE, message)
                seen.add(key)

    async with Redis.from_url(site.redis.url) as redis, redis.pubsub() as changes:
        await redis.config_set("notify-keyspace-events", "E$")
        await changes.psubscribe("__keyevent@*__:set")
        forger = asyncio.create_task(forge(redis, changes))
        try:
            yield
        finally:
            # Before Python 3.12 a driver that waits with a timeout may lose a cancellation.
            while not forger.done():
                forger.cancel()
                await asyncio.wait([forger], timeout=0.1)
            await redis.config_set("notify-keyspace-events", "")


async def _subjects(dsn: str) -> Sequence[UUID]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row["subject"] for row in await connection.fetch("SELECT subject FROM users")]
    finally:
        await connection.close()


def _code_of(subject: UUID) -> bytes:
    now = system_clock()
    return authorization_code_message.to_bytes(
        AuthorizationCode(
            authorization_id=uuid4(),
            client_uid=uuid4(),
            redirect_uri="",
            code_challenge="forged",
            scope=("openid", "offline_access"),
            resources=(),
            authentication=Authentication(subject, now, ACR_PASSWORD, ("pwd",), uuid4()),
            issued_at=now,
            nonce="forged",
        )
    )


@asynccontextmanager
async def restored(site: Site) -> AsyncIterator[None]:
    """Killed, and started again with what it had when the fault began: spent codes are fresh once more."""
    async with Redis.from_url(site.redis.url) as redis:
        await redis.save()
    try:
        yield
    finally:
        await asyncio.to_thread(site.redis.kill)
        await asyncio.to_thread(site.redis.start)
        (site.redis.directory / "dump.rdb").unlink()


@asynccontextmanager
async def full(site: Site) -> AsyncIterator[None]:
    """Out of memory: it refuses to write, and drops nothing."""
    async with Redis.from_url(site.redis.url) as redis:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("maxmemory", 1)
        try:
            yield
        finally:
            await redis.config_set("maxmemory", 0)


# As after a failover to a replica that had the code and not yet its redemption.
UNSPENT = Fault("redis: forgets which codes were spent", _again_and_again(_unspend, 0.02), FORGETFUL, seconds=3.0)
FORGED = Fault("redis: codes are forged and exchanged", forged, FORGETFUL, seconds=3.0)
FAULTS = (
    UNSPENT,
    FORGED,
    Fault("redis: killed, back and empty", killed(_redis), FORGETFUL),
    Fault("redis: flushed again and again", flushed(0.1), FORGETFUL),
    Fault("redis: back with an old backup", restored, FORGETFUL),
    Fault("redis and postgresql: killed", killed(lambda site: [site.redis, site.postgres]), FORGETFUL),
    Fault("redis: hangs", frozen(_redis), LOSSY, seconds=2.0),
    Fault("redis: full", full, LOSSY),
)
