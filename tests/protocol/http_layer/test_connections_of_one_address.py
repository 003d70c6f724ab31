"""One address holds its share of the connections and no more; the others do not notice."""

import asyncio
from collections import Counter
from dataclasses import replace
from ipaddress import ip_network
from typing import cast

import pytest

from support.eventually import eventually
from support.http_layer import HALF_A_FORM, SETTINGS, Dial, Start
from support.raw_connection import RawConnection
from valetkey.runtime.http.limits.connection_limit import PART, AddressShares, connections_of_one
from valetkey.runtime.settings.types import Network
from valetkey.runtime.telemetry.metrics import HTTP_SHED

GREEDY, POLITE = "127.0.0.1", "127.0.0.2"
WHOLE = b"GET /userinfo HTTP/1.1\r\nHost: x\r\n\r\n"
LIMITED = replace(SETTINGS, max_connections=12, connections_per_address=3, keepalive_timeout=30, body_timeout=30.0)
pytestmark = pytest.mark.requirement("security 55c: one address cannot hold every connection of a process")


async def served(connection: RawConnection) -> int | None:
    connection.send(WHOLE)
    return await connection.status()


def shed() -> int:
    (family,) = HTTP_SHED.collect()
    return sum(int(each.value) for each in family.samples if each.labels.get("limit") == "address_connections")


async def test_an_address_gets_its_share_and_a_refusal_then(start: Start, dial: Dial) -> None:
    server, before = await start(LIMITED), shed()
    held = [await dial(server, GREEDY) for _ in range(3)]
    statuses = [await served(connection) for connection in held]

    refused = await dial(server, GREEDY)
    answer = await refused.head()

    assert statuses == [401] * 3
    assert (answer.status, answer.headers["retry-after"], answer.headers["connection"]) == (503, "1", "close")
    assert await refused.ended()
    assert [await served(connection) for connection in held] == [401] * 3
    assert shed() - before == 1


@pytest.mark.parametrize("behaviour", [b"", WHOLE[:-2], HALF_A_FORM], ids=["silent", "slow head", "slow body"])
async def test_slow_connections_of_one_address_leave_places_to_others(
    start: Start, dial: Dial, behaviour: bytes
) -> None:
    server = await start(LIMITED)
    for _ in range(80):
        (await dial(server, GREEDY)).send(behaviour)

    statuses = [await served(await dial(server, POLITE)) for _ in range(3)]

    assert statuses == [401] * 3


async def test_a_place_that_becomes_free_is_the_addresss_again(start: Start, dial: Dial) -> None:
    server = await start(LIMITED)
    held = [await dial(server, GREEDY) for _ in range(3)]
    assert [await served(connection) for connection in held] == [401] * 3
    held[0].abort()

    async def is_let_in() -> bool:
        return await served(await dial(server, GREEDY)) == 401

    await eventually(is_let_in)


async def test_a_burst_gets_no_further_than_one_after_the_other(start: Start, dial: Dial) -> None:
    server = await start(LIMITED)
    connections = await asyncio.gather(*(dial(server, GREEDY) for _ in range(100)))

    statuses = Counter(await asyncio.gather(*map(served, connections)))

    # Who is refused while others are being refused may find the connection closed before anything was said.
    assert statuses[401] == 3
    assert statuses.keys() <= {401, 503, None}


async def test_a_refusal_takes_and_gives_back_nothing(start: Start, dial: Dial) -> None:
    server = await start(LIMITED)
    held = [await dial(server, GREEDY) for _ in range(3)]
    assert [await served(connection) for connection in held] == [401] * 3

    refused = [await dial(server, GREEDY) for _ in range(20)]
    for connection in refused:
        assert await connection.status() == 503
        connection.abort()
    one_more = await served(await dial(server, GREEDY))
    for connection in held:
        connection.abort()

    async def are_let_in() -> bool:
        again = [await dial(server, GREEDY) for _ in range(3)]
        statuses = [await served(connection) for connection in again]
        for connection in again:
            connection.abort()
        return statuses == [401] * 3

    assert one_more in {503, None}
    await eventually(are_let_in)


async def test_our_own_proxies_are_not_counted(start: Start, dial: Dial) -> None:
    server = await start(replace(LIMITED, trusted_proxies=(ip_network("127.0.0.2/32"),)))

    statuses = [await served(await dial(server, POLITE)) for _ in range(9)]

    assert statuses == [401] * 9


async def test_proxies_are_held_to_the_limit_of_the_process(start: Start, dial: Dial) -> None:
    server = await start(replace(LIMITED, trusted_proxies=(ip_network("127.0.0.2/32"),)))

    statuses = Counter([await served(await dial(server, POLITE)) for _ in range(14)])

    assert statuses[401] == 12


class Peer:
    """A transport, as far as its address goes."""

    def __init__(self, peer: object) -> None:
        self.peer = peer

    def get_extra_info(self, name: str) -> object:
        assert name == "peername"
        return self.peer


def taken(shares: AddressShares, peer: object, times: int) -> int:
    transport = cast("asyncio.BaseTransport", Peer(peer))
    return sum(shares.take(transport) is not None for _ in range(times))


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ([("192.0.2.1", 1), ("192.0.2.1", 2)], 3),
        ([("192.0.2.1", 1), ("192.0.2.2", 1)], 6),
        ([("::ffff:192.0.2.1", 1, 0, 0), ("192.0.2.1", 1)], 3),
        ([("2001:db8::1", 1, 0, 0), ("2001:db8::2:1", 1, 0, 0)], 3),
        ([("2001:db8::1", 1, 0, 0), ("2001:db8:0:1::1", 1, 0, 0)], 6),
        ([("fe80::1%eth0", 1, 0, 2), ("fe80::2%eth1", 1, 0, 3)], 3),
        ([""], 5),
        ([None], 5),
        ([("10.0.0.9", 1)], 5),
    ],
)
def test_what_counts_as_one_address(peers: list[object], expected: int) -> None:
    networks: tuple[Network, ...] = (ip_network("10.0.0.0/8"),)
    shares = AddressShares(3, networks)

    assert sum(taken(shares, peer, 5) for peer in peers) == expected


def test_what_is_kept_is_bounded_by_the_connections_that_there_are() -> None:
    shares = AddressShares(3, ())
    peers = [cast("asyncio.BaseTransport", Peer((f"192.0.{n >> 8}.{n & 255}", 1))) for n in range(1000)]
    for peer in peers:
        share = shares.take(peer)
        assert share is not None
        share.give_back()

    assert len(shares) == 0


@pytest.mark.parametrize(
    ("configured", "allowed", "in_flight", "expected"),
    [
        (0, 4096, 1024, 1024 // PART),
        (0, 400, 1024, 400 // PART),
        (0, 3, 1024, 1),
        (0, 1, 1, 1),
        (10, 4096, 1024, 10),
        (2000, 4096, 1024, 2000),
        (10_000, 4096, 1024, 4096),
    ],
)
def test_an_address_has_a_quarter_unless_settings_say_how_many(
    configured: int, allowed: int, in_flight: int, expected: int
) -> None:
    assert connections_of_one(configured, allowed, in_flight) == expected


async def test_slow_bodies_of_one_address_leave_those_of_others_room_to_arrive(start: Start, dial: Dial) -> None:
    server = await start(replace(LIMITED, max_connections=100, connections_per_address=0, max_requests_in_flight=8))
    for _ in range(20):
        (await dial(server, GREEDY)).send(HALF_A_FORM)
    polite = await dial(server, POLITE)
    polite.send(HALF_A_FORM)
    await asyncio.sleep(0.05)

    polite.send(b"b" * 48)

    assert await polite.status() == 200
