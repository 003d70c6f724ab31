"""A client for Redis Cluster that sends nothing twice: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.

redis-py's own repeats a command on another connection after the first one broke, when it is unknown whether a script
has taken a code. Only a redirect is followed here: the node that redirects has done nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from redis import exceptions
from redis.asyncio import Redis

from valetkey.runtime.settings.redis_address import Node
from valetkey.storage.redis.client.slot_map import SlotMap, slot_of, slot_of_command

_logger = logging.getLogger(__name__)
_REDIRECTS = 3
_PAUSE = 0.1
# Another server, which does not speak the Redis protocol, may have taken over the address of a node.
_NOT_THERE = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ClusterDownError,
    exceptions.InvalidResponse,
)


class Cluster:
    """The nodes, and a client with its own connections for each of them."""

    def __init__(self, seeds: tuple[Node, ...], client_of: Callable[[Node], Redis]) -> None:
        self._seeds = seeds
        self._client_of = client_of
        self._clients: dict[Node, Redis] = {}
        self._failed: dict[Node, float] = {}
        self._slots = SlotMap()
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._is_stale = True

    async def locate(self, slot: int) -> Node:
        """The master of the slot. Raises redis-py's ``ClusterDownError`` while no node has it."""
        if self._is_stale:
            await self._ask()
        owner = self._slots.owner(slot)
        if owner is None:
            self.distrust()
            raise exceptions.ClusterDownError("no node has this slot")
        return owner

    async def locate_key(self, key: str) -> Node:
        """The master of this key."""
        return await self.locate(slot_of(key))

    async def confirm(self, key: str, node: Node) -> None:
        """Return if most masters say that this one of them has the key. Raises ``ConnectionError`` otherwise.

        One that hung, and was replaced, answers for a moment as if nothing had happened.
        """
        others = self._slots.nodes - {node}
        asked = [asyncio.ensure_future(self._owner_according_to(other, slot_of(key))) for other in others]
        votes, needed = 1, (len(others) + 1) // 2 + 1
        try:
            for answer in asyncio.as_completed(asked):
                votes += await answer == node
                if votes >= needed:
                    break
        finally:
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        if votes < needed:
            self.distrust()
            raise exceptions.ConnectionError("no majority of the masters says that this one has the key")

    async def _owner_according_to(self, node: Node, slot: int) -> Node | None:
        try:
            answer = await self.client(node).execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
        except exceptions.RedisError:
            return None
        return SlotMap.from_answer(answer, node).owner(slot)

    async def known_masters(self) -> set[Node]:
        """Every master, as far as is known without asking again."""
        if self._is_stale:
            await self._ask()
        return self._slots.nodes

    async def masters(self) -> tuple[set[Node], int]:
        """Every master, and how many slots none of them has."""
        self.distrust()
        await self._ask()
        return self._slots.nodes, self._slots.missing

    def distrust(self, failed: Node | None = None) -> None:
        """Ask again who has which slot before the next command, another node first."""
        self._is_stale = True
        if failed is not None:
            self._failed[failed] = asyncio.get_running_loop().time()

    def client(self, node: Node) -> Redis:
        """The client of one node."""
        if node not in self._clients:
            self._clients[node] = self._client_of(node)
        return self._clients[node]

    async def aclose(self) -> None:
        """Close every connection."""
        clients, self._clients = list(self._clients.values()), {}
        await asyncio.gather(*(client.aclose() for client in clients), return_exceptions=True)

    async def _ask(self) -> None:
        async with self._asking:
            loop = asyncio.get_running_loop()
            if not self._is_stale or loop.time() - self._asked_at < _PAUSE:
                return
            self._asked_at = loop.time()
            nodes = dict.fromkeys((*self._slots.nodes, *self._seeds))
            for node in sorted(nodes, key=lambda node: self._failed.get(node, float("-inf"))):
                try:
                    client = self.client(node)
                    answer = await client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
                except exceptions.RedisError as error:
                    _logger.warning("a node of the cluster does not say who has which slot: %s", type(error).__name__)
                    self._failed[node] = loop.time()
                    continue
                self._slots, self._is_stale = SlotMap.from_answer(answer, node), False
                await self._forget()
                return
        raise exceptions.ConnectionError("no node of the cluster answers")

    async def _forget(self) -> None:
        for node in self._clients.keys() - self._slots.nodes - set(self._seeds):
            # What is in flight there comes to its end; its connection is closed when it is given back.
            await self._clients.pop(node).connection_pool.disconnect(inuse_connections=False)
        self._failed = {node: at for node, at in self._failed.items() if node in self._clients}


class ClusterRedis(Redis):
    """Sends each command to the node that has its key."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.nodes = cluster

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as in redis-py
        """The answer of the node that has the key."""
        slot = slot_of_command(args) or 0
        node, is_asking = await self.nodes.locate(slot), False
        for _ in range(_REDIRECTS):
            try:
                return await self._send(node, args, options, is_asking=is_asking)
            except exceptions.AskError as error:
                node, is_asking = (error.host or node[0], error.port), True
            except exceptions.MovedError as error:
                self.nodes.distrust()
                node, is_asking = (error.host or node[0], error.port), False
            except _NOT_THERE:
                self.nodes.distrust(node)
                raise
        raise exceptions.ClusterDownError("the nodes of the cluster send us in circles")

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 - redis-py's
        """Close every connection."""
        await self.nodes.aclose()
        await super().aclose(close_connection_pool)

    async def _send(self, node: Node, args: tuple[Any, ...], options: dict[str, Any], *, is_asking: bool) -> Any:  # noqa: ANN401
        client = self.nodes.client(node)
        if not is_asking:
            return await client.execute_command(*args, **options)  # type: ignore[no-untyped-call]
        # ASKING holds for the next command on the same connection.
        async with client.pipeline(transaction=False) as pipe:
            pipe.execute_command("ASKING")
            pipe.execute_command(*args, **options)
            _, answer = await pipe.execute(raise_on_error=False)
        if isinstance(answer, Exception):
            raise answer
        return answer
