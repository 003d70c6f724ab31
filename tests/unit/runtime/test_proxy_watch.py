"""A proxy that the settings do not name is noticed: by what comes through it, at next to no cost, and once an hour."""

import logging
from collections.abc import Sequence
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from support.http_request import Transport
from valetkey.runtime.http.app import create_app
from valetkey.runtime.http.proxy_watch import LEAST_SAMPLES, LOG_SECONDS, WINDOW_SECONDS, ProxyWatch
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.settings.types import Network
from valetkey.runtime.telemetry.metric import REGISTRY

TRUSTED = (ip_network("10.9.0.0/16"),)
FORWARDED = (("X-Forwarded-For", "203.0.113.9"),)
PRIVATE = "10.0.0.1"
SECONDS = int(WINDOW_SECONDS)
pytestmark = pytest.mark.requirement("security 40: one address for all clients is noticed")


def counted() -> float:
    return REGISTRY.get_sample_value("valetkey_untrusted_proxy_windows_total") or 0.0


class Traffic:
    """Requests, one a second, as a replica sees them."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self.watch = ProxyWatch(trusted)
        self.now = 1000.0

    def send(
        self, peer: str, headers: Sequence[tuple[str, str]] = FORWARDED, *, times: int = 1, apart: float = 1
    ) -> None:
        request: Any = SimpleNamespace(remote=peer, headers=CIMultiDict(headers))
        for _ in range(times):
            self.watch.look(request, self.now)
            self.now += apart


@pytest.mark.parametrize("header", ["X-Forwarded-For", "x-forwarded-for", "Forwarded"])
@pytest.mark.parametrize(
    "peer",
    [
        *("10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "169.254.1.1"),
        *("fd12::1", "fe80::1", "fe80::1%eth0", "::ffff:10.0.0.1"),
    ],
)
def test_a_private_proxy_that_is_not_trusted_is_noticed(
    peer: str, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    before, traffic = counted(), Traffic(TRUSTED)

    with caplog.at_level(logging.WARNING):
        traffic.send(peer, [(header, "203.0.113.9")], times=SECONDS + 1)

    assert counted() - before == 1
    (record,) = caplog.records
    assert "VALETKEY_TRUSTED_PROXIES" in record.getMessage()
    assert "trustedProxies" in record.getMessage()


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("10.9.1.1", FORWARDED),
        (PRIVATE, ()),
        ("203.0.113.1", FORWARDED),
        ("172.32.0.1", FORWARDED),
        ("100.128.0.1", FORWARDED),
        ("2001:db8::1", FORWARDED),
        ("127.0.0.1", FORWARDED),
        ("::1", FORWARDED),
        ("", FORWARDED),
    ],
    ids=["trusted", "direct", "public", "public too", "public as well", "IPv6", "loopback", "IPv6 loopback", "unknown"],
)
@pytest.mark.parametrize("others", [0, SECONDS])
def test_anything_else_is_not(
    peer: str, headers: Sequence[tuple[str, str]], others: int, caplog: pytest.LogCaptureFixture
) -> None:
    before, traffic = counted(), Traffic(TRUSTED)

    for _ in range(3):
        traffic.send(PRIVATE, times=others)
        traffic.send(peer, headers, times=1 if others else SECONDS)

    assert counted() == before
    assert not caplog.records


def test_replicas_of_a_proxy_are_noticed_as_one_is() -> None:
    before, traffic = counted(), Traffic()

    for number in range(SECONDS + 1):
        traffic.send(f"10.0.{number}.1")

    assert counted() - before == 1


def test_few_requests_are_waited_for_and_a_moment_of_many_is_not_enough() -> None:
    before, seldom, often = counted(), Traffic(), Traffic()

    often.send(PRIVATE, times=1000, apart=0.01)
    after_a_moment = counted() - before
    seldom.send(PRIVATE, times=LEAST_SAMPLES - 1, apart=600)
    after_hours = counted() - before
    seldom.send(PRIVATE)

    assert (after_a_moment, after_hours, counted() - before) == (0, 0, 1)


def test_it_is_counted_again_and_again_and_logged_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    before, traffic = counted(), Traffic()

    traffic.send(PRIVATE, times=(SECONDS + 1) * 5)
    with_the_first = len(caplog.records)
    traffic.send(PRIVATE, times=int(LOG_SECONDS))

    assert with_the_first == 1
    assert len(caplog.records) == 2
    assert counted() - before > 50


def test_what_it_remembers_does_not_grow_with_what_is_sent() -> None:
    traffic = Traffic()
    traffic.send(PRIVATE)
    names = set(vars(traffic.watch))

    for number in range(5000):
        traffic.send(f"10.{number % 200}.{number // 200}.1", [("Forwarded", f"for={number}")])

    assert set(vars(traffic.watch)) == names
    assert not [value for value in vars(traffic.watch).values() if isinstance(value, list | dict | set | str)]


async def test_every_application_looks_at_one_request_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str | None] = []
    look = ProxyWatch.look

    def noting(watch: ProxyWatch, request: web.Request, now: float) -> None:
        looked.append(request.remote)
        look(watch, request, now)

    monkeypatch.setattr(ProxyWatch, "look", noting)

    async def handler(_request: web.Request) -> web.Response:
        return web.Response()

    app = create_app(Settings(), routes=[web.get("/", handler)])
    app.freeze()

    for _ in range(20):
        request = make_mocked_request("GET", "/", app=app, transport=Transport(PRIVATE), loop=Mock())
        assert (await app._handle(request)).status == 200  # noqa: SLF001 - aiohttp has no other way without a socket

    assert looked == [PRIVATE]
