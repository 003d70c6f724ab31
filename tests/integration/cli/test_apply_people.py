"""``valetkey client apply``: groups and users beside clients, with the same diff, ownership and pruning."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.operator_cli import Operator, Outcome
from valetkey.cli.exit_code import ExitCode

PASSWORD = "correct horse battery staple"


class Desk:
    """A file, and the operator who applies it."""

    def __init__(self, operator: Operator, directory: Path) -> None:
        self.operator = operator
        self.directory = directory
        self.file = directory / "people.yaml"
        (directory / "password").write_text(f"{PASSWORD}\n")

    def run(self, document: dict[str, Any], *options: str) -> Outcome:
        self.file.write_text(json.dumps(document))
        return self.operator.run("client", "apply", "-f", str(self.file), "--yes", "-o", "json", *options)

    def apply(self, document: dict[str, Any], *options: str) -> Outcome:
        outcome = self.run(document, *options)
        assert outcome.exit_code == ExitCode.OK, outcome
        return outcome

    def changes(self, document: dict[str, Any], *options: str) -> list[tuple[str, str, str]]:
        found = self.apply(document, *options).json["changes"]
        return [(change["change"], change["kind"], change["name"]) for change in found]

    def refused(self, document: dict[str, Any], *options: str) -> str:
        before = self.stored()
        outcome = self.run(document, *options)
        assert outcome.exit_code in (ExitCode.REFUSED, ExitCode.CONFLICT), outcome
        assert self.stored() == before
        return outcome.err

    def stored(self) -> Any:  # noqa: ANN401 - JSON
        kinds = ("group", "user", "client")
        return [self.operator.json(kind, "list") for kind in kinds] + [self.members(name) for name in self.groups()]

    def groups(self) -> list[str]:
        return [group["name"] for group in self.operator.json("group", "list")]

    def members(self, group: str) -> list[str]:
        return list(self.operator.json("group", "get", group)["members"])

    def user(self, name: str) -> Any:  # noqa: ANN401 - JSON
        return self.operator.json("user", "get", name)


@pytest.fixture
def desk(operator: Operator, tmp_path: Path) -> Desk:
    return Desk(operator, tmp_path)


def ada(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    return {
        "username": "ada",
        "email": "ada@example.com",
        "claims": {"name": "Ada"},
        "password_file": "password",
    } | changes


FILE: dict[str, Any] = {
    "users": [ada()],
    "groups": [
        {"name": "ops", "display_name": "Operations", "members": ["ADA"]},
        {"name": "staff", "member_groups": ["ops"]},
    ],
    "clients": [
        {
            "client_id": "spa",
            "token_endpoint_auth_method": "none",
            "redirect_uris": ["https://spa.example/cb"],
            "allowed_groups": ["staff"],
        }
    ],
}


@pytest.mark.requirement("apply: groups and users beside clients; applying twice changes nothing the second time")
def test_everything_is_made_and_applying_twice_changes_nothing(desk: Desk) -> None:
    first = desk.changes(FILE)
    second = desk.apply(FILE)

    assert first == [
        ("create", "client", "spa"),
        ("create", "group", "ops"),
        ("create", "group", "staff"),
        ("create", "user", "ada"),
    ]
    assert (second.json["changes"], second.json["unchanged"], second.events) == ([], 4, [])
    assert "No user can sign in" not in second.err
    assert desk.user("ada")["groups"] == ["ops", "staff"]
    assert desk.operator.json("group", "get", "ops")["managed_by"] == "valetkey-apply"


def test_a_change_is_shown_as_a_diff_and_made(desk: Desk) -> None:
    desk.apply(FILE)
    desk.operator.succeed("user", "create", "bob", "--password-file", "-", stdin=PASSWORD)
    changed = FILE | {
        "users": [ada(email="ada@example.org", claims={"nickname": "A"}, enabled=False)],
        "groups": [
            {"name": "ops", "members": ["bob"]},
            {"name": "staff", "member_groups": [], "description": "All"},
        ],
    }

    shown = desk.run(changed, "--dry-run", "-o", "table")
    assert desk.members("ops") == ["ada"]
    applied = desk.apply(changed)

    for line in ("~ group ops", "    members: - ada", "    members: + bob", "    member_groups: - ops", "~ user ada"):
        assert line in shown.out.splitlines()
    assert {event["type"] for event in applied.events} >= {"user.updated", "user.disabled", "group.updated"}
    assert desk.members("ops") == ["bob"]
    assert desk.user("bob")["groups"] == ["ops"]
    found = desk.user("ada")
    assert (found["email"], found["claims"], found["enabled"]) == ("ada@example.org", {"nickname": "A"}, False)
    assert desk.apply(changed).json["changes"] == []


def test_who_is_in_a_group_is_left_to_others_where_the_file_does_not_say(desk: Desk) -> None:
    desk.apply({"groups": [{"name": "ops"}]})
    desk.operator.succeed("user", "create", "bob", "--password-file", "-", stdin=PASSWORD)
    desk.operator.succeed("group", "add", "ops", "--user", "bob", "--force")

    assert desk.changes({"groups": [{"name": "ops"}]}) == []
    assert desk.members("ops") == ["bob"]
    desk.apply({"groups": [{"name": "ops", "members": []}]})
    assert desk.members("ops") == []


@pytest.mark.requirement("apply: what has another owner, or none, is not changed without --adopt")
def test_what_is_not_ours_is_not_changed_unless_adopted(desk: Desk) -> None:
    desk.operator.succeed("group", "create", "ops")
    desk.operator.succeed("user", "create", "ada", "--password-file", "-", stdin=PASSWORD)
    document = {"users": [ada()], "groups": [{"name": "ops", "description": "Mine"}]}

    told = desk.refused(document)
    assert "group ops is without an owner; --adopt takes it over" in told
    assert "user ada is without an owner; --adopt takes it over" in told

    assert desk.changes(document, "--adopt") == [("update", "group", "ops"), ("update", "user", "ada")]
    owned = desk.operator.run("group", "delete", "ops", "--yes")
    assert owned.exit_code == ExitCode.CONFLICT
    assert "ops is owned by valetkey-apply" in owned.err
    assert "group ops is owned by valetkey-apply" in desk.refused(document, "--owner", "other")


@pytest.mark.requirement("apply: what a file owns is changed by hand only with --force")
@pytest.mark.parametrize(
    "command",
    [["update", "ada", "--remove-email"], ["disable", "ada"], ["enable", "ada"], ["delete", "ada", "--yes"]],
    ids=lambda command: command[0],
)
def test_a_user_whom_a_file_owns_is_changed_by_hand_only_with_force(desk: Desk, command: list[str]) -> None:
    desk.apply({"users": [ada()]})
    before = desk.user("ada")

    refused = desk.operator.run("user", *command)
    after = desk.user("ada")
    forced = desk.operator.run("user", *command, "--force")

    assert refused.exit_code == ExitCode.CONFLICT
    assert "ada is owned by valetkey-apply" in refused.err
    assert "--force" in refused.err
    assert after == before
    assert forced.exit_code == ExitCode.OK


@pytest.mark.requirement("apply: --prune deletes what the owner owns and the file does not have, and nothing else")
def test_pruning_deletes_ours_alone(desk: Desk) -> None:
    desk.apply(FILE)
    desk.operator.succeed("group", "create", "others")
    desk.operator.succeed("user", "create", "bob", "--password-file", "-", stdin=PASSWORD)

    kept = desk.apply({})
    assert "no longer has it: spa, group ops, group staff, user ada." in kept.err
    told = desk.refused({}, "--prune")
    pruned = desk.changes({}, "--prune-all")

    for words in ("the only client: spa", "all 2 groups: ops, staff", "the only user: ada"):
        assert words in told
    assert pruned == [
        ("delete", "client", "spa"),
        ("delete", "group", "ops"),
        ("delete", "group", "staff"),
        ("delete", "user", "ada"),
    ]
    assert desk.groups() == ["others"]
    assert [user["username"] for user in desk.operator.json("user", "list")] == ["bob"]


def test_a_group_that_a_client_allows_is_not_pruned(desk: Desk) -> None:
    desk.apply({"groups": [{"name": "ops"}]})
    desk.operator.succeed("client", "create", "web", "--grant-type", "client_credentials", "--allowed-group", "ops")

    told = desk.refused({}, "--prune")

    assert "group ops decides who may use web: change allowed_groups too" in told


def test_a_password_is_generated_once_and_the_person_keeps_another(desk: Desk) -> None:
    generated = desk.directory / "generated"
    generated.mkdir()
    document = {"users": [{"username": "a/../b"}, ada()]}

    desk.apply(document, "--secrets-directory", str(generated))
    desk.operator.succeed("user", "set-password", "ada", "--password-file", "-", stdin="another password")

    assert [path.name for path in generated.iterdir()] == ["a%2F..%2Fb.password"]
    assert len((generated / "a%2F..%2Fb.password").read_text()) == 24
    assert desk.changes(document, "--secrets-directory", str(generated)) == []


def test_a_client_whose_groups_are_empty_is_told_of(desk: Desk) -> None:
    outcome = desk.apply(FILE | {"groups": [{"name": "staff", "members": []}]})

    assert "No user can sign in to spa: it allows staff alone, and no enabled user is in them;" in outcome.err


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "cycle": (
        {"groups": [{"name": "a", "member_groups": ["b"]}, {"name": "b", "member_groups": ["a"]}]},
        "Groups would be within themselves: b in a in b. Take one of them out of the next.",
    ),
    "itself": ({"groups": [{"name": "a", "member_groups": ["a"]}]}, "Groups would be within themselves: a in a."),
    "unknown inner group": ({"groups": [{"name": "a", "member_groups": ["x"]}]}, "there is no group x; declare it too"),
    "unknown member": ({"groups": [{"name": "a", "members": ["x"]}]}, "there is no user x; declare or create one"),
    "unknown allowed group": (
        {"clients": [{"client_id": "a", "grant_types": ["client_credentials"], "allowed_groups": ["x"]}]},
        "allowed_groups: there is no group x; make it first",
    ),
    "name of a group": ({"groups": [{"name": "a,b"}]}, "name: use no comma"),
    "name of an inner group": ({"groups": [{"name": "a", "member_groups": ["b,c"]}]}, "'b,c' is no name of a group"),
    "group twice": ({"groups": [{"name": "a"}, {"name": "a"}]}, "group a is there 2 times"),
    "group without a name": ({"groups": [{"description": "x"}]}, "groups[1]: name is missing"),
    "member as a word": ({"groups": [{"name": "a", "members": "ada"}]}, "members must be a list"),
    "no such field": ({"groups": [{"name": "a", "member": []}]}, "member is not a field; did you mean members?"),
    "user twice": ({"users": [ada(), ada(username="ADA@example.com")]}, "is there 2 times"),
    "claim": ({"users": [ada(claims={"nickame": "x"})]}, "claims: nickame is no attribute"),
    "reserved claim": ({"users": [ada(claims={"sub": "x"})]}, "claims: sub is no attribute"),
    "value of a claim": ({"users": [ada(claims={"zoneinfo": "Moon"})]}, "zoneinfo: write the name of a time zone"),
    "e-mail": ({"users": [ada(email="x")]}, "email: write an e-mail address"),
    "verified nothing": ({"users": [{"username": "a", "email_verified": True}]}, "there is no email"),
    "no password": ({"users": [{"username": "bob"}]}, "user bob needs a password: name a password_file"),
    "short password": ({"users": [ada(password_file="short")]}, "at least 8 characters"),
    "absent password": ({"users": [ada(password_file="absent")]}, "cannot be read"),
    "user name": ({"users": [{"username": "a b"}]}, "username: use 1 to 254 characters"),
}


@pytest.mark.requirement("apply: bad groups and users are refused with a sentence, and nothing is half done")
@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_refused_as_a_whole(desk: Desk, name: str) -> None:
    document, sentence = BAD[name]
    (desk.directory / "short").write_text("short")

    told = desk.refused({"groups": [{"name": "good"}], **document} if "groups" not in document else document)

    assert sentence in told


@pytest.mark.requirement("groups: 10,000 groups of one user are refused with a sentence, and nothing is half done")
def test_ten_thousand_groups_of_a_user_are_too_many(desk: Desk) -> None:
    desk.apply({"users": [ada()]})
    many = [{"name": f"g{number}", "members": ["ada"]} for number in range(10_000)]

    outcome = desk.run({"users": [ada(enabled=False)], "groups": many})

    assert outcome.exit_code == ExitCode.REFUSED
    assert "ada would be in 10000 groups, directly or through others; at most 1000 fit into a token." in outcome.err
    assert "Take the user out of some, or merge groups." in outcome.err
    assert (desk.groups(), desk.user("ada")["enabled"]) == ([], True)
