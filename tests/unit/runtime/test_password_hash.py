"""Hashes of passwords: what others can verify, what others have made, and what they leave behind."""

import subprocess
import sys

import pytest
from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

from valetkey.runtime.password_hash import PasswordCosts, decoy, parameters_of, verify_password
from valetkey.runtime.settings.settings import Settings

CHEAP = PasswordCosts(time_cost=1, memory_cost=8192)
PASSWORD = "pässword ☂\0 and more"
# The default costs, in two threads as authorize has them; prints how many megabytes the process has grown by.
HASHES = """
import gc, psutil
from concurrent.futures import ThreadPoolExecutor
from valetkey.runtime.password_hash import PasswordCosts, verify_password

costs = PasswordCosts(2, 19456)
process, made = psutil.Process(), PasswordCosts(1, 8).hash("warm")
with ThreadPoolExecutor(2) as threads:
    list(threads.map(lambda _: verify_password(made, "warm"), range(8)))
    before = process.memory_info().rss
    hashes = list(threads.map(costs.hash, ["password"] * 4))
    assert all(threads.map(verify_password, hashes, ["password"] * 4))
    print((process.memory_info().rss - before) / 1e6)
"""


def test_a_hash_is_what_another_implementation_understands() -> None:
    made = CHEAP.hash(PASSWORD)

    assert PasswordHasher().verify(made, PASSWORD)
    assert not PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).check_needs_rehash(made)
    assert made != CHEAP.hash(PASSWORD)


@pytest.mark.parametrize("kind", [Type.ID, Type.I], ids=["argon2id", "argon2i"])
@pytest.mark.parametrize(("time_cost", "memory_cost", "parallelism"), [(1, 8, 1), (3, 16384, 1), (2, 8192, 4)])
def test_what_another_implementation_has_hashed_is_verified(
    kind: Type, time_cost: int, memory_cost: int, parallelism: int
) -> None:
    made = PasswordHasher(time_cost, memory_cost, parallelism, type=kind).hash(PASSWORD)

    assert verify_password(made, PASSWORD)
    assert not verify_password(made, PASSWORD[:-1])
    assert not verify_password(made, PASSWORD.partition("\0")[0])


@pytest.mark.parametrize(
    "made",
    ["", "$", "password", "$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ", "$2b$12$" + "a" * 53, "$argon2id$" + "a" * 500],
)
def test_what_is_no_hash_matches_no_password(made: str) -> None:
    assert not verify_password(made, "password")


@pytest.mark.parametrize(
    ("other", "is_so"),
    [
        (PasswordHasher(1, 8192, 1), True),
        (PasswordHasher(2, 8192, 1), False),
        (PasswordHasher(1, 8193, 1), False),
        (PasswordHasher(1, 81920, 1), False),
        (PasswordHasher(1, 8192, 2), False),
        (PasswordHasher(1, 8192, 1, type=Type.I), False),
    ],
    ids=["same", "passes", "memory", "longer number", "lanes", "kind"],
)
def test_costs_are_compared(other: PasswordHasher, is_so: bool) -> None:
    assert CHEAP.are_those_of(other.hash("password")) is is_so


@pytest.mark.parametrize("kind", [Type.ID, Type.I], ids=["argon2id", "argon2i"])
@pytest.mark.parametrize(("time_cost", "memory_cost", "parallelism"), [(1, 8, 1), (3, 16384, 1), (2, 8192, 4)])
def test_a_decoy_has_the_parameters_of_a_hash_and_fits_no_password(
    kind: Type, time_cost: int, memory_cost: int, parallelism: int
) -> None:
    made = PasswordHasher(time_cost, memory_cost, parallelism, type=kind).hash(PASSWORD)
    parameters = parameters_of(made)
    assert parameters is not None

    nobodys = decoy(parameters)

    assert made.startswith(parameters)
    assert parameters_of(nobodys) == parameters
    assert len(nobodys) == len(made)
    assert decoy(parameters) != nobodys
    # The other implementation hashes it to its end too: it finds a mismatch, not a malformed hash.
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(nobodys, PASSWORD)
    assert not verify_password(nobodys, PASSWORD)


def test_new_hashes_have_the_parameters_of_their_costs() -> None:
    assert parameters_of(CHEAP.hash(PASSWORD)) == CHEAP.parameters


@pytest.mark.parametrize(
    "made",
    [
        *("", "$", "password", "$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ", "$argon2id$v=19$m=8192,t=1,p=1$"),
        *("$2x$12$" + "a" * 53, "$argon2d$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$dGFn", "$argon2id$v=16$m=8,t=1,p=1$c2Fs$dGFn"),
        *("$argon2id$v=19$m=8,t=1,p=1$c2Fs$dGFn\n", " $argon2id$v=19$m=8,t=1,p=1$c2Fs$dGFn"),
    ],
)
def test_what_cannot_be_verified_has_no_parameters(made: str) -> None:
    assert parameters_of(made) is None


def test_new_hashes_cost_what_the_settings_say() -> None:
    assert PasswordCosts.of(Settings(password_time_cost=3, password_memory_cost=9000)) == PasswordCosts(3, 9000)


def test_the_memory_of_a_hash_is_given_back_with_the_answer() -> None:
    run = subprocess.run([sys.executable, "-c", HASHES], capture_output=True, text=True, check=True, timeout=60)

    # One hash takes 19 MiB.
    assert float(run.stdout) < 5
