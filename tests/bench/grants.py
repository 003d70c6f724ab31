"""Conversations about what can be had only once: the next refresh token, another code, a login and what it is for."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from bench.exchange import post, require
from bench.world import World, basic

_REFRESH_TOKEN = re.compile(rb'"refresh_token": ?"([^"]+)"')
_CODE = re.compile(rb"[?&]code=([^&\s]+)")
_AUTHORIZE, _TOKEN = 0, 1


class Refresh:
    """Always with the newest ``token``."""

    turn = 0

    def __init__(self, headers: dict[str, str], token: str) -> None:
        self._headers = headers
        self.token = token

    def request(self) -> bytes:
        """See ``Exchange``."""
        return post("/token", [("grant_type", "refresh_token"), ("refresh_token", self.token)], self._headers)

    def answered(self, status: int, head: bytes, body: bytes) -> bool:  # noqa: ARG002
        """See ``Exchange``."""
        found = _REFRESH_TOKEN.search(body)
        require(status == 200 and found is not None, status, body)
        if found is not None:
            self.token = found[1].decode()
        return True


class RefreshAny:
    """A token of any of very many chains, none of which is asked about twice at a time. ``tokens`` is shared."""

    turn = 0

    def __init__(self, tokens: list[tuple[dict[str, str], str]]) -> None:
        self._tokens = tokens
        self._chain = Refresh({}, "")
        self._headers: dict[str, str] = {}

    def request(self) -> bytes:
        """See ``Exchange``."""
        chosen = random.randrange(len(self._tokens))
        self._tokens[chosen], self._tokens[-1] = self._tokens[-1], self._tokens[chosen]
        self._headers, token = self._tokens.pop()
        self._chain = Refresh(self._headers, token)
        return self._chain.request()

    def answered(self, status: int, head: bytes, body: bytes) -> bool:
        """See ``Exchange``."""
        is_complete = self._chain.answered(status, head, body)
        self._tokens.append((self._headers, self._chain.token))
        return is_complete


class Redeem:
    """Another code each time; ``requests`` are shared."""

    turn = 0

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests

    def request(self) -> bytes:
        """See ``Exchange``."""
        return next(self._requests)

    def answered(self, status: int, head: bytes, body: bytes) -> bool:  # noqa: ARG002
        """See ``Exchange``."""
        require(status == 200 and b"access_token" in body, status, body)
        return True


class SignedInLogin:
    """A code for a browser with a session, another one each time, and its redemption; ``asked`` is shared."""

    def __init__(self, world: World, asked: Iterator[bytes], verifier: str) -> None:
        self.turn = _AUTHORIZE
        self._asked = asked
        self._verifier = verifier
        self._redirect_uri = world.web.redirect_uri
        self._headers = basic(world.web)
        self._code = ""

    def request(self) -> bytes:
        """See ``Exchange``."""
        if self.turn == _AUTHORIZE:
            return next(self._asked)
        return redemption(self._code, self._verifier, self._redirect_uri, self._headers)

    def answered(self, status: int, head: bytes, body: bytes) -> bool:
        """See ``Exchange``."""
        if self.turn == _TOKEN:
            require(status == 200 and b"access_token" in body, status, body)
            self.turn = _AUTHORIZE
            return True
        found = _CODE.search(head)
        require(status == 303 and found is not None, status, body or head)
        self._code = found[1].decode() if found is not None else ""
        self.turn = _TOKEN
        return False


def redemption(code: str, verifier: str, redirect_uri: str, headers: dict[str, str]) -> bytes:
    """The request that redeems a code."""
    form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("code_verifier", verifier),
        ("redirect_uri", redirect_uri),
    ]
    return post("/token", form, headers)
