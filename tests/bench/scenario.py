"""What is measured: which service, and what is said to it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from bench.conversation import Conversation, Cycled, Repeated, get, post, require
from bench.login import Login
from bench.world import SCOPE, World, basic, spread
from support.relying_party import CodeResponse, challenge_for

Conversations = Callable[[int], Conversation]
Prepare = Callable[[World, "Load"], Awaitable[Conversations]]

COLD_TOKENS = 12_000
# More than a core of any machine redeems in a second.
_CODES_PER_SECOND = 4000
_REFRESH_TOKEN = re.compile(rb'"refresh_token": ?"([^"]+)"')
_VERIFIER = "v" * 43


@dataclass(frozen=True, slots=True)
class Load:
    """How hard, and for how many seconds."""

    connections: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """``server`` is measured; ``budget`` is the least ratio to the bare handler that we promise."""

    name: str
    server: str
    prepare: Prepare
    budget: float | None = None


class _Refresh:
    """Always with the newest token."""

    def __init__(self, world: World, token: str) -> None:
        self._headers = basic(world.web)
        self._token = token

    def request(self) -> bytes:
        return post("/token", [("grant_type", "refresh_token"), ("refresh_token", self._token)], self._headers)

    def answered(self, status: int, head: bytes, body: bytes) -> bool:  # noqa: ARG002
        found = _REFRESH_TOKEN.search(body)
        require(status == 200 and found is not None, status, body)
        if found is not None:
            self._token = found[1].decode()
        return True


class _Redeem(Repeated):
    """Another code each time."""

    def __init__(self, world: World, codes: Iterator[CodeResponse]) -> None:
        super().__init__(b"", 200, b"access_token")
        self._codes = codes
        self._redirect_uri = world.web.redirect_uri
        self._headers = basic(world.web)

    def request(self) -> bytes:
        response = next(self._codes)
        form = [
            ("grant_type", "authorization_code"),
            ("code", response.code),
            ("code_verifier", response.verifier),
            ("redirect_uri", self._redirect_uri),
        ]
        return post("/token", form, self._headers)


async def _bare(world: World, load: Load) -> Conversations:
    request = post("/", [("grant_type", "client_credentials"), ("scope", "api:read")], basic(world.machine))
    return lambda _: Repeated(request)


async def _client_credentials(world: World, load: Load) -> Conversations:
    request = post("/token", [("grant_type", "client_credentials"), ("scope", "api:read")], basic(world.machine))
    return lambda _: Repeated(request, 200, b"access_token")


async def _refresh(world: World, load: Load) -> Conversations:
    tokens = await world.refresh_tokens(load.connections)
    return lambda number: _Refresh(world, tokens[number])


async def _redeem(world: World, load: Load) -> Conversations:
    codes = iter(await world.codes(int(_CODES_PER_SECOND * (load.seconds + 1))))
    return lambda _: _Redeem(world, codes)


def _introspection(world: World, tokens: Sequence[str], *, by_other: bool, active: bool) -> Conversations:
    headers = basic(world.other_api if by_other else world.api)
    requests = [post("/introspect", [("token", token)], headers) for token in tokens]
    expected = b'"active":true' if active else b'"active":false'
    if len(requests) == 1:
        return lambda _: Repeated(requests[0], 200, expected)
    return lambda number: Cycled(requests[number:] + requests[:number], 200, expected)


async def _introspect_active(world: World, load: Load) -> Conversations:
    return _introspection(world, [await world.machine_token()], by_other=False, active=True)


async def _introspect_cold(world: World, load: Load) -> Conversations:
    tokens = await world.machine_tokens(COLD_TOKENS)
    headers = basic(world.api)
    shares = [spread(tokens, number, load.connections) for number in range(load.connections)]
    requests = [[post("/introspect", [("token", token)], headers) for token in share] for share in shares]
    return lambda number: Cycled(requests[number], 200, b'"active":true')


async def _introspect_revoked(world: World, load: Load) -> Conversations:
    token = await world.machine_token()
    await world.revoke(token)
    return _introspection(world, [token], by_other=False, active=False)


async def _introspect_foreign(world: World, load: Load) -> Conversations:
    return _introspection(world, [await world.machine_token()], by_other=True, active=False)


async def _introspect_garbage(world: World, load: Load) -> Conversations:
    return _introspection(world, ["garbage"], by_other=False, active=False)


def _authorization_request(world: World) -> str:
    params = {
        "response_type": "code",
        "client_id": world.web.client_id,
        "redirect_uri": world.web.redirect_uri,
        "scope": " ".join(SCOPE),
        "state": "state",
        "code_challenge": challenge_for(_VERIFIER),
        "code_challenge_method": "S256",
    }
    return f"/authorize?{urlencode(params)}"


async def _authorize_signed_in(world: World, load: Load) -> Conversations:
    request = get(_authorization_request(world), {"Cookie": await world.signed_in_cookies()})
    return lambda _: Repeated(request, 303, b"code=")


async def _login(world: World, load: Load) -> Conversations:
    # So few attempts at a time may be made at one account, and a consent must be there to be remembered.
    people = [await world.installation.administration.create_user() for _ in range(load.connections)]
    for person in people:
        await world.signed_in_cookies(person)
    request = _authorization_request(world)
    return lambda number: Login(world, people[number], request)


async def _user_info(world: World, load: Load) -> Conversations:
    party = world.party(world.web)
    reply = await party.redeem((await world.codes(1))[0])
    await party.browser.close()
    return lambda _: Repeated(get("/userinfo", {"Authorization": f"Bearer {reply.access_token}"}), 200, b'"sub"')


async def _jwks(world: World, load: Load) -> Conversations:
    return lambda _: Repeated(get("/jwks"), 200, b'"keys"')


BARE = Scenario("bare handler", "bare", _bare)
LOGIN = Scenario("login with password", "authorize", _login)
SCENARIOS = (
    BARE,
    Scenario("client_credentials ES256", "token", _client_credentials, 0.33),
    Scenario("client_credentials RS256", "token-rs256", _client_credentials),
    Scenario("refresh", "token", _refresh, 0.20),
    Scenario("code redemption", "token", _redeem),
    Scenario("introspect active, hot", "introspection", _introspect_active, 0.55),
    Scenario("introspect active, cold", "introspection", _introspect_cold),
    Scenario("introspect revoked", "introspection", _introspect_revoked, 0.55),
    Scenario("introspect foreign", "introspection", _introspect_foreign, 0.55),
    Scenario("introspect garbage", "introspection", _introspect_garbage, 0.55),
    Scenario("userinfo", "introspection", _user_info),
    Scenario("jwks", "introspection", _jwks),
    Scenario("authorize, signed in", "authorize", _authorize_signed_in, 0.20),
    LOGIN,
)
