"""What is measured: which services, and what is said to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Protocol, TypeVar
from urllib.parse import urlencode

from bench.exchange import get, post
from bench.grants import Redeem, Refresh, SignedInLogin, redemption
from bench.login import Login, PasskeyLogin
from bench.work import Requests, Work
from bench.world import SCOPE, Holder, World, basic
from support.planted_passkeys import plant_passkey
from support.relying_party import ClientIdentity, challenge_for
from support.tokens import altered

# More than introspection remembers.
COLD_TOKENS = 12_000
# More than a core of any machine redeems in a second, with many connections and with one.
CODES_PER_SECOND = 4000
_CODES_PER_SECOND_ALONE = 1500
_VERIFIER = "v" * 43
_ACTIVE, _INACTIVE = b'"active":true', b'"active":false'
_WARM_UP = 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """How hard, and for how many seconds."""

    connections: int
    seconds: float


Prepare = Callable[[World, Load], Awaitable[Work]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """``servers`` are measured; ``budget`` is the least ratio to the bare handler that we promise.

    With more than ``most_connections`` it would be refused, as a flood is. It ``remembers`` where the next request
    depends on an answer. What is prepared once serves every round, unless it ``is_spent``.
    """

    name: str
    servers: tuple[str, ...]
    prepare: Prepare
    budget: float | None = None
    remembers: bool = False
    is_spent: bool = False
    most_connections: int | None = None


def _client_credentials(path: str) -> Prepare:
    async def prepare(world: World, load: Load) -> Work:
        return _machine_token(path, world.machine)

    return prepare


async def _client_credentials_in_groups(world: World, load: Load) -> Work:
    return _machine_token("/token", world.machine_in_groups)


def _machine_token(path: str, machine: ClientIdentity) -> Requests:
    form = [("grant_type", "client_credentials"), ("scope", "api:read")]
    return Requests([post(path, form, basic(machine))], 200, b"access_token")


async def _refresh(world: World, load: Load) -> Work:
    return await _refreshes(world, load, world.holder)


async def _refresh_in_groups(world: World, load: Load) -> Work:
    return await _refreshes(world, load, world.holder_in_groups)


async def _refreshes(world: World, load: Load, holder: Holder) -> Work:
    tokens, headers = await world.refresh_tokens(load.connections, holder), basic(holder.client)
    return lambda number: Refresh(headers, tokens[number])


async def _redeem(world: World, load: Load) -> Work:
    return await _redemptions(world, load, world.holder)


async def _redeem_in_groups(world: World, load: Load) -> Work:
    return await _redemptions(world, load, world.holder_in_groups)


async def _redemptions(world: World, load: Load, holder: Holder) -> Work:
    per_second = CODES_PER_SECOND if load.connections > 1 else _CODES_PER_SECOND_ALONE
    codes = await world.codes(int(per_second * (load.seconds + _WARM_UP)), holder)
    redirect_uri, headers = holder.client.redirect_uri, basic(holder.client)
    requests = iter([redemption(code.code, code.verifier, redirect_uri, headers) for code in codes])
    return lambda _: Redeem(requests)


def _introspection(tokens: Sequence[str], caller: ClientIdentity, expected: bytes) -> Requests:
    headers = basic(caller)
    return Requests([post("/introspect", [("token", token)], headers) for token in tokens], 200, expected)


def _introspect_active(number: int) -> Prepare:
    async def prepare(world: World, load: Load) -> Work:
        return _introspection(await world.machine_tokens(number), world.api, _ACTIVE)

    return prepare


def _introspect_revoked(number: int) -> Prepare:
    async def prepare(world: World, load: Load) -> Work:
        administration = world.installation.administration
        machine = await administration.create_machine()
        tokens = await world.tokens_of(machine, number)
        if number == 1:
            await world.revoke(tokens[0], machine)
        else:
            await administration.disable_client(machine)
        return _introspection(tokens, world.api, _INACTIVE)

    return prepare


def _introspect_foreign(number: int) -> Prepare:
    async def prepare(world: World, load: Load) -> Work:
        return _introspection(await world.machine_tokens(number), world.other_api, _INACTIVE)

    return prepare


async def _introspect_forged(world: World, load: Load) -> Work:
    token = await world.machine_token()
    forged = [altered(token, claims={"sub": f"subject {number}"}) for number in range(COLD_TOKENS)]
    return _introspection(forged, world.api, _INACTIVE)


async def _introspect_garbage(world: World, load: Load) -> Work:
    return _introspection([f"garbage-{number}" for number in range(COLD_TOKENS)], world.api, _INACTIVE)


def authorization_request(client: ClientIdentity) -> str:
    """Path and query of what a browser asks for, with the challenge of a verifier that is always the same."""
    params = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "scope": " ".join(SCOPE),
        "state": "state",
        "code_challenge": challenge_for(_VERIFIER),
        "code_challenge_method": "S256",
    }
    return f"/authorize?{urlencode(params)}"


async def _authorize_signed_in(world: World, load: Load) -> Work:
    request = authorization_request(world.web)
    return Requests([get(request, {"Cookie": cookies}) for cookies in await world.cookies()], 303, b"code=")


async def _signed_in_login(world: World, load: Load) -> Work:
    request = authorization_request(world.web)
    asked = cycle([get(request, {"Cookie": cookies}) for cookies in await world.cookies()])
    return lambda _: SignedInLogin(world, asked, _VERIFIER)


async def _login(world: World, load: Load) -> Work:
    # So few attempts at a time may be made at one account, and a consent must be there to be remembered.
    people = [await world.installation.administration.create_user() for _ in range(load.connections)]
    for person in people:
        await world.signed_in_cookies(person)
    request = authorization_request(world.web)
    return lambda number: Login(world, people[number], request)


async def _passkey_login(world: World, load: Load) -> Work:
    administration, party = world.installation.administration, world.installation.settings.relying_party
    assert party is not None
    people = [await administration.create_user() for _ in range(load.connections)]
    for person in people:
        await world.signed_in_cookies(person)
    devices = [await plant_passkey(administration, party, person) for person in people]
    request = authorization_request(world.web)
    return lambda number: PasskeyLogin(world, people[number], request, devices[number])


async def _user_info(world: World, load: Load) -> Work:
    party = world.party(world.web)
    reply = await party.redeem((await world.codes(1))[0])
    await party.browser.close()
    return Requests([get("/userinfo", {"Authorization": f"Bearer {reply.access_token}"})], 200, b'"sub"')


def _document(path: str, containing: bytes) -> Prepare:
    async def prepare(world: World, load: Load) -> Work:
        return Requests([get(path)], 200, containing)

    return prepare


_TOKEN, _INTROSPECTION, _AUTHORIZE = ("token",), ("introspection",), ("authorize",)
BARE = Scenario("bare handler", ("bare",), _client_credentials("/"))
LOGIN = Scenario("login with password", _AUTHORIZE, _login, 0.80, remembers=True, most_connections=32)
SCENARIOS = (
    Scenario("client_credentials ES256", _TOKEN, _client_credentials("/token"), 0.33),
    Scenario("client_credentials, groups", _TOKEN, _client_credentials_in_groups),
    Scenario("client_credentials RS256", ("token-rs256",), _client_credentials("/token")),
    Scenario("introspect active, hot", _INTROSPECTION, _introspect_active(1), 0.55),
    Scenario("introspect active, cold", _INTROSPECTION, _introspect_active(COLD_TOKENS)),
    Scenario("introspect revoked, hot", _INTROSPECTION, _introspect_revoked(1), 0.55),
    Scenario("introspect revoked, cold", _INTROSPECTION, _introspect_revoked(COLD_TOKENS)),
    Scenario("introspect foreign, hot", _INTROSPECTION, _introspect_foreign(1), 0.55),
    Scenario("introspect foreign, cold", _INTROSPECTION, _introspect_foreign(COLD_TOKENS)),
    Scenario("introspect forged", _INTROSPECTION, _introspect_forged),
    Scenario("introspect garbage", _INTROSPECTION, _introspect_garbage, 0.55),
    Scenario("userinfo", _INTROSPECTION, _user_info),
    Scenario("jwks", _INTROSPECTION, _document("/jwks", b'"keys"')),
    Scenario("discovery", _INTROSPECTION, _document("/.well-known/openid-configuration", b'"issuer"')),
    Scenario("authorize, signed in", _AUTHORIZE, _authorize_signed_in, 0.20),
    Scenario("refresh", _TOKEN, _refresh, 0.20, remembers=True, is_spent=True),
    Scenario("refresh, 20 groups", _TOKEN, _refresh_in_groups, remembers=True, is_spent=True),
    Scenario("code redemption", _TOKEN, _redeem, remembers=True, is_spent=True),
    Scenario("code redemption, 20 groups", _TOKEN, _redeem_in_groups, remembers=True, is_spent=True),
    Scenario("login, signed in", ("authorize", "token"), _signed_in_login, remembers=True),
    LOGIN,
    Scenario("login with passkey", _AUTHORIZE, _passkey_login, remembers=True, most_connections=32),
)
_HOT = ("client_credentials ES256", "introspect active, hot", "authorize, signed in", "refresh", "code redemption")
HOT = tuple(scenario for scenario in SCENARIOS if scenario.name in _HOT)


class Named(Protocol):
    """What can be chosen by its name."""

    @property
    def name(self) -> str:
        """As the table shows it."""


Chosen = TypeVar("Chosen", bound=Named)


def chosen_from(scenarios: Sequence[Chosen], parts: Sequence[str]) -> list[Chosen]:
    """Those whose name contains one of these; all of them where none is given."""
    return [each for each in scenarios if not parts or any(part in each.name for part in parts)]
