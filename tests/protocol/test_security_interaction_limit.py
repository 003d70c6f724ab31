"""What unauthenticated requests make us keep is limited per address; signed-in users and refusals are not counted."""

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from support.administration import FULL_SCOPE
from support.browser import Answer, query_of
from support.captured_output import captured_output
from support.client_address import new_address
from support.front_channel import require_shown
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS

LIMIT = 5
LIFETIME = 120
# For the browser and the address together, were it not for what a replica remembers for a second.
PATIENCE = 20
MAX_INTERACTION = 6 << 10
ACRS = ["urn:valetkey:acr:password", *(f"urn:other:{number}" for number in range(100))]
SETTINGS = {
    "interactions_per_address": str(LIMIT),
    "login_lifetime": str(LIFETIME),
    "trusted_proxies": "127.0.0.1/32",
}
pytestmark = pytest.mark.requirement("security 40: what unauthenticated requests make us keep is limited per address")


@pytest.fixture(scope="module")
def guarded(start_system: StartSystem) -> System:
    """A system that lets an address begin few logins, behind a proxy that it trusts."""
    return start_system(replicas=2, changes=SETTINGS)


@pytest.fixture(scope="module")
def patient(start_system: StartSystem) -> System:
    """A system that lets a browser begin few logins, and its address some more."""
    changes = SETTINGS | {"interactions_per_browser": str(LIMIT), "interactions_per_address": str(PATIENCE)}
    return start_system(replicas=2, changes=changes)


@pytest.fixture
async def party(make_party: MakeParty, guarded: System) -> RelyingParty:
    """A browser at an address of its own."""
    return moved(await make_party(at=guarded))


def moved(party: RelyingParty, address: str | None = None) -> RelyingParty:
    """The same browser, seen at another address."""
    party.browser.headers["X-Forwarded-For"] = address or new_address()
    return party


async def begin(party: RelyingParty, system: System, replica: int = 0, **changes: str | None) -> Answer:
    """An authorization request to one replica, past the front door."""
    params = party.request_params(secrets.token_urlsafe(48), **changes)
    return await party.browser.get(f"{system.urls['authorize'][replica]}/authorize", params)


async def begin_by_post(party: RelyingParty, system: System) -> Answer:
    url = system.urls["authorize"][0]
    posted = await party.browser.post(f"{url}/authorize", party.request_params(secrets.token_urlsafe(48)))
    # Without a cookie of ours a POST is sent to the same address with GET first, which is where it counts.
    return await party.browser.follow(posted, within=f"{url}/authorize")


def require_limited(answer: Answer) -> None:
    assert require_shown(answer, 429) == "Too many sign-ins at once"
    assert answer.headers["Retry-After"] == str(LIFETIME)
    assert "Location" not in answer.headers


@pytest.mark.parametrize("method", [begin, begin_by_post])
async def test_an_address_begins_so_many_interactions_and_gets_a_page_then(
    party: RelyingParty, guarded: System, method: Callable[[RelyingParty, System], Awaitable[Answer]]
) -> None:
    answers = [await method(party, guarded) for _ in range(LIMIT)]

    over = await method(party, guarded)
    elsewhere = await method(moved(party), guarded)

    assert [answer.status for answer in answers] == [303] * LIMIT
    require_limited(over)
    assert elsewhere.status == 303


@pytest.mark.requirement("security 55c: what unauthenticated requests can leave is bounded in bytes")
async def test_a_large_request_counts_once_for_each_kilobyte_of_it(party: RelyingParty, guarded: System) -> None:
    first = await begin(party, guarded, state="s" * 4000)
    over = await begin(party, guarded)

    elsewhere = [await begin(moved(party), guarded)] + [await begin(party, guarded) for _ in range(LIMIT - 1)]

    assert first.status == 303
    require_limited(over)
    assert [answer.status for answer in elsewhere] == [303] * LIMIT


@pytest.mark.requirement("security 55c: what unauthenticated requests can leave is bounded in bytes")
async def test_whatever_an_address_sends_it_leaves_so_many_bytes(party: RelyingParty, guarded: System) -> None:
    async with Redis.from_url(guarded.redis_url) as redis:
        before = set(await redis.keys("vk:interaction:*"))

        for number in range(4 * LIMIT):
            await begin(party, guarded, number % 2, state="s" * (200 + 700 * number % 4000), nonce="n" * 500)

        left = set(await redis.keys("vk:interaction:*")) - before
        assert 0 < sum([await redis.strlen(key) for key in left]) <= (LIMIT << 10) + MAX_INTERACTION


async def test_a_network_of_ipv6_addresses_is_one_address(party: RelyingParty, guarded: System) -> None:
    network = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}"

    statuses = [
        (await begin(moved(party, f"{network}::{number + 1:x}"), guarded)).status for number in range(LIMIT + 1)
    ]

    assert statuses == [303] * LIMIT + [429]


async def test_requests_at_once_over_all_replicas_are_no_more_than_requests_in_turn(
    make_party: MakeParty, guarded: System
) -> None:
    first = moved(await make_party(at=guarded))
    address = first.browser.headers["X-Forwarded-For"]
    parties = [moved(await make_party(first.client, first.person, at=guarded), address) for _ in range(4 * LIMIT)]
    gate = asyncio.Barrier(len(parties))

    async def at_once(number: int, party: RelyingParty) -> int:
        await gate.wait()
        return (await begin(party, guarded, number % 2)).status

    statuses = await asyncio.gather(*(at_once(number, party) for number, party in enumerate(parties)))

    assert Counter(statuses) == {303: LIMIT, 429: 3 * LIMIT}


async def test_a_browser_that_begins_without_end_gets_a_page_and_leaves_its_address_to_others(
    make_party: MakeParty, patient: System
) -> None:
    greedy = moved(await make_party(at=patient))
    other = moved(await make_party(greedy.client, greedy.person, at=patient), greedy.browser.headers["X-Forwarded-For"])
    first = await begin(greedy, patient)

    answers = [await begin(greedy, patient) for _ in range(LIMIT + 3 * PATIENCE)]
    elsewhere = [await begin(other, patient) for _ in range(LIMIT)]

    assert [first.status, *(answer.status for answer in answers[:LIMIT])] == [303] * (LIMIT + 1)
    for answer in answers[LIMIT:]:
        require_limited(answer)
    assert [answer.status for answer in elsewhere] == [303] * LIMIT


async def test_a_browser_is_counted_over_all_replicas_at_once(make_party: MakeParty, patient: System) -> None:
    party = moved(await make_party(at=patient))
    party.browser.cookies["vk_browser"] = secrets.token_urlsafe(32)
    gate = asyncio.Barrier(2 * LIMIT)

    async def at_once(number: int) -> int:
        await gate.wait()
        return (await begin(party, patient, number % 2)).status

    statuses = await asyncio.gather(*(at_once(number) for number in range(2 * LIMIT)))

    assert Counter(statuses) == {303: LIMIT, 429: LIMIT}


async def test_browsers_that_are_made_up_leave_no_count_beyond_that_of_their_address(
    party: RelyingParty, guarded: System
) -> None:
    async with Redis.from_url(guarded.redis_url) as redis:
        before = len(await redis.keys("vk:limits:browser_interactions/*"))

        for number in range(4 * LIMIT):
            party.browser.cookies["vk_browser"] = secrets.token_urlsafe(32)
            await begin(party, guarded, number % 2)

        assert len(await redis.keys("vk:limits:browser_interactions/*")) - before == LIMIT


async def test_the_count_outlives_the_replicas(party: RelyingParty, guarded: System) -> None:
    for _ in range(LIMIT):
        await begin(party, guarded)

    with System(guarded.postgres_dsn, guarded.redis_url, changes=SETTINGS) as later:
        answer = await begin(party, later)

    require_limited(answer)


async def test_nothing_is_kept_beyond_the_limit(party: RelyingParty, guarded: System) -> None:
    async with Redis.from_url(guarded.redis_url) as redis:
        before = len(await redis.keys("vk:interaction:*"))

        for _ in range(3 * LIMIT):
            await begin(party, guarded)

        assert len(await redis.keys("vk:interaction:*")) - before == LIMIT


async def test_a_signed_in_user_is_not_counted(party: RelyingParty, guarded: System) -> None:
    party.browser.origin, party.issuer = guarded.origin, guarded.urls["authorize"][0]
    await party.authorize()

    silent = [query_of((await party.start()).location) for _ in range(2 * LIMIT)]

    assert all("code" in params for params in silent)


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "none"},
        {"scope": "unheard-of"},
        {"code_challenge": None},
        {"redirect_uri": "https://elsewhere.example/"},
        {"client_id": "unknown"},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_what_stores_nothing_is_not_counted(
    party: RelyingParty, guarded: System, changes: dict[str, str | None]
) -> None:
    for _ in range(2 * LIMIT):
        assert (await begin(party, guarded, 0, **changes)).status in {303, 400}

    assert (await begin(party, guarded)).status == 303


async def test_a_refusal_is_audited_once(party: RelyingParty, guarded: System) -> None:
    with captured_output() as heard:
        for _ in range(3 * LIMIT):
            await begin(party, guarded)

    events = [json.loads(line) for line in heard.getvalue().splitlines() if line.startswith('{"log":"audit"')]
    address = party.browser.headers["X-Forwarded-For"]
    assert [(event["reason"], event["address"], event["client_id"]) for event in events] == [
        ("the address has begun too many interactions", address, party.client.client_id)
    ]


async def test_a_login_that_has_begun_can_be_finished(party: RelyingParty, guarded: System) -> None:
    party.browser.origin, party.issuer = guarded.origin, guarded.urls["authorize"][0]
    page = await party.start()
    for _ in range(LIMIT):
        over = await begin(party, guarded)

    answer = await party.walk(page)

    require_limited(over)
    assert "code" in query_of(answer.location)


async def test_what_was_limited_is_counted(party: RelyingParty, guarded: System) -> None:
    for _ in range(LIMIT + 1):
        await begin(party, guarded)

    answer = await party.browser.get(f"{guarded.management_urls['authorize'][0]}/metrics")

    assert 'valetkey_rate_limited_total{limit="interactions"}' in answer.text
    assert 'valetkey_authorization_requests_total{error="rate_limited",result="page"}' in answer.text


# Each as long as it may be, in ways that stay within what one request may keep.
HOSTILE: list[dict[str, str | None]] = [
    {"state": "s" * 4096, "nonce": "\u00e9" * 256},
    {"login_hint": "\U0001d11e" * 254, "nonce": "n" * 512, "state": "s" * 3500},
    {"login_hint": "a" * 8192, "id_token_hint": None, "state": "s" * 4096, "acr_values": "x" * 20_000},
    {"claims": json.dumps(dict.fromkeys(("userinfo", "id_token"), dict.fromkeys(STANDARD_CLAIMS.names)))},
    {"claims": json.dumps({"id_token": {"sub": {"value": "s" * 255}, "acr": {"essential": True, "values": ACRS}}})},
    {
        "scope": " ".join(FULL_SCOPE),
        "prompt": "login consent select_account",
        "state": "s" * 4096,
        "max_age": "300000000",
    },
]


@pytest.mark.requirement("security 55c: what unauthenticated requests can leave is bounded in bytes")
@pytest.mark.parametrize("changes", HOSTILE, ids=lambda changes: next(iter(changes)))
async def test_an_interaction_takes_six_kibibytes_at_most(
    make_party: MakeParty, patient: System, changes: dict[str, str | None]
) -> None:
    party = moved(await make_party(at=patient))
    url, params = f"{patient.urls['authorize'][0]}/authorize", party.request_params("v" * 43, **changes)
    # With a cookie a POST is not sent on with GET, so that all of it counts.
    party.browser.cookies["vk_browser"] = secrets.token_urlsafe(32)
    async with Redis.from_url(patient.redis_url) as redis:
        before = set(await redis.keys("vk:interaction:*"))

        answer = await party.browser.post(url, params)

        assert "/login?" in answer.location
        (key,) = set(await redis.keys("vk:interaction:*")) - before
        assert await redis.strlen(key) <= MAX_INTERACTION


@pytest.mark.requirement("security 55c: what unauthenticated requests can leave is bounded in bytes")
async def test_a_usual_interaction_takes_a_few_hundred_bytes(party: RelyingParty, guarded: System) -> None:
    async with Redis.from_url(guarded.redis_url) as redis:
        before = set(await redis.keys("vk:interaction:*"))

        await begin(party, guarded, state="s" * 44, nonce="n" * 44, scope="openid profile email", login_hint="ada")

        (key,) = set(await redis.keys("vk:interaction:*")) - before
        assert await redis.strlen(key) < 500
        assert 0 < (await redis.memory_usage(key) or 0) < 800
