"""Security 39 and 40: no run of guesses tells whether a name means an account, or whether two mean the same one.

What is compared is everything that an observer sees, answer by answer, and the work behind it. Time is not measured: it
follows from the work, and a clock would only find what is large.
"""

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace

import pytest

from support.administration import Administration
from support.browser import Answer
from support.client_address import new_address
from support.relying_party import ClientIdentity, Person, RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem
from support.tier import combinations
from valetkey.authorize.login import password as password_module
from valetkey.runtime.password_hash import parameters_of, verify_password
from valetkey.runtime.telemetry.metric import REGISTRY

PER_ACCOUNT = 3
WRONG = "not the password"
REPLICAS = 2
VARIES = {"X-Trace-Id", "Date", "Content-Length"}
OPERATIONS = "db_client_operation_duration_seconds_count"
# Status, text, headers, length, names of cookies.
Seen = tuple[int, str, tuple[tuple[str, str], ...], int, tuple[str, ...]]
# Hashes by their parameters, exchanges with the stores by their name.
Cost = tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]
# Names a and b: in turn, one until it is spent and then the other, and the other way round.
ATTACKS = {
    "one until it is spent, then the other": "aaaabbbb",
    "in turn": "abababab",
    "one to its end, then one of the other": "aaab",
    "the second first": "bbbbaaaa",
}
MEANINGS = (
    "one account",
    "one account, the other way round",
    "one account with an old hash",
    "two accounts",
    "two accounts, one with an old hash",
    "one account, one disabled",
    "one account, one deleted",
    "one unknown",
    "the other unknown",
    "both unknown",
)


@pytest.fixture(scope="module")
def guarded(start_system: StartSystem) -> System:
    """A system with small budgets, behind a proxy that it trusts."""
    return start_system(
        replicas=REPLICAS,
        changes={"login_attempts_per_account": str(PER_ACCOUNT), "trusted_proxies": "127.0.0.1/32"},
    )


@dataclass(frozen=True)
class Names:
    """Two names that an attacker tries, and what they mean."""

    system: System

    @property
    def administration(self) -> Administration:
        return self.system.administration

    @property
    def with_old_hashes(self) -> Administration:
        settings = replace(self.system.settings, password_time_cost=self.system.settings.password_time_cost + 1)
        return replace(self.administration, settings=settings)

    async def of(self, meaning: str) -> dict[str, str]:
        administration, unknown = self.administration, f"unknown-{secrets.token_hex(4)}"
        one, another = await administration.create_user(), await administration.create_user()
        person, other, old = one.username, another.username, (await self.with_old_hashes.create_user()).username
        if meaning == "one account, one disabled":
            await administration.disable_user(another)
        if meaning == "one account, one deleted":
            await administration.delete_user(another)
        first, second = {
            "one account": (person, f"{person}@example.com"),
            "one account, the other way round": (f"{person}@example.com", person),
            "one account with an old hash": (old, f"{old}@example.com"),
            "two accounts": (person, f"{other}@example.com"),
            "two accounts, one with an old hash": (person, old),
            "one account, one disabled": (f"{person}@example.com", other),
            "one account, one deleted": (f"{person}@example.com", other),
            "one unknown": (person, f"{unknown}@example.com"),
            "the other unknown": (unknown, f"{person}@example.com"),
            "both unknown": (unknown, f"{unknown}@example.com"),
        }[meaning]
        return {"a": first, "b": second}


class Attacker:
    """An attacker with many addresses, a browser for each guess, and perhaps a device cookie."""

    def __init__(self, make_party: MakeParty, system: System, client: ClientIdentity, device: str | None) -> None:
        self._make_party = make_party
        self._system = system
        self._client = client
        self._device = device

    async def browser(self, replica: int) -> RelyingParty:
        party: RelyingParty = await self._make_party(self._client, Person("", ""), at=self._system)
        party.browser.origin, party.issuer = self._system.origin, self._system.urls["authorize"][replica % REPLICAS]
        party.browser.headers["X-Forwarded-For"] = new_address()
        party.browser.cookies = {} if self._device is None else {"vk_device": self._device}
        return party

    async def guess(self, name: str, replica: int, password: str = WRONG) -> Seen:
        """All that is to be seen of one guess."""
        party = await self.browser(replica)
        return seen(await party.sign_in(await party.start(), Person(name, password)), party, name)


def seen(answer: Answer, party: RelyingParty, typed: str) -> Seen:
    """Everything an observer could compare, without what differs between any two requests."""
    text = re.sub(r"[A-Za-z0-9_-]{43}|[0-9a-f]{32}|web-[0-9a-f]{8}|127\.0\.0\.1:\d+", "*", answer.text)
    value = answer.page.get("input", name="username").attributes["value"]
    assert value == typed[:254]
    text = re.sub(r'(name="username" type="text" dir="auto" value=")[^"]*"', r'\1*"', text)
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in VARIES)
    length = len(answer.body) - len(value.encode())
    return answer.status, text, tuple(headers), length, tuple(sorted(party.browser.cookies))


def statuses(answers: Sequence[Seen]) -> list[int]:
    return [each[0] for each in answers]


def exchanges() -> Counter[str]:
    """What was asked of the stores so far, by what it was for."""
    found = Counter[str]()
    for family in REGISTRY.collect():
        for sample in family.samples:
            if sample.name == OPERATIONS:
                found[sample.labels["db_operation_name"]] += int(sample.value)
    return found


class Work:
    """What the services do for a guess: hashes by their parameters, and exchanges with the stores."""

    _OF_LOGINS = ("login_attempts", "users.find_by_login_name", "interactions.find", "sessions.find")

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._hashed = Counter[str]()
        monkeypatch.setattr(password_module, "verify_password", self._verify)

    def _verify(self, password_hash: str, password: str) -> bool:
        self._hashed[parameters_of(password_hash) or ""] += 1
        return verify_password(password_hash, password)

    async def of(self, guess: Awaitable[Seen]) -> tuple[Seen, Cost]:
        """What was seen, and what it took."""
        before = exchanges()
        self._hashed.clear()
        answer = await guess
        asked = exchanges() - before
        return answer, (tuple(sorted(self._hashed.items())), tuple((name, asked[name]) for name in self._OF_LOGINS))


@pytest.fixture
async def client(guarded: System) -> ClientIdentity:
    return await guarded.administration.create_web_client()


DEVICES = ("no device", "a device of another account", "a forged device")


@pytest.fixture(params=DEVICES)
async def attacker(
    request: pytest.FixtureRequest, make_party: MakeParty, guarded: System, client: ClientIdentity
) -> Attacker:
    """With and without a browser in which a user has signed in."""
    device = None
    if request.param == "a device of another account":
        own: RelyingParty = await make_party(client, at=guarded)
        await own.authorize()
        device = own.browser.cookies["vk_device"]
    elif request.param == "a forged device":
        device = f"{'A' * 22}.{'B' * 43}"
    return Attacker(make_party, guarded, client, device)


@pytest.fixture
async def expects_both_costs(guarded: System, make_party: MakeParty) -> None:
    """Every replica has met hashes of both costs, as each learns within minutes."""
    old = await Names(guarded).with_old_hashes.create_user()
    for url in guarded.urls["authorize"]:
        party: RelyingParty = await make_party(person=old, at=guarded)
        party.browser.origin, party.issuer = guarded.origin, url
        await party.sign_in(await party.start(), Person(old.username, WRONG))


@pytest.mark.requirement("security 39: no answer tells whether a name means an account, or two the same one")
@pytest.mark.usefixtures("expects_both_costs")
@pytest.mark.parametrize(("attacker", "attack"), combinations(DEVICES, ATTACKS), indirect=["attacker"])
async def test_a_run_of_guesses_looks_and_costs_the_same_whatever_the_names_mean(
    attacker: Attacker, guarded: System, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    order, work = ATTACKS[attack], Work(monkeypatch)
    runs: dict[str, list[tuple[Seen, Cost]]] = {}

    for meaning in MEANINGS:
        names = await Names(guarded).of(meaning)
        runs[meaning] = [await work.of(attacker.guess(names[which], number)) for number, which in enumerate(order)]

    expected = runs["both unknown"]
    assert {meaning for meaning, run in runs.items() if run != expected} == set()
    told = [order[:number].count(which) >= PER_ACCOUNT for number, which in enumerate(order)]
    assert statuses([answer for answer, _ in expected]) == [429 if each else 403 for each in told]
    # A guess that is told to wait costs no hash, every other one of each kind.
    assert [len(hashed) for _, (hashed, _) in expected] == [0 if each else 2 for each in told]


@pytest.mark.requirement("security 39: no answer tells whether a name means an account, or two the same one")
@pytest.mark.parametrize(("attacker", "guesses"), combinations(DEVICES, [2, 5]), indirect=["attacker"])
async def test_guesses_at_once_on_every_replica_tell_no_more(attacker: Attacker, guarded: System, guesses: int) -> None:
    runs: dict[str, list[Counter[Seen]]] = {}

    for meaning in MEANINGS:
        names = await Names(guarded).of(meaning)
        gate = asyncio.Barrier(2 * guesses)

        async def at_once(name: str, replica: int, gate: asyncio.Barrier = gate) -> Seen:
            party = await attacker.browser(replica)
            page = await party.start()
            await gate.wait()
            return seen(await party.sign_in(page, Person(name, WRONG)), party, name)

        answers = await asyncio.gather(
            *(at_once(names[which], number) for number in range(guesses) for which in ("a", "b"))
        )
        runs[meaning] = [Counter(answers[0::2]), Counter(answers[1::2])]

    expected = runs["both unknown"]
    assert {meaning for meaning, run in runs.items() if run != expected} == set()
    within = min(guesses, PER_ACCOUNT)
    assert [sorted(each[0] for each in run.elements()) for run in expected] == [
        [403] * within + [429] * (guesses - within)
    ] * 2


@pytest.mark.requirement("security 40: what is refused in silence looks and costs like a wrong password")
@pytest.mark.usefixtures("expects_both_costs")
@pytest.mark.parametrize(
    ("attacker", "kind"), combinations(DEVICES, ["new hash", "old hash", "disabled"]), indirect=["attacker"]
)
async def test_a_right_password_that_does_not_count_is_answered_as_a_wrong_one(
    attacker: Attacker, guarded: System, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    names, work = Names(guarded), Work(monkeypatch)
    person = await (names.with_old_hashes if kind == "old hash" else names.administration).create_user()
    if kind == "disabled":
        await names.administration.disable_user(person)
    mail = f"{person.username}@example.com"
    for number in range(PER_ACCOUNT - 1):
        await attacker.guess(person.username, number)

    last = await work.of(attacker.guess(mail, 0))
    right = await work.of(attacker.guess(mail, 1, person.password))
    wrong = await work.of(attacker.guess(mail, 2))
    unknown = await work.of(attacker.guess(f"unknown-{secrets.token_hex(4)}", 3))

    assert last == right == wrong == unknown
    assert right[0][0] == 403


@pytest.mark.requirement("security 39: the cookie of a device does not tell which names its account has")
@pytest.mark.parametrize("attack", ATTACKS)
async def test_answers_to_the_device_of_an_account_are_those_to_unknown_browsers(
    make_party: MakeParty, guarded: System, client: ClientIdentity, attack: str
) -> None:
    administration = guarded.administration
    runs = {}
    for meaning in ("its own names", "its user name", "names of another", "unknown names"):
        owner, other = [await administration.create_user() for _ in range(2)]
        party: RelyingParty = await make_party(client, owner, at=guarded)
        await party.authorize()
        attacker = Attacker(make_party, guarded, client, party.browser.cookies["vk_device"])
        names = {
            "its own names": (owner.username, f"{owner.username}@example.com"),
            "its user name": (owner.username, other.username),
            "names of another": (other.username, f"{other.username}@example.com"),
            "unknown names": ("unknown" + secrets.token_hex(4), "unknown" + secrets.token_hex(4)),
        }[meaning]

        runs[meaning] = [
            await attacker.guess(names["ab".index(which)], number) for number, which in enumerate(ATTACKS[attack])
        ]

    expected = runs["unknown names"]
    assert {meaning for meaning, run in runs.items() if run != expected} == set()
    assert {status for status, *_ in expected} == {403, 429} or attack.startswith("one to its end")


@pytest.mark.requirement("security 40: all names of an account together are worth one budget")
async def test_all_names_together_are_as_many_guesses_as_one(
    attacker: Attacker, guarded: System, make_party: MakeParty, client: ClientIdentity
) -> None:
    for before in range(2 * PER_ACCOUNT):
        person = await guarded.administration.create_user()
        typed = [person.username, f"{person.username}@example.com"]
        for number in range(before):
            await attacker.guess(typed[number % 2], number)

        party: RelyingParty = await make_party(client, person, at=guarded)
        answer = await party.sign_in(await party.start(), Person(typed[before % 2], person.password))

        assert (answer.status not in {403, 429}) is (before < PER_ACCOUNT)
