"""Waits until every part of the demo answers, through the front door as every other client does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ssl import SSLContext

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from valetkey.core.routes import AUTHORIZE, INTROSPECT, JWKS, LOGIN, OPENID_CONFIGURATION, TOKEN
from valetkey.demo.demo_error import DemoError
from valetkey.demo.registration import DemoClient, Registration
from valetkey.demo.relying_party.config import RelyingPartyConfig
from valetkey.demo.relying_party.exchange import Exchange, basic, perform
from valetkey.demo.relying_party.login import Login, with_query

_TIMEOUT = 30.0
_INTERVAL = 0.05

Check = Callable[[ClientSession], Awaitable[bool]]


async def wait_until_healthy(
    registration: Registration, config: RelyingPartyConfig, trust: SSLContext | None = None
) -> None:
    """Return once every check has held. Raises ``DemoError`` with the names of those that did not within 30 s."""
    pending = checks(registration, config)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _TIMEOUT
    timeout = ClientTimeout(total=_TIMEOUT)
    connector = TCPConnector(ssl=trust or True)
    async with ClientSession(timeout=timeout, cookie_jar=DummyCookieJar(), connector=connector) as session:
        while True:
            held = await asyncio.gather(*(check(session) for check in pending.values()))
            pending = {name: check for (name, check), holds in zip(pending.items(), held, strict=True) if not holds}
            if not pending:
                return
            if loop.time() > deadline:
                raise DemoError(f"Some parts did not come up: {', '.join(pending)}. The log says more.")
            await asyncio.sleep(_INTERVAL)


def checks(registration: Registration, config: RelyingPartyConfig) -> dict[str, Check]:
    """A request that each part must answer as it should, by the name of the part."""
    addresses, clients = registration.addresses, registration.clients

    async def metadata(session: ClientSession) -> bool:
        answer = await perform(session, Exchange("GET", f"{addresses.issuer}{OPENID_CONFIGURATION.path}"))
        return answer.body.get("issuer") == addresses.issuer

    async def keys(session: ClientSession) -> bool:
        answer = await perform(session, Exchange("GET", f"{addresses.issuer}{JWKS.path}"))
        return bool(answer.body.get("keys"))

    async def token_and_introspection(session: ClientSession) -> bool:
        form = (("grant_type", "client_credentials"),)
        answer = await perform(session, _authenticated(f"{addresses.issuer}{TOKEN.path}", clients["machine"], form))
        form = (("token", answer.text("access_token")),)
        asked = await perform(session, _authenticated(f"{addresses.issuer}{INTROSPECT.path}", clients["api"], form))
        return asked.body.get("active") is True

    async def authorize(session: ClientSession) -> bool:
        url = with_query(f"{addresses.issuer}{AUTHORIZE.path}", Login().parameters(config))
        answer = await perform(session, Exchange("GET", url))
        return LOGIN.path in answer.answer_headers.get("Location", "")

    async def tour(session: ClientSession) -> bool:
        return (await perform(session, Exchange("GET", f"{addresses.tour}/"))).is_ok

    async def api(session: ClientSession) -> bool:
        return (await perform(session, Exchange("GET", f"{addresses.api}/"))).is_ok

    return {
        "metadata": metadata,
        "keys": keys,
        "token and introspection": token_and_introspection,
        "authorize": authorize,
        "tour": tour,
        "API": api,
    }


def _authenticated(url: str, registered: DemoClient, form: tuple[tuple[str, str], ...]) -> Exchange:
    authorization = basic(registered.client.client_id, registered.secret or "")
    return Exchange("POST", url, headers=(authorization,), form=form)
