"""``valetkey user`` and ``valetkey session``."""

from pathlib import Path

import pytest

from support.operator_cli import Operator
from valetkey.cli.exit_code import ExitCode

CANARY = "canary-correct-horse-battery"


def create_ada(operator: Operator) -> None:
    operator.succeed(
        *("user", "create", "ada", "--email", "Ada@Example.org", "--email-verified", "--claim", "name=Ada Lovelace"),
        *("--password-file", "-"),
        stdin=f"{CANARY}\n",
    )


def test_a_user_is_created_and_found_by_every_name(operator: Operator) -> None:
    create_ada(operator)

    found = [operator.json("user", "get", name) for name in ("ada", " ADA ", "ada@example.org")]
    by_subject = operator.json("user", "get", found[0]["subject"])

    assert all(user == by_subject for user in found)
    assert by_subject["claims"] == {"name": "Ada Lovelace"}
    assert by_subject["email_verified"] is True
    assert operator.json("user", "list") == [by_subject]


@pytest.mark.requirement("security 51: no password in what is printed")
def test_a_chosen_password_is_never_printed(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{CANARY}2")
    arguments = (
        ("user", "create", "ada", "--password-file", "-"),
        ("user", "set-password", "ada", "--password-file", str(path)),
        ("user", "get", "ada"),
        ("user", "list", "-o", "json"),
    )

    printed = [operator.succeed(*command, stdin=f"{CANARY}1\n") for command in arguments]

    assert all("canary" not in outcome.out + outcome.err for outcome in printed)


def test_a_generated_password_is_shown_once_or_written(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "password"

    shown = operator.json("user", "create", "ada", "--generate-password")
    written = operator.succeed(
        *("user", "set-password", "ada", "--generate-password", "--secret-file", str(path), "-o", "json")
    )

    assert len(shown["password"]) == 24
    assert written.json["password_file"] == str(path)
    assert path.read_text() not in written.out + written.err
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "stdin", "exit_code"),
    [
        (("ada",), f"{CANARY}\n", ExitCode.USAGE),
        (("ada", "--password-file", "-"), "short\n", ExitCode.REFUSED),
        (("ada", "--password-file", "-"), "x" * 1025, ExitCode.REFUSED),
        (("ada", "--email", "ada@example.org", "--password-file", "-"), "ada@example.org", ExitCode.REFUSED),
        (("with space", "--password-file", "-"), CANARY, ExitCode.REFUSED),
        (("ada", "--password-file", "-", "--generate-password"), CANARY, ExitCode.USAGE),
        (("ada", "--password-file", "-", "--secret-file", "x"), CANARY, ExitCode.USAGE),
        (("ada", "--generate-password", "--claim", "email=x"), "", ExitCode.USAGE),
        (("ada", "--generate-password", "--email-verified"), "", ExitCode.USAGE),
    ],
)
def test_a_user_that_cannot_be_is_refused(
    operator: Operator, arguments: tuple[str, ...], stdin: str, exit_code: ExitCode
) -> None:
    refused = operator.run("user", "create", *arguments, stdin=stdin)

    assert refused.exit_code == exit_code
    assert "canary" not in refused.out + refused.err
    assert operator.json("user", "list") == []


@pytest.mark.parametrize("name", ["ADA", "ada@example.ORG"])
def test_a_name_in_any_spelling_belongs_to_one_user(operator: Operator, name: str) -> None:
    create_ada(operator)

    again = operator.run("user", "create", name, "--generate-password")

    assert again.exit_code == ExitCode.CONFLICT
    assert "password" not in again.out


@pytest.mark.parametrize("command", ["get", "disable", "enable", "delete", "set-password"])
def test_a_user_who_is_not_there_is_not_found(operator: Operator, command: str) -> None:
    more = {"delete": ["--yes"], "set-password": ["--generate-password"]}.get(command, [])

    assert operator.run("user", command, "unknown-user", *more).exit_code == ExitCode.NOT_FOUND


def test_a_user_is_disabled_enabled_and_deleted(operator: Operator) -> None:
    create_ada(operator)

    disabled = operator.json("user", "disable", "ada")
    enabled = operator.json("user", "enable", "ada")
    deleted = operator.succeed("user", "delete", "ada", "--yes")

    assert (disabled["enabled"], enabled["enabled"]) == (False, True)
    assert [(event["type"], event["subject"]) for event in deleted.events] == [("user.deleted", disabled["subject"])]
    assert operator.json("user", "list") == []


def test_there_is_no_session_and_one_is_named_or_a_user(operator: Operator) -> None:
    create_ada(operator)
    unknown = "00000000-0000-4000-8000-000000000000"

    assert operator.json("session", "list", "--user", "ada") == []
    assert operator.run("session", "revoke").exit_code == ExitCode.USAGE
    assert operator.run("session", "revoke", unknown, "--user", "ada").exit_code == ExitCode.USAGE
    assert operator.run("session", "revoke", unknown).exit_code == ExitCode.NOT_FOUND
    assert operator.run("session", "list", "--user", "unknown-user").exit_code == ExitCode.NOT_FOUND
    assert operator.json("session", "revoke", "--user", "ada", "--yes") == []


def test_a_user_who_is_there_already_is_left_alone_if_that_was_asked_for(operator: Operator) -> None:
    made = operator.json("user", "create", "ada", "--email", "ada@example.com", "--generate-password")

    again = operator.run("user", "create", "--if-absent", "ada", "--email", "x@example.com", "--generate-password")
    other = operator.json("user", "create", "--if-absent", "bob", "--generate-password")
    by_address = operator.json("user", "create", "--if-absent", "ada@example.com", "--generate-password")

    assert again.exit_code == 0, again
    assert "nothing was changed" in again.err
    assert "password" not in again.out
    assert not again.events
    assert operator.json("user", "get", "ada")["email"] == "ada@example.com"
    assert other["password"]
    assert by_address["subject"] == made["subject"]
