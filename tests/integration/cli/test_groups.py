"""``valetkey group``: made, filled, nested and deleted, and nothing half done."""

from typing import Any

import pytest

from support.operator_cli import Operator
from valetkey.cli.exit_code import ExitCode
from valetkey.core.authentication.group import MAX_DEPTH


def create(operator: Operator, *names: str) -> None:
    for name in names:
        operator.succeed("group", "create", name)


def create_user(operator: Operator, name: str) -> None:
    operator.succeed("user", "create", name, "--password-file", "-", stdin="correct-horse-battery\n")


def groups_of(operator: Operator, user: str) -> Any:  # noqa: ANN401 - JSON
    return operator.json("user", "get", user)["groups"]


def test_a_group_is_made_changed_and_deleted(operator: Operator) -> None:
    made = operator.json("group", "create", "ops", "--display-name", "Operations", "--description", "On call")
    changed = operator.json("group", "update", "ops", "--display-name", "", "--description", "On call by night")

    assert (made["name"], made["display_name"], made["description"]) == ("ops", "Operations", "On call")
    assert (changed["display_name"], changed["description"]) == (None, "On call by night")
    assert (changed["members"], changed["member_groups"], changed["managed_by"]) == ([], [], None)
    assert [group["name"] for group in operator.json("group", "list")] == ["ops"]
    deleted = operator.succeed("group", "delete", "ops", "--yes")
    assert [(event["type"], event["group"]) for event in deleted.events] == [("group.deleted", "ops")]
    assert operator.json("group", "list") == []


def test_users_and_groups_come_and_go(operator: Operator) -> None:
    create(operator, "ops", "staff")
    create_user(operator, "ada")
    subject = operator.json("user", "get", "ada")["subject"]

    added = operator.succeed("group", "add", "ops", "--user", "ADA", "--user", subject)
    nested = operator.json("group", "add", "staff", "--group", "ops")

    assert [(event["type"], event["group"], event["subject"]) for event in added.events] == [
        ("group.member_added", "ops", subject)
    ]
    assert (nested["member_groups"], nested["members"]) == (["ops"], [])
    assert operator.json("group", "get", "ops")["members"] == ["ada"]
    assert groups_of(operator, "ada") == ["ops", "staff"]
    operator.succeed("group", "remove", "staff", "--group", "ops", "--user", "ada")
    assert groups_of(operator, "ada") == ["ops"]
    operator.succeed("group", "remove", "ops", "--user", "ada")
    assert groups_of(operator, "ada") == []


@pytest.mark.requirement("groups: a cycle is refused with a sentence that says what to do, and nothing is half done")
def test_a_cycle_is_refused_and_nothing_is_half_done(operator: Operator) -> None:
    create(operator, "a", "b", "c")
    create_user(operator, "ada")
    operator.succeed("group", "add", "b", "--group", "a")
    operator.succeed("group", "add", "c", "--group", "b")

    refused = operator.run("group", "add", "a", "--group", "c", "--user", "ada")

    assert refused.exit_code == ExitCode.REFUSED
    assert "Groups would be within themselves: " in refused.err
    assert "Take one of them out of the next." in refused.err
    assert operator.json("group", "get", "a")["member_groups"] == []
    assert groups_of(operator, "ada") == []
    assert not refused.events


@pytest.mark.requirement("groups: the depth of nesting is bounded")
def test_too_deep_a_nesting_is_refused(operator: Operator) -> None:
    names = [f"level{number}" for number in range(MAX_DEPTH + 1)]
    create(operator, *names)
    for outer, inner in zip(names[1:-1], names, strict=False):
        operator.succeed("group", "add", outer, "--group", inner)

    refused = operator.run("group", "add", names[-1], "--group", names[-2])

    assert refused.exit_code == ExitCode.REFUSED
    assert f"level0 would be at the bottom of {MAX_DEPTH + 1} groups within each other" in refused.err


@pytest.mark.requirement("allowed_groups: what locks everybody out is told with what to do, and nothing is half done")
def test_a_client_allows_groups_that_exist_and_is_told_where_nobody_is_in_them(operator: Operator) -> None:
    create(operator, "ops", "staff")
    create_user(operator, "ada")
    operator.succeed("group", "add", "staff", "--group", "ops")
    made = ("client", "create", "web", "--redirect-uri", "https://web.example/", "--scope", "openid")

    unknown = operator.run(*made, "--allowed-group", "ops", "--allowed-group", "gone")
    assert unknown.exit_code == ExitCode.REFUSED
    assert "allowed_groups: there is no group gone; make it first" in unknown.err
    assert operator.json("client", "list") == []

    empty = operator.succeed(*made, "--allowed-group", "staff")
    warning = "No user can sign in to web: it allows staff alone, and no enabled user is in them; `valetkey group add`"
    assert warning in empty.err
    assert warning in operator.succeed("client", "get", "web").err
    assert warning in operator.run("doctor").out

    operator.succeed("group", "add", "ops", "--user", "ada")
    assert operator.succeed("client", "get", "web", "-o", "json").err == ""
    assert warning not in operator.run("doctor").out
    assert operator.json("client", "get", "web")["allowed_groups"] == ["staff"]


def test_a_group_that_decides_who_may_use_a_client_stays(operator: Operator) -> None:
    create(operator, "ops")
    operator.succeed("client", "create", "web", "--grant-type", "client_credentials", "--allowed-group", "ops")

    refused = operator.run("group", "delete", "ops", "--yes")

    assert refused.exit_code == ExitCode.REFUSED
    assert "The group ops decides who may use web: change allowed_groups first." in refused.err
    operator.succeed("client", "update", "web", "--clear", "allowed_groups")
    operator.succeed("group", "delete", "ops", "--yes")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("", "use 1 to 128 printable characters"),
        (" ops", "no space at either end"),
        ("a,b", "no comma"),
        ("a\nb", "printable"),
        ("x" * 129, "use 1 to 128"),
        ("\N{FULLWIDTH LATIN SMALL LETTER O}ps", "write ops, which looks the same"),
    ],
)
def test_a_name_that_clients_could_take_for_another_is_refused(operator: Operator, name: str, advice: str) -> None:
    refused = operator.run("group", "create", name)

    assert refused.exit_code == ExitCode.REFUSED
    assert advice in refused.err
    assert operator.json("group", "list") == []


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("create", "ops"), ExitCode.CONFLICT, "The group ops exists already."),
        (("get", "gone"), ExitCode.NOT_FOUND, "There is no group gone"),
        (("delete", "gone", "--yes"), ExitCode.NOT_FOUND, "There is no group gone"),
        (("add", "gone", "--user", "ada"), ExitCode.NOT_FOUND, "There is no group gone"),
        (("add", "ops", "--user", "nobody"), ExitCode.NOT_FOUND, "There is no user nobody"),
        (("add", "ops", "--group", "gone"), ExitCode.NOT_FOUND, "There is no group gone"),
        (("add", "ops", "--group", "ops"), ExitCode.CONFLICT, "The group ops cannot be in itself."),
        (("add", "ops"), ExitCode.USAGE, "Name a user with --user"),
        (("create", "x", "--display-name", "a\nb"), ExitCode.REFUSED, "display_name: use 1 to 128"),
    ],
)
def test_what_cannot_be_says_why(operator: Operator, arguments: tuple[str, ...], code: ExitCode, sentence: str) -> None:
    create(operator, "ops")

    outcome = operator.run("group", *arguments)

    assert outcome.exit_code == code
    assert sentence in outcome.err
