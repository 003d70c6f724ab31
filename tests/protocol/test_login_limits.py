"""Guessing is limited for every account and address, and the owner is not locked out by it."""

import asyncio

import pytest

from support.browser import Answer
from support.front_channel import heading
from support.relying_party import Person, RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem

LIMIT = 4


@pytest.fixture(scope="module")
def strict(start_system: StartSystem) -> System:
    """A system that allows few wrong passwords."""
    return start_system(changes={"login_attempts_per_account": str(LIMIT), "login_attempts_per_address": "100000"})


@pytest.fixture(scope="module")
def narrow(start_system: StartSystem) -> System:
    """A system that allows few wrong passwords from one address."""
    return start_system(changes={"login_attempts_per_address": str(LIMIT)})


async def guess(party: RelyingParty, name: str, *, right: bool = False) -> Answer:
    password = party.person.password if right and party.person else "wrong"
    return await party.sign_in(await party.start(), Person(name, password))


@pytest.mark.requirement("security 40: attempts counted per account under every spelling of the name")
async def test_every_name_and_spelling_of_an_account_spends_one_budget(make_party: MakeParty, strict: System) -> None:
    party = await make_party(at=strict)
    assert party.person is not None
    name, mail = party.person.username, f"{party.person.username}@example.com"
    spellings = [name.upper(), f"{mail} ", f" {name}", mail.upper()]

    guesses = [(await guess(party, spelling)).status for spelling in spellings]
    right = [(await guess(party, spelling, right=True)).status for spelling in (name, mail)]

    assert guesses == [403] * LIMIT
    # Neither name is spent; that the account is, no answer tells.
    assert right == [403] * 2


@pytest.mark.requirement("security 40: attempts counted atomically under parallel guesses")
async def test_parallel_guesses_get_no_further(make_party: MakeParty, strict: System) -> None:
    parties = [await make_party(at=strict) for _ in range(3 * LIMIT)]
    name = parties[0].person.username if parties[0].person else ""

    answers = await asyncio.gather(*(guess(party, name) for party in parties))

    assert sorted(answer.status for answer in answers) == [403] * LIMIT + [429] * 2 * LIMIT


@pytest.mark.requirement("security 39: a limit does not tell whether the account exists")
async def test_an_unknown_name_is_limited_in_the_same_words(make_party: MakeParty, strict: System) -> None:
    party = await make_party(at=strict)
    assert party.person is not None

    known = [await guess(party, party.person.username) for _ in range(LIMIT + 1)][-1]
    unknown = [await guess(party, "unknown-name") for _ in range(LIMIT + 1)][-1]

    assert (known.status, unknown.status) == (429, 429)
    assert known.headers["Retry-After"] == unknown.headers["Retry-After"] == "900"
    assert known.page.get(id="error").text == unknown.page.get(id="error").text


@pytest.mark.requirement("security 40: a lockout cannot be used to lock the owner out for good")
async def test_the_owners_browser_still_signs_in_during_an_attack(make_party: MakeParty, strict: System) -> None:
    owner = await make_party(at=strict)
    assert owner.person is not None
    await owner.authorize()
    attacker = await make_party(owner.client, owner.person, at=strict)
    for _ in range(LIMIT + 1):
        await guess(attacker, owner.person.username)

    shut_out = await guess(attacker, owner.person.username, right=True)
    let_in = await owner.sign_in(await owner.start(prompt="login consent"))

    assert shut_out.status == 429
    assert "asks for access" in heading(let_in)


async def test_a_known_browser_has_a_budget_too(make_party: MakeParty, strict: System) -> None:
    owner = await make_party(at=strict)
    assert owner.person is not None
    await owner.authorize()

    statuses = [
        (await owner.sign_in(await owner.start(prompt="login"), Person(owner.person.username, "wrong"))).status
        for _ in range(LIMIT + 1)
    ]

    assert statuses == [403] * LIMIT + [429]


async def test_signing_in_often_is_no_guessing(make_party: MakeParty, strict: System) -> None:
    first = await make_party(at=strict)
    assert first.person is not None

    for _ in range(2 * LIMIT):
        party = await make_party(first.client, first.person, at=strict)
        answer = await party.sign_in(await party.start(prompt="consent"))
        assert "asks for access" in heading(answer)


@pytest.mark.requirement("security 40: attempts counted per address")
async def test_guesses_across_accounts_spend_the_budget_of_the_address(make_party: MakeParty, narrow: System) -> None:
    party = await make_party(at=narrow)

    statuses = [(await guess(party, f"name-{number}")).status for number in range(LIMIT + 2)]

    assert statuses == [403] * LIMIT + [429] * 2
