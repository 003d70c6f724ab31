"""Security 40: guesses are counted per account and per address, at once and everywhere, and the owner still gets in."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from support.browser import Answer
from support.client_address import new_address
from support.front_channel import heading
from support.relying_party import Person, RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem
from valetkey.authorize.pages.models import LoginError

PER_ACCOUNT = 4
PER_ADDRESS = 9
LIMITED = LoginError.TOO_MANY_ATTEMPTS
CONSENT = "Web application asks for access to your account"


@pytest.fixture(scope="module")
def guarded(start_system: StartSystem) -> System:
    """A system with small budgets, behind a proxy that it trusts."""
    return start_system(
        replicas=2,
        changes={
            "login_attempts_per_account": str(PER_ACCOUNT),
            "login_attempts_per_address": str(PER_ADDRESS),
            "trusted_proxies": "127.0.0.1/32",
        },
    )


@pytest.fixture
async def redis(guarded: System) -> AsyncIterator[Redis]:
    async with Redis.from_url(guarded.redis_url) as client:
        yield client


def place(party: RelyingParty, system: System, where: str, replica: int = 0) -> RelyingParty:
    """The same browser, seen at another address; it goes to one replica, past the front door."""
    party.browser.headers["X-Forwarded-For"] = where
    party.browser.origin = system.origin
    party.issuer = system.urls["authorize"][replica]
    return party


async def guess(party: RelyingParty, name: str | None = None) -> Answer:
    """A login with a wrong password."""
    assert party.person is not None
    return await party.sign_in(await party.start(prompt="login"), Person(name or party.person.username, "wrong"))


async def owner(party: RelyingParty) -> Answer:
    """A login with the right password."""
    return await party.sign_in(await party.start(prompt="login"))


def require_limited(answer: Answer) -> None:
    assert answer.status == 429
    assert answer.page.get(id="error").text == LIMITED
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert answer.page.find_all("input", name="password")


@pytest.fixture
async def party(make_party: MakeParty, guarded: System) -> RelyingParty:
    """A browser at an address of its own."""
    return place(await make_party(at=guarded), guarded, new_address())


@pytest.mark.requirement("security 40: attempts are counted per account, wherever they come from")
@pytest.mark.parametrize("exists", [True, False])
async def test_an_account_can_be_guessed_at_so_many_times(party: RelyingParty, guarded: System, exists: bool) -> None:
    name = None if exists else f"unknown-{secrets.token_hex(4)}"
    answers = [await guess(place(party, guarded, new_address()), name) for _ in range(PER_ACCOUNT)]

    over = await guess(place(party, guarded, new_address()), name)
    right = await owner(place(party, guarded, new_address()))

    assert [answer.status for answer in answers] == [403] * PER_ACCOUNT
    require_limited(over)
    if exists:
        require_limited(right)


@pytest.mark.requirement("security 40: under every spelling of the name")
async def test_every_spelling_counts_against_the_same_name(party: RelyingParty, guarded: System) -> None:
    assert party.person is not None
    name = party.person.username
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in name)
    spellings = [name, name.upper(), f" {name} ", wide, name.title(), f"{wide.upper()} "]

    statuses = [(await guess(place(party, guarded, new_address()), spelling)).status for spelling in spellings]

    assert statuses == [403] * PER_ACCOUNT + [429] * (len(spellings) - PER_ACCOUNT)


@pytest.mark.requirement("security 40: under every name of the account, which no answer tells")
@pytest.mark.parametrize("by_name", range(PER_ACCOUNT + 1))
async def test_every_name_counts_against_the_same_account_in_silence(
    party: RelyingParty, guarded: System, by_name: int
) -> None:
    assert party.person is not None
    name, mail = party.person.username, f"{party.person.username}@example.com"
    typed = [name] * by_name + [mail] * (PER_ACCOUNT - by_name)
    guesses = [await guess(place(party, guarded, new_address()), each) for each in typed]

    right = Person(mail if by_name >= PER_ACCOUNT / 2 else name, party.person.password)
    refused = await party.sign_in(await place(party, guarded, new_address()).start(prompt="login"), right)

    assert [answer.status for answer in guesses] == [403] * PER_ACCOUNT
    assert refused.status == 403
    assert refused.page.get(id="error").text == LoginError.CREDENTIALS
    assert "vk_session" not in party.browser.cookies
    assert "even the right password is refused for some minutes" in refused.page.get("details").text


@pytest.mark.requirement("security 40: attempts are counted per address for every name")
async def test_an_address_can_guess_so_many_times(party: RelyingParty, make_party: MakeParty, guarded: System) -> None:
    answers = [await guess(party, f"unknown-{secrets.token_hex(4)}") for _ in range(PER_ADDRESS)]

    over = await guess(party, f"unknown-{secrets.token_hex(4)}")
    right = await owner(party)
    elsewhere = await owner(place(party, guarded, new_address()))

    assert [answer.status for answer in answers] == [403] * PER_ADDRESS
    require_limited(over)
    require_limited(right)
    assert heading(elsewhere) == CONSENT


@pytest.mark.requirement("security 40: one IPv6 subscriber is one address")
async def test_a_network_of_addresses_is_one_address(party: RelyingParty, guarded: System) -> None:
    network = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}"
    statuses = []

    for n in range(PER_ADDRESS + 1):
        place(party, guarded, f"{network}::{n + 1:x}")
        statuses.append((await guess(party, f"unknown-{secrets.token_hex(4)}")).status)

    assert statuses == [403] * PER_ADDRESS + [429]


@pytest.mark.requirement("security 40: counted atomically, under parallel guesses, over all replicas")
async def test_guesses_at_once_are_no_more_than_guesses_in_turn(make_party: MakeParty, guarded: System) -> None:
    party = await make_party(at=guarded)
    browsers = [
        place(await make_party(party.client, party.person, at=guarded), guarded, new_address(), replica=n % 2)
        for n in range(12)
    ]
    pages = [await browser.start() for browser in browsers]
    assert party.person is not None
    wrong = Person(party.person.username, "wrong")

    answers = await asyncio.gather(
        *(browser.sign_in(page, wrong) for browser, page in zip(browsers, pages, strict=True))
    )

    assert sorted(answer.status for answer in answers) == [403] * PER_ACCOUNT + [429] * (12 - PER_ACCOUNT)


@pytest.mark.requirement("security 40: surviving a restart")
async def test_another_replica_that_starts_later_knows_the_count(party: RelyingParty, guarded: System) -> None:
    for _ in range(PER_ACCOUNT):
        await guess(place(party, guarded, new_address()))

    with System(
        guarded.postgres_dsn, guarded.redis_url, changes={"login_attempts_per_account": str(PER_ACCOUNT)}
    ) as later:
        party.browser.origin, party.issuer = None, later.issuer
        answer = await owner(party)

    require_limited(answer)


@pytest.mark.requirement("security 40: a lockout cannot be used to lock the owner out")
async def test_a_device_that_signed_in_before_gets_its_owner_in(
    make_party: MakeParty, party: RelyingParty, guarded: System
) -> None:
    await party.authorize()
    attacker = await make_party(party.client, party.person, at=guarded)
    for _ in range(PER_ACCOUNT + 1):
        blocked = await guess(place(attacker, guarded, new_address()))

    party.browser.cookies = {"vk_device": party.browser.cookies["vk_device"]}
    answer = await owner(party)

    require_limited(blocked)
    assert answer.is_redirect
    assert "code=" in answer.location


@pytest.mark.requirement("security 40: a known device has a budget of its own, no more")
async def test_a_stolen_device_cookie_is_a_budget_and_nothing_else(
    make_party: MakeParty, party: RelyingParty, guarded: System
) -> None:
    await party.authorize()
    device = {"vk_device": party.browser.cookies["vk_device"]}
    thief = await make_party(party.client, party.person, at=guarded)
    for _ in range(PER_ACCOUNT):
        await guess(place(thief, guarded, new_address()))

    statuses = []
    for _ in range(PER_ACCOUNT):
        thief.browser.cookies = dict(device)
        statuses.append((await guess(place(thief, guarded, new_address()))).status)
    thief.browser.cookies = dict(device)
    right = await owner(place(thief, guarded, new_address()))

    assert statuses == [429] * PER_ACCOUNT
    require_limited(right)


async def test_a_device_does_not_spend_the_budget_of_unknown_browsers(
    make_party: MakeParty, party: RelyingParty, guarded: System
) -> None:
    await party.authorize()
    device = {"vk_device": party.browser.cookies["vk_device"]}
    assert party.person is not None
    mail = f"{party.person.username}@example.com"
    for _ in range(PER_ACCOUNT):
        party.browser.cookies = dict(device)
        await guess(place(party, guarded, new_address()))

    other = await make_party(party.client, Person(mail, party.person.password), at=guarded)

    assert (await owner(place(other, guarded, new_address()))).is_redirect


@pytest.mark.requirement("security 40: a device cookie opens the budget of its own accounts only")
@pytest.mark.parametrize("cookie", ["of another account", "altered", "invented", "truncated", "with a code added"])
async def test_no_other_device_cookie_helps(
    make_party: MakeParty, party: RelyingParty, guarded: System, cookie: str
) -> None:
    other = await make_party(at=guarded)
    await place(other, guarded, new_address()).authorize()
    await party.authorize()
    own, foreign = party.browser.cookies["vk_device"], other.browser.cookies["vk_device"]
    forged = {
        "of another account": foreign,
        "altered": own[:-1] + ("A" if own[-1] != "A" else "B"),
        "invented": f"{'A' * 22}.{'A' * 43}",
        "truncated": own.partition(".")[0],
        "with a code added": f"{foreign}.{own.partition('.')[2]}",
    }[cookie]
    thief = await make_party(party.client, party.person, at=guarded)

    statuses = []
    for _ in range(PER_ACCOUNT + 1):
        thief.browser.cookies = {"vk_device": forged}
        statuses.append((await guess(place(thief, guarded, new_address()))).status)

    assert statuses == [403] * PER_ACCOUNT + [429]


@pytest.mark.requirement("security 40: a login gives back only its own attempt")
async def test_the_owner_signing_in_does_not_refill_the_budget_of_who_guesses(
    make_party: MakeParty, party: RelyingParty, guarded: System
) -> None:
    for _ in range(PER_ACCOUNT - 1):
        await guess(place(party, guarded, new_address()))
    other = await make_party(party.client, party.person, at=guarded)

    for _ in range(3):
        other.browser.cookies = {}
        assert heading(await owner(place(other, guarded, new_address()))) == CONSENT
    statuses = [(await guess(place(party, guarded, new_address()))).status for _ in range(2)]

    assert statuses == [403, 429]


@pytest.mark.requirement("security 40: an address that is spent no longer spends the account's budget")
async def test_one_attacker_cannot_lock_an_account_from_one_address(
    make_party: MakeParty, party: RelyingParty, guarded: System
) -> None:
    for _ in range(PER_ADDRESS):
        await guess(party, f"unknown-{secrets.token_hex(4)}")
    for _ in range(PER_ACCOUNT + 1):
        require_limited(await guess(party))

    answer = await owner(place(party, guarded, new_address()))

    assert heading(answer) == CONSENT


@pytest.mark.requirement("security 40: the window ends by itself, however much is tried meanwhile")
async def test_trying_on_does_not_prolong_the_lockout(party: RelyingParty, guarded: System, redis: Redis) -> None:
    await redis.flushdb()
    for _ in range(PER_ACCOUNT):
        await guess(place(party, guarded, new_address()))
    before = {key: await redis.pttl(key) for key in await redis.keys("vk:attempts*")}

    for _ in range(3):
        require_limited(await guess(place(party, guarded, new_address())))

    assert len(before) == PER_ACCOUNT + 2
    for key, left in before.items():
        assert 0 < await redis.pttl(key) <= left <= 900_000
    await redis.delete(*before)
    assert heading(await owner(party)) == CONSENT


@pytest.mark.requirement("security 40: what was no attempt is not counted")
@pytest.mark.parametrize("what", ["incomplete", "forged", "foreign", "opened", "cancelled"])
async def test_only_attempts_are_counted(party: RelyingParty, guarded: System, what: str) -> None:
    assert party.person is not None
    name = party.person.username
    changes = {
        "incomplete": {"username": name, "password": ""},
        "forged": {"username": name, "password": "wrong", "csrf_token": "x"},
        "foreign": {"username": name, "password": "wrong", "interaction": "A" * 43},
        "cancelled": {"username": name, "password": "wrong", "action": "cancel"},
    }

    for _ in range(PER_ADDRESS + 1):
        page = await party.start()
        if what in changes:
            await party.browser.submit(page, **changes[what])

    assert heading(await owner(party)) == CONSENT


@pytest.mark.requirement("security 51: no user name and no address in Redis keys")
async def test_counters_contain_no_names(party: RelyingParty, redis: Redis) -> None:
    await guess(party)

    assert party.person is not None
    keys = str(await redis.keys("*"))
    assert "vk:attempts" in keys
    assert party.person.username not in keys
    assert party.browser.headers["X-Forwarded-For"] not in keys


@pytest.mark.requirement("security 48: X-Forwarded-For counts only where a trusted proxy wrote it")
async def test_an_untrusted_caller_cannot_choose_an_address(make_party: MakeParty, guarded: System) -> None:
    party = await make_party(at=guarded)
    place(party, guarded, "")
    spoofed = new_address()

    statuses = []
    for n in range(PER_ADDRESS + 1):
        party.browser.headers["X-Forwarded-For"] = f"203.0.113.{n}, 10.0.0.{n}, {spoofed}"
        statuses.append((await guess(party, f"unknown-{secrets.token_hex(4)}")).status)

    assert statuses == [403] * PER_ADDRESS + [429]
