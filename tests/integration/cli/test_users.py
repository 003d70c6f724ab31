"""``valetkey user`` and ``valetkey session``."""

import json
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


def test_users_are_listed_by_group_and_by_state(operator: Operator) -> None:
    for name in ("ada", "bob", "eve"):
        operator.succeed("user", "create", name, "--generate-password")
    for group in ("staff", "admins"):
        operator.succeed("group", "create", group)
    operator.succeed("group", "add", "staff", "--user", "bob", "--group", "admins")
    operator.succeed("group", "add", "admins", "--user", "ada")
    operator.succeed("user", "disable", "bob")

    def listed(*options: str) -> list[str]:
        return [user["username"] for user in operator.json("user", "list", *options)]

    unknown = operator.run("user", "list", "--group", "unknown")

    assert listed("--group", "staff") == ["ada", "bob"]
    assert listed("--group", "staff", "--enabled") == ["ada"]
    assert listed("--disabled") == ["bob"]
    assert listed("--enabled", "--limit", "1", "--after", "ada") == ["eve"]
    assert listed("b", "--enabled") == []
    assert unknown.exit_code == ExitCode.NOT_FOUND


@pytest.mark.parametrize("command", ["get", "disable", "enable", "delete", "set-password", "update"])
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
    assert operator.run("session", "list", "--after", unknown).exit_code == ExitCode.NOT_FOUND
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


ADDRESS = '{"street_address": "12 Rue de la Paix\\n2e", "locality": "Paris", "country": "France"}'


def test_what_is_known_of_a_user_is_changed_claim_by_claim(operator: Operator) -> None:
    create_ada(operator)
    before = operator.json("user", "update", "ada", "--claim", "nickname=Ada", "--claim", "zoneinfo=Europe/London")

    after = operator.json(
        *("user", "update", "ada", "--claim", f"address={ADDRESS}", "--claim", "phone_number=+12025550100"),
        *("--claim", "phone_number_verified=true", "--remove-claim", "nickname"),
    )

    assert before["claims"] == {"name": "Ada Lovelace", "nickname": "Ada", "zoneinfo": "Europe/London"}
    assert after["claims"] == {
        "name": "Ada Lovelace",
        "zoneinfo": "Europe/London",
        "address": json.loads(ADDRESS),
        "phone_number": "+12025550100",
        "phone_number_verified": True,
    }
    assert {name: after[name] for name in before if name not in ("claims", "updated_at")} == {
        name: before[name] for name in before if name not in ("claims", "updated_at")
    }


def test_another_e_mail_address_is_unverified_and_the_old_one_signs_no_one_in(operator: Operator) -> None:
    create_ada(operator)

    changed = operator.json("user", "update", "ada", "--email", "ada@example.com")
    old = operator.run("user", "get", "ada@example.org")
    verified = operator.json("user", "update", "ada@example.com", "--email-verified")
    removed = operator.json("user", "update", "ada", "--remove-email")

    assert (changed["email"], changed["email_verified"]) == ("ada@example.com", False)
    assert old.exit_code == ExitCode.NOT_FOUND
    assert (verified["email"], verified["email_verified"]) == ("ada@example.com", True)
    assert (removed["email"], removed["email_verified"]) == (None, False)
    assert operator.run("user", "get", "ada@example.com").exit_code == ExitCode.NOT_FOUND


def test_an_e_mail_address_that_is_taken_changes_nothing(operator: Operator) -> None:
    create_ada(operator)
    operator.succeed("user", "create", "bob", "--email", "bob@example.org", "--generate-password")
    before = operator.json("user", "get", "ada")

    refused = operator.run("user", "update", "ada", "--email", "BOB@example.org", "--claim", "name=Bob")

    assert refused.exit_code == ExitCode.CONFLICT
    assert operator.json("user", "get", "ada") == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--claim", "birthdate=soon"), "birthdate: write YYYY-MM-DD"),
        (("--claim", "address=Paris"), "address: write a JSON object"),
        (("--claim", "sub=root"), "sub: no such attribute; choose from address, birthdate"),
        (("--email", "nonsense"), "write an e-mail address"),
        (("--claim", "name=Ada", "--remove-claim", "name"), "Both given and removed: name"),
        (("--remove-email", "--email", "a@b.example"), "--remove-email goes with neither"),
        (("--remove-email", "--email-verified"), "--remove-email goes with neither"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_with_what_to_write(
    operator: Operator, arguments: tuple[str, ...], words: str
) -> None:
    create_ada(operator)
    before = operator.json("user", "get", "ada")

    refused = operator.run("user", "update", "ada", *arguments)

    assert refused.exit_code == ExitCode.USAGE
    assert words in " ".join(refused.err.split())
    assert operator.json("user", "get", "ada") == before


@pytest.mark.requirement("OIDC Core §2: a sub is never given to another user, and stays the user's")
def test_another_user_name_keeps_the_subject_and_frees_the_old_name(operator: Operator) -> None:
    create_ada(operator)
    before = operator.json("user", "get", "ada")

    changed = operator.json("user", "update", "ada", "--username", "ada.lovelace")

    assert (changed["username"], changed["subject"]) == ("ada.lovelace", before["subject"])
    assert operator.run("user", "get", "ada").exit_code == ExitCode.NOT_FOUND
    operator.succeed("user", "create", "ada", "--generate-password")
    taken = operator.run("user", "update", "ada.lovelace", "--username", "ADA")
    assert taken.exit_code == ExitCode.CONFLICT


def test_a_user_name_that_cannot_be_signed_in_with_is_refused(operator: Operator) -> None:
    create_ada(operator)

    refused = operator.run("user", "update", "ada", "--username", "with space")

    assert refused.exit_code == ExitCode.REFUSED
    assert "1 to 254 characters without spaces" in refused.err


def test_a_user_is_disabled_and_enabled_with_what_else_changes(operator: Operator) -> None:
    create_ada(operator)

    disabled = operator.json("user", "update", "ada", "--disabled", "--claim", "name=Ada")
    enabled = operator.json("user", "update", "ada", "--enabled")

    assert (disabled["enabled"], disabled["claims"]) == (False, {"name": "Ada"})
    assert (enabled["enabled"], enabled["claims"]) == (True, {"name": "Ada"})


def test_users_are_listed_by_the_beginning_of_a_name_and_in_pages(operator: Operator) -> None:
    for name in ("Carol", "adam", "ada", "bob"):
        operator.succeed("user", "create", name, "--email", f"mail-{name}@example.org", "--generate-password")

    def names(*arguments: str) -> list[str]:
        return [user["username"] for user in operator.json("user", "list", *arguments)]

    page = operator.succeed("user", "list", "--limit", "2")

    assert names() == ["Carol", "ada", "adam", "bob"]
    assert names("ADA") == ["ada", "adam"]
    assert names("MAIL-C") == ["Carol"]
    assert names("ada@") == []
    assert names("no name") == []
    assert "There may be more: --after ada" in page.err
    assert names("--after", "ada", "--limit", "2") == ["adam", "bob"]
    assert names("--after", "bob") == []
    assert names("mail-", "--after", "mail-ada@example.org", "--limit", "1") == ["adam"]
    assert names("", "--after", "mail") == []


@pytest.mark.parametrize("address", ["ada@-example.org", "ada..l@example.org", ".ada@example.org", "a@b@c.example"])
def test_what_is_no_e_mail_address_is_refused_with_the_reason(operator: Operator, address: str) -> None:
    refused = operator.run("user", "create", "ada", "--email", address, "--generate-password")

    assert refused.exit_code == ExitCode.USAGE
    assert "write an e-mail address such as ada@example.com" in " ".join(refused.err.split())


@pytest.mark.parametrize("address", ["ada@intranet", "ada@id.internal", "müller@exämple.example", "ada@example.test"])
def test_an_address_of_a_network_of_ones_own_or_in_another_script_is_taken(operator: Operator, address: str) -> None:
    made = operator.json("user", "create", "ada", "--email", address, "--generate-password")

    assert made["email"] == address
