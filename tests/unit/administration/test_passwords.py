"""Which passwords operators may give."""

import gzip
import tracemalloc
from importlib.resources import files

import pytest

from valetkey.administration.passwords import hash_password
from valetkey.runtime import common_passwords
from valetkey.runtime.common_passwords import is_common
from valetkey.runtime.password_hash import verify_password
from valetkey.runtime.password_rules import MIN_LENGTH, password_problem
from valetkey.runtime.settings.settings import Settings

CHEAP = Settings(password_time_cost=1, password_memory_cost=8192)
COMMON = pytest.mark.requirement("NIST SP 800-63B §3.1.1.2: common passwords are refused")


@COMMON
@pytest.mark.parametrize("password", ["password", "Password1", "12345678", "ILOVEYOU", "qwertyuiop", "trustno1"])
def test_a_common_password_is_refused_in_any_letter_case(password: str) -> None:
    problem = password_problem(password, ("ada",), 1024)

    assert problem == ("The password is one of the 100,000 most common ones, which are guessed first: choose another.")


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("seven77", "at least 8 characters"),
        ("e\u0301" * 7, "at least 8 characters"),
        ("é" * 600, "at most 1024 bytes"),
        ("Ada@Example.org", "must not be the user name"),
        ("correct horse battery staple", None),
        ("päss wörd ☂", None),
        ("", "at least 8 characters"),
    ],
)
def test_what_a_password_must_be(password: str, words: str | None) -> None:
    problem = password_problem(password, ("ada", "ada@example.org"), 1024)

    assert (problem is None) if words is None else words in str(problem)


def test_the_hash_is_of_the_one_spelling() -> None:
    made = hash_password("cafe\u0301 au lait", (), CHEAP)

    assert verify_password(made, "café au lait")
    assert not verify_password(made, "cafe\u0301 au lait")


@COMMON
def test_the_list_is_sorted_and_has_nothing_that_is_refused_anyway() -> None:
    text = gzip.decompress(files(common_passwords.__package__).joinpath("common_passwords.txt.gz").read_bytes())
    words = text.decode("ascii").splitlines()

    assert words == sorted(set(words))
    assert len(words) > 35_000
    assert all(len(word) >= MIN_LENGTH and word == word.lower() for word in words)


@COMMON
def test_the_list_is_not_kept_in_memory() -> None:
    is_common("warm")
    tracemalloc.start()

    assert is_common("password1")
    assert not is_common("zz" + "z" * 60)

    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 20_000
    assert most < 1_000_000
