"""The password pool: bounded, shedding, and the same for every account."""

import asyncio
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from valetkey.authorize.login import password as password_module
from valetkey.authorize.login.fair_queue import Source
from valetkey.authorize.login.password import MAX_PARAMETERS, PasswordCheck, PasswordPool
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.password_hash import PasswordCosts, parameters_of, verify_password

CHEAP = PasswordCosts(time_cost=1, memory_cost=8192)
HASHER = PasswordHasher(1, 8192, 1)
HASH = HASHER.hash("correct horse")


@pytest.fixture
def pool() -> Iterator[PasswordPool]:
    pool = PasswordPool(CHEAP, max_length=64, workers=1, queue=2)
    yield pool
    pool.close()


class Gate:
    """Holds the pool's threads where they hash, until opened."""

    def __init__(self, pool: PasswordPool, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = threading.Event()
        self.hashed: list[str | None] = []
        monkeypatch.setattr(pool, "_check", self._check)

    def _check(self, password: str, _password_hash: str | None) -> PasswordCheck:
        self.opened.wait(10)
        self.hashed.append(password)
        return PasswordCheck(is_right=True)


async def test_the_right_password_is_right(pool: PasswordPool) -> None:
    assert await pool.check("correct horse", HASH) == PasswordCheck(is_right=True)


@pytest.mark.parametrize(
    ("password", "password_hash"),
    [
        ("wrong horse", HASH),
        ("", HASH),
        ("correct horse ", HASH),
        ("correct horse", None),
        ("correct horse", ""),
        ("correct horse", "$argon2id$broken"),
        ("correct horse", "correct horse"),
    ],
    ids=["other", "empty", "longer", "no hash", "empty hash", "broken hash", "a plain password"],
)
async def test_anything_else_is_wrong(pool: PasswordPool, password: str, password_hash: str | None) -> None:
    assert await pool.check(password, password_hash) == PasswordCheck(is_right=False)


async def test_a_hash_of_other_parameters_is_replaced_when_the_password_is_right(pool: PasswordPool) -> None:
    old = PasswordHasher(2, 8192, 1).hash("correct horse")

    right, wrong = await pool.check("correct horse", old), await pool.check("wrong", old)

    assert right.new_hash is not None
    assert HASHER.verify(right.new_hash, "correct horse")
    assert not HASHER.check_needs_rehash(right.new_hash)
    assert wrong.new_hash is None


@pytest.mark.requirement("security 41: passwords capped in length")
async def test_a_password_beyond_the_cap_is_wrong_and_never_hashed(pool: PasswordPool) -> None:
    longest, longer = "é" * 32, "é" * 32 + "a"

    assert (await pool.check(longest, HASHER.hash(longest))).is_right
    assert not (await pool.check(longer, HASHER.hash(longer))).is_right


@pytest.mark.requirement("security 41: hashing in a bounded pool that sheds load")
async def test_a_full_pool_refuses_at_once_and_recovers(pool: PasswordPool, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(pool, monkeypatch)
    waiting = [asyncio.create_task(pool.check(f"p{number}", HASH)) for number in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(TemporarilyUnavailable) as refused:
        await pool.check("one too many", HASH)
    gate.opened.set()

    assert refused.value.retry_after > 0
    assert all(check.is_right for check in await asyncio.gather(*waiting))
    assert (await pool.check("afterwards", HASH)).is_right
    assert "one too many" not in gate.hashed


async def test_a_request_that_hangs_up_frees_no_place_while_its_hash_is_computed(
    pool: PasswordPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(pool, monkeypatch)
    waiting = [asyncio.create_task(pool.check(f"p{number}", HASH)) for number in range(3)]
    await asyncio.sleep(0.05)

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    # The two that had not begun are gone; the one under way still holds its place.
    others = [asyncio.create_task(pool.check(f"q{number}", HASH)) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TemporarilyUnavailable):
        await pool.check("one too many", HASH)
    gate.opened.set()
    await asyncio.gather(*others)

    assert gate.hashed == ["p0", "q0", "q1"]


async def test_a_closed_pool_says_that_it_is_unavailable(pool: PasswordPool) -> None:
    pool.close()

    with pytest.raises(TemporarilyUnavailable):
        await pool.check("correct horse", HASH)


OLD, OLDER, LANES = PasswordHasher(2, 8192, 1), PasswordHasher(1, 4096, 1), PasswordHasher(1, 8192, 2)
POPULATIONS = {
    "none": (),
    "new": (HASHER,),
    "old": (OLD,),
    "old and new": (OLD, HASHER),
    "every age": (OLDER, OLD, LANES, HASHER),
}


class Work:
    """The parameters of every hash that is verified, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str | None] = []
        monkeypatch.setattr(password_module, "verify_password", self._verify)

    def _verify(self, password_hash: str, password: str) -> bool:
        self.done.append(parameters_of(password_hash))
        return verify_password(password_hash, password)

    async def of(self, pool: PasswordPool, password: str, password_hash: str | None) -> Counter[str | None]:
        self.done.clear()
        await pool.check(password, password_hash)
        return Counter(self.done)


def parameters(hasher: PasswordHasher) -> str:
    return parameters_of(hasher.hash("x")) or ""


@pytest.mark.requirement("security 39: known and unknown users take the same, whatever hashes are stored")
@pytest.mark.parametrize("population", POPULATIONS)
async def test_a_wrong_password_costs_one_hash_of_each_kind_for_every_name(
    pool: PasswordPool, monkeypatch: pytest.MonkeyPatch, population: str
) -> None:
    hashers, work = POPULATIONS[population], Work(monkeypatch)
    pool.expect([parameters(hasher) for hasher in hashers])
    stored = [None, "", "$argon2id$broken", *(hasher.hash("right") for hasher in hashers)]

    costs = [await work.of(pool, "wrong", password_hash) for password_hash in stored]

    assert costs == [Counter({parameters(hasher): 1 for hasher in {*hashers, HASHER}})] * len(stored)


@pytest.mark.requirement("security 39: known and unknown users take the same, whatever hashes are stored")
async def test_an_unexpected_kind_costs_every_check_from_its_first_one_on(
    pool: PasswordPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(monkeypatch)

    before = await work.of(pool, "wrong", None)
    met = await work.of(pool, "wrong", OLD.hash("right"))
    after = await work.of(pool, "wrong", None)
    pool.expect([parameters(HASHER)])
    gone = await work.of(pool, "wrong", None)

    assert before == gone == {parameters(HASHER): 1}
    assert met == after == {parameters(HASHER): 1, parameters(OLD): 1}


async def test_a_right_password_costs_its_own_hash_alone(pool: PasswordPool, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch)
    pool.expect([parameters(OLD), parameters(OLDER)])

    assert await work.of(pool, "right", OLD.hash("right")) == {parameters(OLD): 1}
    assert await work.of(pool, "right", HASHER.hash("right")) == {parameters(HASHER): 1}


async def test_what_a_wrong_password_costs_is_bounded(pool: PasswordPool, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch)
    pool.expect([f"$argon2id$v=19$m={8 * number},t=1,p=1$" for number in range(1, 50)])

    for number in range(50, 60):
        cost = await work.of(pool, "wrong", PasswordHasher(1, 8 * number, 1).hash("right"))

    assert cost.total() <= MAX_PARAMETERS + 1
    assert (await work.of(pool, "wrong", None)).total() == MAX_PARAMETERS


async def test_no_password_matches_the_decoy_hash(pool: PasswordPool) -> None:
    pool.expect([parameters(OLD)])

    for password in ("", "right", "unknown"):
        assert not (await pool.check(password, None)).is_right


@pytest.mark.requirement("security 39: known and unknown users look and take the same (dummy hash)")
async def test_unknown_users_cost_as_much_as_known_ones(pool: PasswordPool, monkeypatch: pytest.MonkeyPatch) -> None:
    check, spent = pool._check, list[float]()  # noqa: SLF001 - what its threads run

    def measured(password: str, password_hash: str | None) -> PasswordCheck:
        # Of this thread alone: how long it takes depends on what else runs.
        began = time.thread_time()
        result = check(password, password_hash)
        spent.append(time.thread_time() - began)
        return result

    monkeypatch.setattr(pool, "_check", measured)
    for _ in range(15):
        await pool.check("wrong horse", HASH)
        await pool.check("wrong horse", None)

    known, unknown = statistics.median(spent[::2]), statistics.median(spent[1::2])
    assert 0.5 < unknown / known < 2


@pytest.mark.requirement("security 41: hashing in a bounded pool that sheds load")
async def test_what_has_waited_until_the_deadline_is_sent_away_and_never_hashed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = PasswordPool(CHEAP, max_length=64, workers=1, queue=2, deadline=timedelta(milliseconds=50))
    gate = Gate(pool, monkeypatch)
    under_way = asyncio.create_task(pool.check("under way", HASH))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(pool.check(f"w{number}", HASH)) for number in range(2)]

    shed = await asyncio.gather(*waiting, return_exceptions=True)
    # Their places are free again, while the thread is still busy.
    monkeypatch.setattr(pool, "_deadline", 10.0)
    others = [asyncio.create_task(pool.check(f"o{number}", HASH)) for number in range(2)]
    await asyncio.sleep(0)
    gate.opened.set()

    assert [(type(error), getattr(error, "retry_after", 0)) for error in shed] == [(TemporarilyUnavailable, 2)] * 2
    assert (await under_way).is_right
    assert all(check.is_right for check in await asyncio.gather(*others))
    assert gate.hashed == ["under way", "o0", "o1"]
    pool.close()


def source(name: str, place: str = "") -> Source:
    return Source(name, place or f"address of {name}")


@pytest.mark.requirement("security 41: a flood of one account or address does not delay other logins")
async def test_others_are_hashed_before_a_flood_and_it_makes_room_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = PasswordPool(CHEAP, max_length=64, workers=1, queue=10)
    gate = Gate(pool, monkeypatch)
    flood = [asyncio.create_task(pool.check(f"guess {n}", HASH, source("victim", f"bot {n}"))) for n in range(11)]
    await asyncio.sleep(0)

    people = [asyncio.create_task(pool.check(name, HASH, source(name))) for name in ("ada", "grace", "alan")]
    await asyncio.sleep(0)
    gate.opened.set()
    answers = await asyncio.gather(*people)
    guesses = await asyncio.gather(*flood, return_exceptions=True)

    assert all(answer.is_right for answer in answers)
    assert gate.hashed[:4] == ["guess 0", "ada", "grace", "alan"]
    assert [isinstance(guess, TemporarilyUnavailable) for guess in guesses] == [False] * 8 + [True] * 3
    pool.close()


async def test_what_waits_when_the_pool_closes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = PasswordPool(CHEAP, max_length=64, workers=1, queue=2)
    gate = Gate(pool, monkeypatch)
    checks = [asyncio.create_task(pool.check(f"p{number}", HASH)) for number in range(3)]
    await asyncio.sleep(0)

    threading.Timer(0.05, gate.opened.set).start()
    await asyncio.to_thread(lambda: None)
    pool.close()
    results = await asyncio.gather(*checks, return_exceptions=True)

    assert isinstance(results[0], PasswordCheck)
    assert all(isinstance(result, TemporarilyUnavailable) for result in results[1:])


async def test_what_goes_wrong_in_a_thread_is_told_and_frees_it(
    pool: PasswordPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_password: str, _password_hash: str | None) -> PasswordCheck:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(pool, "_check", fail)
        results = await asyncio.gather(*(pool.check("x", HASH) for _ in range(3)), return_exceptions=True)

    assert all(isinstance(result, MemoryError) for result in results)
    assert (await pool.check("correct horse", HASH)).is_right


DECOMPOSED, COMPOSED = "pa\u0308ssword", "p\u00e4ssword"


@pytest.mark.requirement("NIST SP 800-63B §3.1.1.2: passwords are normalized; what was stored before is tried too")
async def test_a_hash_of_what_was_typed_lets_in_and_becomes_one_of_the_one_spelling(pool: PasswordPool) -> None:
    old = await pool.check(DECOMPOSED, HASHER.hash(DECOMPOSED))
    new = await pool.check(DECOMPOSED, HASHER.hash(COMPOSED))

    assert old.is_right
    assert old.new_hash is not None
    assert verify_password(old.new_hash, COMPOSED)
    assert new == PasswordCheck(is_right=True)
    assert not (await pool.check("passwo\u0308rd", HASHER.hash(DECOMPOSED))).is_right


@pytest.mark.requirement("security 39: known and unknown users take the same, whatever hashes are stored")
@pytest.mark.parametrize("password", [DECOMPOSED, COMPOSED, "password"])
async def test_a_second_spelling_costs_the_same_whatever_is_stored(
    pool: PasswordPool, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    bcrypt_hash = "$2b$04$" + "a" * 53
    pool.expect(["$2b$04$"])
    hashed: list[str] = []
    monkeypatch.setattr(
        password_module, "verify_password", lambda stored, typed: hashed.append(f"{parameters_of(stored)} {typed}")
    )
    found = []
    for stored in (HASH, bcrypt_hash, None):
        hashed.clear()
        assert not (await pool.check(password, stored)).is_right
        found.append(Counter(hashed))

    assert found[0] == found[1] == found[2]
    assert found[0].total() == (4 if password == DECOMPOSED else 2)
