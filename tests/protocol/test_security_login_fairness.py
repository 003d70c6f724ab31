"""Security 41: parallel guesses at one account, or from one address, do not delay logins of other accounts.

Tested by the order in which passwords are hashed, not by time: the threads wait until every request is in the queue.
"""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from support.browser import Answer
from support.eventually import eventually
from support.front_channel import heading
from support.relying_party import Person, RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem
from valetkey.authorize.login.fair_queue import FairQueue
from valetkey.authorize.login.password import PasswordCheck, PasswordPool

WORKERS, QUEUE = 1, 15
SIZE = WORKERS + QUEUE
BUSY = "We cannot check passwords right now. Wait a moment, then try again."


@pytest.fixture(scope="module")
def busy(start_system: StartSystem) -> System:
    """A system with a short queue, behind a proxy that it trusts, where attempts are not what runs out."""
    return start_system(
        changes={
            "password_workers": str(WORKERS),
            "password_queue": str(QUEUE),
            "password_deadline": "60s",
            "login_attempts_per_account": "1000",
            "trusted_proxies": "127.0.0.1/32",
        }
    )


class Threads:
    """The threads that hash, held until opened; which passwords came to the queue, and in which order they left it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arrived = 0
        self.hashed: list[str] = []
        self.opened = threading.Event()
        hash_password, enter = vars(PasswordPool)["_check"], FairQueue.enter

        def hash_when_opened(pool: PasswordPool, password: str, password_hash: str | None) -> PasswordCheck:
            assert self.opened.wait(60)
            self.hashed.append(password)
            check: PasswordCheck = hash_password(pool, password, password_hash)
            return check

        def count_and_enter(queue: FairQueue[Any], entry: object) -> object:
            try:
                return enter(queue, entry)
            finally:
                self.arrived += 1

        monkeypatch.setattr(PasswordPool, "_check", hash_when_opened)
        monkeypatch.setattr(FairQueue, "enter", count_and_enter)

    async def until_arrived(self, count: int) -> None:
        async def have() -> bool:
            return self.arrived >= count

        await eventually(have, 30)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Threads]:
    threads = Threads(monkeypatch)
    yield threads
    threads.opened.set()


def at(party: RelyingParty, system: System, address: str) -> RelyingParty:
    """The same browser, seen at another address by the service itself."""
    party.browser.headers["X-Forwarded-For"] = address
    party.browser.origin = system.origin
    party.issuer = system.urls["authorize"][0]
    return party


async def guess(party: RelyingParty, name: str, number: int) -> Answer:
    return await party.sign_in(await party.start(prompt="login"), Person(name, f"guess {number}"))


FLOODS = ("one account, one address", "one account, many addresses", "many accounts, one address", "an unknown name")


async def flood_of(
    kind: str, count: int, make_party: MakeParty, busy: System, victim: Person
) -> list[asyncio.Task[Answer]]:
    """So many guesses at once."""
    tasks = []
    for number in range(count):
        address = f"198.51.100.{number}" if kind == "one account, many addresses" else "198.51.100.1"
        name = {
            "many accounts, one address": f"name-{number}",
            "an unknown name": "unknown-name",
        }.get(kind, victim.username)
        party = at(await make_party(at=busy), busy, address)
        tasks.append(asyncio.create_task(guess(party, name, number)))
    return tasks


@pytest.mark.requirement("security 41: a flood of one account or address does not delay other logins")
@pytest.mark.parametrize("kind", FLOODS)
@pytest.mark.parametrize("where", ["elsewhere", "at the same address"])
async def test_a_flood_is_hashed_after_the_password_of_another_account(
    make_party: MakeParty, busy: System, threads: Threads, kind: str, where: str
) -> None:
    victim, owner = await make_party(at=busy), await make_party(at=busy)
    assert victim.person is not None
    assert owner.person is not None
    at(owner, busy, "203.0.113.7" if where == "elsewhere" else "198.51.100.1")
    owner.person = Person(owner.person.username, owner.person.password, owner.person.subject)
    page = await owner.start(prompt="login consent")
    flood = await flood_of(kind, SIZE - 1, make_party, busy, victim.person)
    await threads.until_arrived(SIZE - 1)

    signing_in = asyncio.create_task(owner.sign_in(page))
    await threads.until_arrived(SIZE)
    threads.opened.set()
    answer = await signing_in
    guesses = await asyncio.gather(*flood)

    assert "asks for access" in heading(answer)
    assert {each.status for each in guesses} == {403}
    position = threads.hashed.index(owner.person.password)
    told_apart = (kind, where) != ("many accounts, one address", "at the same address")
    assert position == (1 if told_apart else SIZE - 1)


@pytest.mark.requirement("security 41: a flood of one account or address does not shut out other logins")
@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_that_fills_the_queue_makes_room(
    make_party: MakeParty, busy: System, threads: Threads, kind: str
) -> None:
    victim = await make_party(at=busy)
    assert victim.person is not None
    owners = [at(await make_party(at=busy), busy, f"203.0.113.{number}") for number in range(5)]
    pages = [await owner.start(prompt="login consent") for owner in owners]
    flood = await flood_of(kind, SIZE + 4, make_party, busy, victim.person)
    await threads.until_arrived(SIZE + 4)

    signing_in = [asyncio.create_task(owner.sign_in(page)) for owner, page in zip(owners, pages, strict=True)]
    await threads.until_arrived(SIZE + 4 + len(owners))
    threads.opened.set()
    answers = await asyncio.gather(*signing_in)
    guesses = await asyncio.gather(*flood)

    assert all("asks for access" in heading(answer) for answer in answers)
    shed = [each for each in guesses if each.status == 503]
    assert len(shed) == 4 + len(owners)
    assert [each.status for each in guesses].count(403) == SIZE - len(owners)
    assert all(each.page.get(id="error").text == BUSY for each in shed)
    # The guess under way, and one more of a place in which every guess is at an account of its own.
    assert sum(password.startswith("guess") for password in threads.hashed[: 2 + len(owners)]) <= 2


@pytest.mark.requirement("security 40: a lockout cannot be used to lock the owner out for good")
async def test_a_known_browser_does_not_wait_behind_its_address(
    make_party: MakeParty, busy: System, threads: Threads
) -> None:
    threads.opened.set()
    owner = at(await make_party(at=busy), busy, "198.51.100.1")
    victim = await make_party(at=busy)
    assert owner.person is not None
    assert victim.person is not None
    await owner.walk(await owner.start())
    page = await owner.start(prompt="login consent")
    threads.opened.clear()
    threads.arrived, threads.hashed = 0, []
    flood = await flood_of("many accounts, one address", SIZE - 1, make_party, busy, victim.person)
    await threads.until_arrived(SIZE - 1)

    signing_in = asyncio.create_task(owner.sign_in(page))
    await threads.until_arrived(SIZE)
    threads.opened.set()
    answer = await signing_in
    await asyncio.gather(*flood)

    assert "asks for access" in heading(answer)
    assert threads.hashed.index(owner.person.password) == 1


@pytest.mark.requirement("security 39: known and unknown users look and take the same")
async def test_the_order_does_not_tell_that_two_names_are_one_account(
    make_party: MakeParty, busy: System, threads: Threads
) -> None:
    victim = await make_party(at=busy)
    assert victim.person is not None
    address = f"{victim.person.username}@example.com"
    flood = await flood_of("one account, many addresses", 5, make_party, busy, victim.person)
    await threads.until_arrived(5)

    others = []
    for number, name in enumerate((address, "unknown@example.com"), 100):
        party = at(await make_party(at=busy), busy, f"203.0.113.{number}")
        others.append(asyncio.create_task(guess(party, name, number)))
        await threads.until_arrived(6 + number - 100)
    threads.opened.set()
    statuses = [(await each).status for each in [*flood, *others]]

    assert set(statuses) == {403}
    assert threads.hashed[1:3] == ["guess 100", "guess 101"]
