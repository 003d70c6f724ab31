"""How secrets come in and go out."""

import io
import os
import stat
from pathlib import Path

import click
import pytest
from argon2 import PasswordHasher

from support.system import test_settings
from valetkey.administration.apply.declared_secret import read_declared_secret
from valetkey.administration.passwords import generate_password, hash_password
from valetkey.cli.failure import Failure
from valetkey.cli.secret_file import handed_over, secret_file
from valetkey.cli.secret_input import STDIN, read_secret
from valetkey.runtime.password_rules import password_problem

CANARY = "canary-Zm9vYmFyYmF6cXV4-secret-value"
SETTINGS = test_settings("https://id.example", "postgresql://localhost/x", "redis://localhost")


@pytest.mark.requirement("security 51: a secret file is its owner's alone")
def test_a_secret_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "web.secret"
    before = os.umask(0)
    try:
        with secret_file(path, CANARY):
            pass
    finally:
        os.umask(before)

    assert path.read_text() == CANARY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_on_the_disk_before_its_digest_is_stored(tmp_path: Path) -> None:
    with secret_file(tmp_path / "web.secret", CANARY):
        written = [path.read_text() for path in tmp_path.iterdir()]

    assert written == [CANARY]


def test_a_failure_leaves_the_old_secret_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "web.secret"
    path.write_text("old")

    with pytest.raises(RuntimeError), secret_file(path, CANARY):
        raise RuntimeError

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_stops_everything_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be written"), secret_file(tmp_path / "nowhere" / "web", CANARY):
        pytest.fail("the secret would be lost")


def test_a_file_that_cannot_be_replaced_does_not_lose_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "web.secret"

    with pytest.raises(Failure, match="the new secret is in") as caught, secret_file(path, CANARY):
        (path / "in the way").mkdir(parents=True)

    kept = Path(caught.value.message.rsplit(" ", 1)[1].rstrip("."))
    assert kept.read_text() == CANARY


def test_a_secret_is_answered_or_written_but_not_both(tmp_path: Path) -> None:
    path = tmp_path / "web.secret"

    with handed_over("client_secret", CANARY, None) as answered:
        pass
    with handed_over("client_secret", CANARY, path) as written:
        pass

    assert answered == {"client_secret": CANARY}
    assert written == {"client_secret_file": path}


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_secret_is_read_without_the_end_of_its_line(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(f" {CANARY} {ending}".encode())

    assert read_secret(path, what="secret", option="--secret") == f" {CANARY} "


def test_a_secret_comes_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{CANARY}\n".encode())))

    assert read_secret(STDIN, what="secret", option="--secret") == CANARY


def test_there_is_no_prompt_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(CANARY))

    with pytest.raises(click.UsageError, match="--secret FILE"):
        read_secret(None, what="secret", option="--secret")


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo\n", b"\xff\xfe", b"x" * 70_000])
def test_what_is_no_line_of_text_is_no_secret(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)

    with pytest.raises(Failure) as caught:
        read_secret(path, what="secret", option="--secret")

    assert "two" not in caught.value.message


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("short", "must hold one line of 32 to 512"),
        ("a" * 31, "must hold one line of 32 to 512"),
        ("ab" * 30, "too regular"),
        ("abcdefghijklmnop " * 3, "must hold one line"),
        (f"{CANARY}\n{CANARY}\n", "must hold one line"),
        (f"{CANARY}é", "must hold one line"),
        ("Zm9v" * 200, "must hold one line"),
    ],
)
@pytest.mark.requirement("security 31: what is stored is one SHA-256, so a declared secret must be hard to guess")
def test_a_declared_secret_is_held_to_what_ours_are(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "secret"
    path.write_text(content)

    with pytest.raises(ValueError, match=problem) as caught:
        read_declared_secret(path)

    assert content not in str(caught.value)


def test_a_declared_secret_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"{CANARY}\n")

    assert read_declared_secret(path) == CANARY


def test_a_declared_secret_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_declared_secret(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "at least 8"),
        ("x" * 1025, "at most 1024 bytes"),
        ("é" * 513, "at most 1024 bytes"),
        ("ADA@Example.org ", "must not be the user name"),
        ("adalovelace", "must not be the user name"),
    ],
)
@pytest.mark.requirement("security 41: passwords are capped in length")
def test_a_password_that_will_not_do_says_why(password: str, words: str) -> None:
    assert words in (password_problem(password, ("adalovelace", "ada@example.org"), 1024) or "")


@pytest.mark.parametrize(
    "password", ["8 letter", "éééééééé", "x" * 1024, generate_password()], ids=["ascii", "utf-8", "long", "generated"]
)
def test_other_passwords_will_do(password: str) -> None:
    assert password_problem(password, ("ada",), 1024) is None


def test_the_hash_is_made_with_the_costs_that_the_login_expects() -> None:
    made = hash_password(CANARY, ("ada",), SETTINGS)

    hasher = PasswordHasher(SETTINGS.password_time_cost, SETTINGS.password_memory_cost, parallelism=1)
    assert made.startswith("$argon2id$")
    assert hasher.verify(made, CANARY)
    assert not hasher.check_needs_rehash(made)


def test_generated_passwords_differ() -> None:
    assert len({generate_password() for _ in range(100)}) == 100
