"""Requests as a handler sees them, made without a socket."""

import asyncio
from collections.abc import Iterable
from typing import Any
from unittest.mock import Mock

from aiohttp import StreamReader, web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

FORM = "application/x-www-form-urlencoded"


class Transport(asyncio.Transport):
    """A connection that is nothing but the address of its peer."""

    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 50000), "sockname": ("192.0.2.80", 443)})


def make_request(
    path: str = "/",
    *,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    peer: str = "198.51.100.7",
) -> web.Request:
    """A request without a body."""
    return make_mocked_request(
        method, path, CIMultiDict(headers), app=web.Application(), transport=Transport(peer), loop=Mock()
    )


def make_form_request(
    body: bytes,
    *,
    path: str = "/",
    headers: Iterable[tuple[str, str]] = (("Content-Type", FORM),),
    max_size: int = 65536,
) -> web.Request:
    """A POST whose body has arrived; needs a running loop."""
    protocol: Any = Mock(_reading_paused=False)
    payload = StreamReader(protocol, 65536, loop=asyncio.get_running_loop())
    payload.feed_data(body)
    payload.feed_eof()
    return make_mocked_request(
        "POST", path, CIMultiDict(headers), app=web.Application(), payload=payload, client_max_size=max_size
    )
