"""Security 40: whatever other browsers have spent, a browser that has signed in before gets its owner in."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from support.administration import CALLBACK
from support.client_address import new_address
from support.front_channel import heading, response_of
from support.relying_party import ClientIdentity, CodeResponse, Person, RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem
from valetkey.authorize.flow.interaction_limit import PER_DEVICE
from valetkey.authorize.pages.models import LoginError

PER_ACCOUNT = 3
PER_ADDRESS = 5
INTERACTIONS = 8
WRONG = "not the password"
LIMITS = ("nothing", "address", "name", "account", "interactions")
DEVICES = ("none", "of the account", "of another account", "forged", "a code", "a forged code")
IN, REFUSED, LIMITED, NO_LOGIN = "in", 403, 429, "no login"


def expected(limit: str, device: str, *, right: bool) -> str | int:
    """The answer to a login with this device and this password, where other browsers have spent this limit."""
    is_known = device in {"of the account", "a code"}
    if limit == "interactions" and device not in {"of the account", "of another account"}:
        return NO_LOGIN
    counts = is_known or limit in {"nothing", "interactions"}
    if right and counts:
        return IN
    return LIMITED if limit in {"address", "name"} else REFUSED


@pytest.fixture(scope="module")
def guarded(start_system: StartSystem) -> System:
    """A system with small budgets, behind a proxy that it trusts."""
    return start_system(
        replicas=2,
        changes={
            "login_attempts_per_account": str(PER_ACCOUNT),
            "login_attempts_per_address": str(PER_ADDRESS),
            "interactions_per_address": str(INTERACTIONS),
            "trusted_proxies": "127.0.0.1/32",
        },
    )


def place(party: RelyingParty, where: str) -> RelyingParty:
    """The same browser, seen at another address."""
    party.browser.headers["X-Forwarded-For"] = where
    return party


class Town:
    """People with accounts, browsers and addresses; ``where`` is the address that they share with the attacker."""

    def __init__(self, make_party: MakeParty, system: System, client: ClientIdentity, owner: Person) -> None:
        self.make_party = make_party
        self.system = system
        self.client = client
        self.owner = owner
        self.mail = Person(f"{owner.username}@example.com", owner.password)
        self.where = new_address()

    async def browser(
        self, cookies: dict[str, str] | None = None, person: Person | None = None, replica: int = 0
    ) -> RelyingParty:
        """A browser of a user at the shared address; the owner's unless told."""
        party: RelyingParty = await self.make_party(self.client, person or self.owner, at=self.system)
        # Past the front door, which would give every client this address.
        party.browser.origin, party.issuer = self.system.origin, self.system.urls["authorize"][replica]
        party.browser.cookies = dict(cookies or {})
        return place(party, self.where)

    async def device_of(self, person: Person) -> str:
        """The device cookie of a browser in which this person has signed in."""
        party = place(await self.browser(person=person), new_address())
        await party.authorize()
        return party.browser.cookies["vk_device"]

    async def code_of(self, person: Person) -> str:
        """What the page of a browser shows in which this person is signed in."""
        party = place(await self.browser(person=person), new_address())
        await party.authorize()
        page = await party.browser.get(f"{party.issuer}/login")
        return page.page.get(class_="code").text

    async def spend(self, limit: str) -> None:
        """What the attacker does."""
        attacker = await self.browser()
        if limit == "address":
            page = await attacker.start()
            for number in range(PER_ADDRESS + 1):
                page = await attacker.sign_in(page, Person(f"unknown-{number}", WRONG))
        elif limit in {"name", "account"}:
            page = await place(attacker, new_address()).start()
            for number in range(PER_ACCOUNT):
                name = self.owner.username if limit == "name" or number else self.mail.username
                page = await place(attacker, new_address()).sign_in(page, Person(name, WRONG))
        elif limit == "interactions":
            for _ in range(INTERACTIONS):
                await attacker.start()


@pytest.fixture
async def town(make_party: MakeParty, guarded: System) -> Town:
    administration = guarded.administration
    return Town(make_party, guarded, await administration.create_web_client(), await administration.create_user())


async def try_to_sign_in(town: Town, party: RelyingParty, *, right: bool = True, code: str | None = None) -> str | int:
    """The whole way, as a person takes it: ``in`` with tokens at its end, or the status where it ends."""
    assert party.person is not None
    verifier = secrets.token_urlsafe(48)
    page = await party.start(verifier)
    if heading(page) != "Sign in":
        assert page.status == 429
        return NO_LOGIN
    values = {"username": party.person.username, "password": party.person.password if right else WRONG}
    if code is not None:
        # It is asked for once something was refused; a page that was shown before has no such field.
        values["browser_code"] = code
    answer = await party.browser.follow(await party.browser.submit(page, **values), within=party.issuer)
    if answer.status in {403, 429}:
        assert "vk_session" not in party.browser.cookies
        return answer.status
    response = response_of(await party.walk(answer), CALLBACK)
    reply = await replace(party, issuer=town.system.issuer).redeem(CodeResponse(response.params, verifier))
    assert reply.status == 200
    return IN


@pytest.mark.requirement("security 40: no limit denies a right password from a known device")
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("limit", LIMITS)
async def test_who_gets_in_while_other_browsers_have_spent_a_limit(
    town: Town, limit: str, device: str, right: bool
) -> None:
    cookies, code = {}, None
    if device == "of the account":
        cookies["vk_device"] = await town.device_of(town.owner)
    elif device == "of another account":
        cookies["vk_device"] = await town.device_of(await town.system.administration.create_user())
    elif device == "forged":
        own = await town.device_of(await town.system.administration.create_user())
        cookies["vk_device"] = f"{'A' * 22}.{own.partition('.')[2]}"
    elif device == "a code":
        code = await town.code_of(town.owner)
    elif device == "a forged code":
        code = await town.code_of(await town.system.administration.create_user())
    await town.spend(limit)

    outcome = await try_to_sign_in(town, await town.browser(cookies), right=right, code=code)

    assert outcome == expected(limit, device, right=right)


@pytest.mark.requirement("security 40: no limit denies a right password from a known device")
async def test_all_limits_at_once_do_not_keep_an_owner_out(town: Town) -> None:
    cookies = {"vk_device": await town.device_of(town.owner)}
    for limit in LIMITS:
        await town.spend(limit)

    outcomes = [await try_to_sign_in(town, await town.browser(cookies)) for _ in range(3)]

    assert outcomes == [IN] * 3


@pytest.mark.requirement("security 40: a known device has a budget of its own, no more")
async def test_a_device_begins_so_many_logins_at_an_address_that_is_spent(town: Town) -> None:
    cookies = {"vk_device": await town.device_of(town.owner)}
    await town.spend("interactions")
    parties = [await town.browser(cookies) for _ in range(PER_DEVICE + 10)]

    pages = await asyncio.gather(*(party.start() for party in parties))

    assert sorted(page.status for page in pages) == [200] * PER_DEVICE + [429] * 10


@pytest.mark.requirement("security 40: a known device has a budget of its own, no more")
@pytest.mark.parametrize("by", ["a device", "a code"])
async def test_guesses_by_a_device_or_a_code_are_as_many_as_by_an_unknown_browser(town: Town, by: str) -> None:
    cookies = {"vk_device": await town.device_of(town.owner)} if by == "a device" else {}
    code = await town.code_of(town.owner) if by == "a code" else None
    await town.spend("account")
    thief = await town.browser(cookies)

    for number in range(PER_ACCOUNT):
        person = town.owner if number % 2 else town.mail
        thief = place(await town.browser(cookies, person), new_address())
        assert await try_to_sign_in(town, thief, right=False, code=code) in {REFUSED, LIMITED}
    outcome = await try_to_sign_in(town, place(await town.browser(cookies), new_address()), code=code)

    assert outcome in {REFUSED, LIMITED}


@pytest.mark.requirement("security 40: a code from a signed-in browser lets its owner in, and makes the browser known")
async def test_the_page_says_where_to_get_a_code_and_takes_it_as_people_type_it(town: Town, guarded: System) -> None:
    code = await town.code_of(town.owner)
    await town.spend("name")
    new = await town.browser()

    limited = await new.sign_in(await new.start())
    field = limited.page.get("input", name="browser_code")
    text = limited.page.get("details").text
    values = {"username": town.owner.username, "password": town.owner.password}
    wrong = await new.browser.submit(limited, **values, browser_code="0000-0000")
    typed = f" {code.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} "
    answer = await new.browser.follow(await new.browser.submit(wrong, **values, browser_code=typed), within=new.issuer)

    assert limited.page.get(id="error").text == LoginError.TOO_MANY_ATTEMPTS
    assert "open" in limited.page.get("details").attributes
    assert limited.page.get("label", for_=field.attributes["id"]).text.startswith("Code from another device")
    assert f"{guarded.issuer}/login".removeprefix("http://") in text
    assert wrong.status == 429
    assert response_of(answer, CALLBACK).code
    # Known from now on: the attack, which goes on, does not matter any more.
    known = {"vk_device": new.browser.cookies["vk_device"]}
    assert await try_to_sign_in(town, await town.browser(known)) == IN


async def test_a_code_and_a_password_are_forgotten_by_the_page(town: Town) -> None:
    party = await town.browser()
    page = await party.start()

    answer = await party.browser.submit(
        page, username=town.owner.username, password="canary-password", browser_code="canary-code"
    )

    assert answer.status == 403
    assert "open" not in answer.page.get("details").attributes
    assert "canary" not in answer.text


async def test_a_code_is_shown_only_to_a_signed_in_user(town: Town) -> None:
    party = await town.browser()
    first = await party.start()

    assert not first.page.find_all("details")
    assert not first.page.find_all("input", name="browser_code")
    assert not (await party.browser.get(f"{party.issuer}/login")).page.find_all(class_="code")


async def test_every_replica_takes_the_code_of_any_other(town: Town) -> None:
    codes = []
    for maker in (0, 1):
        shows = place(await town.browser(replica=maker), new_address())
        await shows.authorize()
        codes.append((await shows.browser.get(f"{shows.issuer}/login")).page.get(class_="code").text)
    await town.spend("name")

    for code, taker in zip(codes, (1, 0), strict=True):
        takes = place(await town.browser(replica=taker), new_address())
        assert await try_to_sign_in(town, takes, code=code) == IN
