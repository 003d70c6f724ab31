"""What is made while something ends has ended too: makers who never rest, on every replica, and many rounds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from support.browser import query_of
from support.fleet import Fleet
from support.relying_party import CodeResponse
from support.systems import running_system
from support.tier import rounds
from valetkey.authorize.login import password
from valetkey.runtime.password_hash import verify_password

if TYPE_CHECKING:
    from support.administration import Administration
    from support.relying_party import RelyingParty
    from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

ROUNDS = rounds(2, nightly=8)
MAKERS = 4
REPLICAS = 2
SCOPE = "openid offline_access api:read"

pytestmark = pytest.mark.requirement("security 55a: what races with an ending has ended with it")


@pytest.fixture(scope="module")
def fleet(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[Fleet]:
    with running_system(postgres_server, migrated_template, replicas=REPLICAS) as system:
        yield Fleet(system, system.run(system.administration.create_catalog()))


async def while_made(make: Callable[[int], Awaitable[None]], end: Callable[[], Awaitable[None]], enough: int) -> None:
    """End something while makers are busy, each at one replica, once there is ``enough``; then let them finish."""
    is_over, made, several = asyncio.Event(), 0, asyncio.Event()

    async def busy(number: int) -> None:
        nonlocal made
        while not is_over.is_set():
            await make(number % REPLICAS)
            made += 1
            if made >= enough:
                several.set()

    async with asyncio.TaskGroup() as group:
        for number in range(MAKERS):
            group.create_task(busy(number))
        await several.wait()
        await end()
        is_over.set()


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("how", ["disable", "disable and enable", "delete", "end everything"])
async def test_no_token_of_a_machine_survives_its_end(fleet: Fleet, how: str, round_: int) -> None:
    machine, api, tokens = await fleet.new_machine(), fleet.new_api(), list[str]()
    operator, before = fleet.system.administration, list[str]()

    async def make(number: int) -> None:
        reply = await fleet.at(machine, "token", number).token("client_credentials")
        if reply.status == 200:
            tokens.append(reply.access_token)

    async def end() -> None:
        if how == "end everything":
            # A token may be made after it has been done, and before its answer.
            before.extend(tokens)
            await operator.end_everything()
        elif how == "delete":
            await operator.delete_client(machine.client)
        else:
            await operator.disable_client(machine.client)
        if how == "disable and enable":
            before.extend(tokens)
            await operator.enable_client(machine.client)

    await while_made(make, end, enough=4 * MAKERS + round_)

    active = await fleet.active(api, before or tokens)
    assert len(active) > MAKERS
    assert not any(active)
    for party in (machine, api):
        await party.browser.close()


@dataclass
class Made:
    """Codes, and what some of them were redeemed for."""

    codes: list[CodeResponse] = field(default_factory=list)
    refresh_tokens: list[str] = field(default_factory=list)
    access_tokens: list[str] = field(default_factory=list)

    def copy(self) -> Made:
        return Made([*self.codes], [*self.refresh_tokens], [*self.access_tokens])

    async def alive(self, fleet: Fleet, party: RelyingParty, api: RelyingParty) -> list[bool]:
        """Of each, whether it is good: codes are redeemed, tokens refreshed."""
        redeemed = [await fleet.at(party, "token", 0).redeem(code) for code in self.codes]
        refreshed = [await fleet.at(party, "token", 1).refresh(token) for token in self.refresh_tokens]
        return [reply.status == 200 for reply in redeemed + refreshed] + await fleet.active(api, self.access_tokens)


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("how", ["withdraw", "disable", "disable and enable", "password", "end everything"])
async def test_no_code_or_grant_survives_the_end_of_what_it_was_made_from(fleet: Fleet, how: str, round_: int) -> None:
    party, api, operator = await fleet.new_party(), fleet.new_api(), fleet.system.administration
    await party.log_in(scope=SCOPE)
    made, before = Made(), Made()

    async def make(number: int) -> None:
        code = await _code_without_a_page(fleet.at(party, "authorize", number))
        if code is None:
            return
        made.codes.append(code)
        if len(made.codes) % 2:
            reply = await fleet.at(party, "token", 1 - number).redeem(code)
            if reply.status == 200:
                made.refresh_tokens.append(reply.refresh_token)
                made.access_tokens.append(reply.access_token)

    async def end() -> None:
        nonlocal before
        await _end(operator, party, how)
        if how == "disable and enable":
            before = made.copy()
            await operator.enable_client(party.client)

    await while_made(make, end, enough=2 * MAKERS + round_)

    ended = before if before.codes else made
    assert ended.refresh_tokens
    assert not any(await ended.alive(fleet, party, api))
    for each in (party, api):
        await each.browser.close()


async def _end(operator: Administration, party: RelyingParty, how: str) -> None:
    assert party.person is not None
    match how:
        case "withdraw":
            await operator.withdraw_consent(party.person, party.client)
        case "password":
            await operator.set_password(party.person, "another horse")
        case "end everything":
            await operator.end_everything()
        case _:
            await operator.disable_client(party.client)


async def _code_without_a_page(party: RelyingParty) -> CodeResponse | None:
    verifier = "v" * 43
    answer = await party.start(verifier, scope=SCOPE, prompt="none")
    if not answer.is_redirect or not answer.location.startswith(party.client.redirect_uri):
        return None
    params = query_of(answer.location)
    return CodeResponse(params, verifier) if "code" in params else None


@contextmanager
def slow_hashes() -> Iterator[tuple[threading.Event, threading.Event]]:
    """Hashing begins, and ends when it is told to: the first event says that it has begun, the second tells it."""
    begun, told = threading.Event(), threading.Event()

    def verify_slowly(password_hash: str, typed: str) -> bool:
        is_right = verify_password(password_hash, typed)
        begun.set()
        assert told.wait(20)
        return is_right

    with patch.object(password, "verify_password", verify_slowly):
        yield begun, told


@pytest.mark.parametrize("how", ["password", "disable", "disable and enable", "delete", "end everything"])
@pytest.mark.parametrize("again", [False, True], ids=["first login", "login in a signed-in browser"])
async def test_a_login_whose_user_ends_while_the_password_is_hashed_comes_to_nothing(
    fleet: Fleet, how: str, again: bool
) -> None:
    party, operator = await fleet.new_party(), fleet.system.administration
    person = party.person
    assert person is not None
    if again:
        await party.log_in(scope=SCOPE)
    cookies = dict(party.browser.cookies)
    page = await party.start(scope=SCOPE, prompt="login")

    with slow_hashes() as (begun, told):
        login = asyncio.create_task(party.browser.submit(page, username=person.username, password=person.password))
        await asyncio.to_thread(begun.wait, 20)
        match how:
            case "password":
                await operator.set_password(person, "another horse")
            case "delete":
                await operator.delete_user(person)
            case "end everything":
                await operator.end_everything()
            case _:
                await operator.disable_user(person)
                if how == "disable and enable":
                    await operator.enable_user(person)
        told.set()
        answer = await login

    # As with a wrong password: the page again, and no user is signed in.
    assert answer.status == 403
    assert answer.page.find_all("form")
    assert party.browser.cookies.get("vk_session") == cookies.get("vk_session")
    assert (await party.browser.get(f"{party.issuer}/login")).status != 200
    await party.browser.close()


async def test_a_session_that_ends_while_its_user_signs_in_again_does_not_come_back(fleet: Fleet) -> None:
    party, operator = await fleet.new_party(), fleet.system.administration
    person = party.person
    assert person is not None
    bound = await party.log_in(scope="openid api:read")
    code = await party.authorize(scope="openid api:read")
    page = await party.start(scope=SCOPE, prompt="login")

    with slow_hashes() as (begun, told):
        login = asyncio.create_task(party.browser.submit(page, username=person.username, password=person.password))
        await asyncio.to_thread(begun.wait, 20)
        await operator.end_sessions(person)
        told.set()
        answer = await login

    # The password was right, so there is a session: another one, to which nothing of the first is bound.
    assert answer.is_redirect
    assert (await party.browser.get(f"{party.issuer}/login")).status == 200
    assert (await party.refresh(bound.refresh_token)).error == "invalid_grant"
    assert (await party.redeem(code)).error == "invalid_grant"
    await party.browser.close()
