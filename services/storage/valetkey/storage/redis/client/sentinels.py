"""Which server is the master, as Sentinels say. https://redis.io/docs/latest/develop/reference/sentinel-clients/."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import Connection, SSLConnection

from valetkey.runtime.settings.redis_address import Node, RedisAddress

_logger = logging.getLogger(__name__)
_FRESH = 1.0
_OF_THE_SERVER = frozenset({"host", "port", "db", "username", "password", "connection_class"})


class Sentinels:
    """Asks all Sentinels at once, at most once a second, and believes what most of those that answer say."""

    def __init__(self, address: RedisAddress, options: Mapping[str, Any]) -> None:
        shared = {name: value for name, value in options.items() if name not in _OF_THE_SERVER}
        shared |= {"connection_class": SSLConnection if address.is_tls else Connection, "max_connections": 1}
        self._name, self._nodes = address.master, address.nodes
        self._sentinels = [
            Redis.from_pool(BlockingConnectionPool(host=host, port=port, password=address.sentinel_password, **shared))
            for host, port in address.nodes
        ]
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._master: Node | None = None
        self._is_certain = False
        self._certain: Node | None = None
        self._certain_since = float("-inf")

    async def locate(self) -> Node:
        """The master now. Raises redis-py's ``ConnectionError`` when no Sentinel names one."""
        await self._ask(self._asked_at)
        if self._master is None:
            raise exceptions.ConnectionError("no sentinel says which server is the master")
        return self._master

    async def locate_for_certain(self) -> Node:
        """The master that a majority of all Sentinels named within the last second.

        Raises redis-py's ``ConnectionError``: a process cut off with an old master and few Sentinels cannot tell.
        """
        await self._refresh()
        if self._master is None or not self._is_certain:
            raise exceptions.ConnectionError("no majority of the sentinels says which server is the master")
        return self._master

    async def confirm(self, node: Node) -> None:
        """Return once every process uses this master, where something was written before the call.

        A majority of all Sentinels must name it now, and no process relies on an earlier answer any more.
        Raises redis-py's ``ConnectionError`` where a majority does not name it: what was written may be lost.
        """
        loop = asyncio.get_running_loop()
        called_at = loop.time()
        async with self._asking:
            if not self._is_certain or self._asked_at < called_at:
                await self._ask_now()
            if not self._is_certain or self._master != node:
                raise exceptions.ConnectionError("no majority of the sentinels names the server that was written to")
        await asyncio.sleep(max(0.0, self._certain_since + _FRESH - loop.time()))

    async def opinions(self) -> dict[Node, Node | None]:
        """Which master each Sentinel names, None for one that does not answer or knows of none."""
        return dict(zip(self._nodes, await asyncio.gather(*map(self._ask_one, self._sentinels)), strict=True))

    async def has_moved(self, node: Node) -> bool:
        """Whether the Sentinels name another master than this, looked up once a second."""
        await self._refresh()
        return self._master is not None and self._master != node

    async def aclose(self) -> None:
        """Close the connections to Sentinels."""
        await asyncio.gather(*(sentinel.aclose() for sentinel in self._sentinels), return_exceptions=True)

    async def _refresh(self) -> None:
        if asyncio.get_running_loop().time() - self._asked_at > _FRESH:
            await self._ask(self._asked_at)

    async def _ask(self, known_at: float) -> None:
        async with self._asking:
            if self._asked_at == known_at:  # Else another caller asked while this one waited for the lock.
                await self._ask_now()

    async def _ask_now(self) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        named = await self._vote()
        before, self._master, self._is_certain = self._master, None, False
        if named:
            self._master, votes = named.most_common(1)[0]
            self._is_certain = 2 * votes > len(self._sentinels)
        if before is not None and self._master not in {None, before}:
            _logger.warning("the sentinels name another master")
        if self._is_certain and self._master != self._certain:
            self._certain, self._certain_since = self._master, loop.time()
        # What was asked for before a failover is as old as the question.
        # Where most of them hang, no caller waits again for a second.
        self._asked_at = started if self._is_certain else loop.time()

    async def _vote(self) -> Counter[Node]:
        """How many Sentinels name which master; one that hangs is not waited for once a majority agrees."""
        named: Counter[Node] = Counter()
        questions = [asyncio.ensure_future(self._ask_one(sentinel)) for sentinel in self._sentinels]
        try:
            for question in asyncio.as_completed(questions):
                answer = await question
                if answer is not None:
                    named[answer] += 1
                    if 2 * named[answer] > len(questions):
                        break
        finally:
            for each in questions:
                each.cancel()
            await asyncio.gather(*questions, return_exceptions=True)
        return named

    async def _ask_one(self, sentinel: Redis) -> Node | None:
        try:
            answer = await sentinel.execute_command(  # type: ignore[no-untyped-call]
                "SENTINEL", "get-master-addr-by-name", self._name
            )
        except exceptions.RedisError as error:
            _logger.debug("a sentinel does not answer: %s", type(error).__name__)
            return None
        if not answer:
            return None
        host, port = cast("tuple[bytes, bytes]", answer)
        return host.decode(), int(port)
