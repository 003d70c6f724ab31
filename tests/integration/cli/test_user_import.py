"""``valetkey user import``: what comes, what is refused and why, and that nothing is half done."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from support.operator_cli import Operator, Outcome
from valetkey.administration.user_import import execute
from valetkey.administration.user_import.jsonl import MAX_LINE
from valetkey.cli.exit_code import ExitCode

HERE = Path(__file__).parent / "keycloak"
HASH = bcrypt.hashpw(b"an old password", bcrypt.gensalt(4)).decode()
IMPORT = ("user", "import", "-")


def lines(*users: Mapping[str, object] | str) -> str:
    return "".join(f"{user if isinstance(user, str) else json.dumps(user)}\n" for user in users)


def names(operator: Operator) -> list[str]:
    return [user["username"] for user in operator.json("user", "list")]


def bring(operator: Operator, *users: Mapping[str, object] | str, options: tuple[str, ...] = ()) -> Outcome:
    return operator.run(*IMPORT, "-o", "json", *options, stdin=lines(*users))


def reasons(outcome: Outcome) -> dict[str, str]:
    return {each["where"]: each["reason"] for each in outcome.json["refused_users"]}


def test_a_user_comes_with_everything_that_is_said(operator: Operator) -> None:
    operator.succeed("attribute", "create", "team", "--type", "string", "--scope", "profile")
    operator.succeed("group", "create", "ops")
    ada = {
        "username": "ada",
        "sub": "auth0|17",
        "email": "Ada@Example.org",
        "email_verified": True,
        "claims": {"name": "Ada Lovelace", "team": "engines", "address": {"locality": "London"}},
        "groups": ["ops"],
        "password_hash": HASH,
    }

    outcome = bring(operator, ada, "", {"username": "bob", "enabled": False, "email": None})
    found, bob = operator.json("user", "get", "auth0|17"), operator.json("user", "get", "bob")

    assert outcome.exit_code == ExitCode.OK, outcome
    assert outcome.json == {
        "imported": 2,
        "unchanged": 0,
        "refused": 0,
        "without_password": 1,
        "groups_created": 0,
        "complete": True,
        "dry_run": False,
        "left_out": {},
        "hash_parameters": {"$2b$04$": 1},
        "refused_users": [],
    }
    assert {name: found[name] for name in ("subject", "username", "email", "email_verified", "claims", "groups")} == {
        "subject": "auth0|17",
        "username": "ada",
        "email": "Ada@Example.org",
        "email_verified": True,
        "claims": ada["claims"],
        "groups": ["ops"],
    }
    assert (bob["enabled"], bob["email"], len(bob["subject"])) == (False, None, 36)
    assert [(event["type"], event["reason"]) for event in outcome.events] == [
        ("user.imported", "2 users, line 1 to line 3")
    ]
    assert "1 came without a password" in outcome.err


REFUSED: dict[str, tuple[Mapping[str, object] | str, str]] = {
    "no JSON": ('{"username": "x"', "no JSON at character"),
    "no object": ('["x"]', "this is no JSON object"),
    "not a number": ('{"username": "x", "claims": {"name": NaN}}', "NaN is no number in JSON"),
    "twice": ('{"username": "x", "username": "y"}', "an object has a member twice"),
    "deep": ('{"username": "x", "claims": {"name": ' + "[" * 5000 + "]" * 5000 + "}}", "nested"),
    "long": (json.dumps({"username": "x" * MAX_LINE}), f"longer than {MAX_LINE} bytes"),
    "unknown member": ({"username": "x", "mail": "x@example.org"}, "mail: no such member; choose from username, sub"),
    "no name": ({"email": "x@example.org"}, "username: every user needs one"),
    "no text": ({"username": 7}, "username: write a text"),
    "no flag": ({"username": "x", "enabled": "yes"}, "enabled: write true or false"),
    "odd name": ({"username": "with space"}, "username: it must be 1 to 254 characters without spaces"),
    "no address": ({"username": "x", "email": "x@"}, "email: write an e-mail address"),
    "verified": ({"username": "x", "email_verified": True}, "email_verified: there is no e-mail address"),
    "long sub": ({"username": "x", "sub": "s" * 256}, "sub: use 1 to 255 printable ASCII characters"),
    "sub in another script": ({"username": "x", "sub": "ä"}, "sub: use 1 to 255 printable ASCII characters"),
    "sub of a client": ({"username": "x", "sub": "web"}, "the sub web is the client_id of a client"),
    "no group": ({"username": "x", "groups": ["nowhere"]}, "groups: there is no group nowhere"),
    "no claim": ({"username": "x", "claims": {"sub": "root"}}, "sub is no attribute"),
    "wrong claim": ({"username": "x", "claims": {"birthdate": "soon"}}, "birthdate: write YYYY-MM-DD"),
    "large claims": ({"username": "x", "claims": {"name": "n" * 20_000}}, "16384 is the most"),
    "no character": ({"username": "x", "claims": {"name": "a\0b"}}, "a character that cannot be kept"),
    "half a pair": ('{"username": "x", "claims": {"name": "\\ud800"}}', "a character that cannot be kept"),
    "costly bcrypt": ({"username": "x", "password_hash": "$2b$31$" + "a" * 53}, "its cost is 31, and 14 is the most"),
    "costly PBKDF2": (
        {"username": "x", "password_hash": "$pbkdf2-sha512$i=1000000000$c2FsdA$dGFn"},
        "it takes 1000000000 iterations",
    ),
    "costly argon2": (
        {"username": "x", "password_hash": "$argon2id$v=19$m=8388608,t=1,p=1$c2FsdHNhbHQ$dGFndGFndGFn"},
        "it takes 8388608 KiB of memory",
    ),
    "no hash": ({"username": "x", "password_hash": "secret"}, "this is no hash of argon2id"),
    "taken name": ({"username": "ADA", "sub": "another"}, "ada belongs to the user ada already"),
    "taken address": ({"username": "x", "email": "ADA@example.org"}, "ada@example.org belongs to the user ada already"),
    "taken sub": ({"username": "x", "sub": "legacy|1"}, "the sub legacy|1 belongs to the user ada already"),
    "two with one address": (
        {"username": "x", "email": "First@example.org"},
        "another user of this import has first@example.org already",
    ),
    "two with one sub": ({"username": "x", "sub": "f"}, "another user of this import has the sub f already"),
}
FIRST = {"username": "first", "email": "first@example.org", "sub": "f"}
LAST = {"username": "last", "email": "last@example.org"}


def with_ada(operator: Operator) -> None:
    operator.succeed("client", "create", "web", "--redirect-uri", "https://web.example/cb", "--scope", "openid")
    ada = {"username": "ada", "email": "ada@example.org", "sub": "legacy|1"}
    assert bring(operator, ada).exit_code == ExitCode.OK


@pytest.mark.requirement("import: a broken or hostile line is listed with its number and the reason, nothing half done")
def test_refused_users_are_left_out_and_the_others_come(operator: Operator) -> None:
    with_ada(operator)

    outcome = bring(operator, FIRST, *(line for line, _ in REFUSED.values()), LAST, options=("--on-error", "continue"))
    found = reasons(outcome)

    assert outcome.exit_code == ExitCode.REFUSED
    assert list(found) == [f"line {number}" for number in range(2, 2 + len(REFUSED))]
    for number, (kind, (_, words)) in enumerate(REFUSED.items(), 2):
        assert words in found[f"line {number}"], kind
    assert names(operator) == ["ada", "first", "last"]
    assert (outcome.json["imported"], outcome.json["refused"]) == (2, len(REFUSED))
    assert f"{len(REFUSED)} users were refused; all others are here." in outcome.err
    assert "secret" not in outcome.err


@pytest.mark.requirement("import: a broken or hostile line is listed with its number and the reason, nothing half done")
@pytest.mark.parametrize("kind", REFUSED)
def test_the_first_refused_user_ends_the_import_and_nothing_of_the_batch_is_here(operator: Operator, kind: str) -> None:
    with_ada(operator)
    line, words = REFUSED[kind]

    outcome = bring(operator, FIRST, line, LAST)

    assert outcome.exit_code == ExitCode.REFUSED
    assert words in reasons(outcome)["line 2"]
    assert "complete" in outcome.json
    assert not outcome.json["complete"]
    assert names(operator) == ["ada"]


@pytest.mark.requirement("import: what was interrupted is typed again, and comes once")
def test_what_is_here_already_is_left_as_it_is(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "BATCH", 2)
    users = [{"username": f"u{n}", "sub": f"s{n}"} if n % 2 else {"username": f"u{n}"} for n in range(7)]

    stopped = bring(operator, *users[:4], {"username": "no good"}, *users[4:])
    kept = {user["username"]: user["subject"] for user in operator.json("user", "list")}
    operator.succeed("user", "update", "u1", "--claim", "name=Changed since")
    again = bring(operator, *users)
    third = bring(operator, *users)

    assert (stopped.json["imported"], stopped.json["complete"]) == (4, False)
    assert list(kept) == ["u0", "u1", "u2", "u3"]
    assert (again.json["imported"], again.json["unchanged"]) == (3, 4)
    assert (third.json["imported"], third.json["unchanged"]) == (0, 7)
    assert again.exit_code == third.exit_code == ExitCode.OK
    after = operator.json("user", "list")
    assert {user["username"]: user["subject"] for user in after if user["username"] in kept} == kept
    assert operator.json("user", "get", "u1")["claims"] == {"name": "Changed since"}


def test_a_dry_run_says_the_same_and_stores_nothing(operator: Operator) -> None:
    with_ada(operator)
    users = (FIRST, REFUSED["two with one address"][0], LAST, REFUSED["taken sub"][0])

    dry = bring(operator, *users, options=("--dry-run", "--on-error", "continue"))
    realm = operator.run("user", "import", "--format", "keycloak", str(HERE / "staff-realm.json"), "--dry-run")
    after_dry = names(operator)
    wet = bring(operator, *users, options=("--on-error", "continue"))

    assert (after_dry, operator.json("group", "list"), dry.events) == (["ada"], [], [])
    assert realm.exit_code == ExitCode.OK
    assert dry.exit_code == wet.exit_code == ExitCode.REFUSED
    assert dry.json | {"dry_run": False} == wet.json
    assert "nothing was stored, as asked" in dry.err


@pytest.mark.requirement("import: a Keycloak realm comes with its groups, nested, and who is in them")
def test_a_keycloak_realm_comes_in_several_files_with_its_groups(operator: Operator) -> None:
    files = [str(HERE / name) for name in ("staff-realm.json", "staff-users-0.json")]

    outcome = operator.succeed("user", "import", "--format", "keycloak", *files, "-o", "json")
    again = operator.json("user", "import", "--format", "keycloak", *files)
    groups = {group["name"]: group["member_groups"] for group in operator.json("group", "list")}
    ada = operator.json("user", "get", "kc-ada")

    assert (outcome.json["imported"], outcome.json["groups_created"]) == (7, 5)
    assert (again["imported"], again["unchanged"], again["groups_created"]) == (0, 7, 0)
    assert groups == {
        "/kc-engineering": ["/kc-engineering/backend", "/kc-engineering/frontend"],
        "/kc-engineering/backend": ["/kc-engineering/backend/on call"],
        "/kc-engineering/backend/on call": [],
        "/kc-engineering/frontend": [],
        "/kc-finance": [],
    }
    assert operator.json("group", "get", "/kc-finance")["members"] == ["kc-donald", "kc-grace", "kc-tony"]
    assert ada["claims"] == {
        "given_name": "Ada",
        "family_name": "Example",
        "name": "Ada Example",
        "locale": "en-GB",
        "phone_number": "+12025550100",
    }
    assert not operator.json("user", "get", "kc-donald")["enabled"]
    assert not operator.json("user", "get", "kc-edsger")["email_verified"]
    assert outcome.json["left_out"] == {
        "realmRoles": 7,
        "attribute badge": 1,
        "credential otp": 1,
        "federationLink": 1,
        "groups: attributes": 1,
        "requiredActions": 1,
        "service account of the client ci": 1,
    }
    assert outcome.json["without_password"] == 1


def test_groups_of_keycloak_may_be_called_by_their_last_name(operator: Operator) -> None:
    realm = str(HERE / "staff-realm.json")

    operator.succeed("user", "import", "--format", "keycloak", realm, "--group-names", "name")

    assert operator.json("user", "get", "kc-grace")["groups"] == ["backend", "kc-engineering", "kc-finance", "on call"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON that can be read"),
        ("[]", "an array; give a file of one realm"),
        ('{"realm": "x", "users": [{"username": "a"}, {"user', "no JSON that can be read"),
        (
            json.dumps({"groups": [{"name": "a", "path": "/a", "subGroups": [{"name": "b,c", "path": "/a/b,c"}]}]}),
            "group /a/b,c: name: use no comma",
        ),
        (json.dumps({"groups": [{"name": 7}]}), "A group in the realm cannot be read: name: write a text"),
        (json.dumps({"users": [{"username": "a", "groups": ["/gone"]}]}), "groups: there is no group /gone"),
        (json.dumps({"users": ["a"]}), "user 1: this is no JSON object"),
        (
            json.dumps({"users": [{"username": "a", "credentials": [{"type": "password", "secretData": "x"}]}]}),
            "credentials: secretData is no JSON object",
        ),
        (
            json.dumps(
                {
                    "users": [
                        {
                            "username": "a",
                            "credentials": [
                                {
                                    "type": "password",
                                    "secretData": '{"value": "dGFn", "salt": "c2FsdA=="}',
                                    "credentialData": '{"hashIterations": 5, "algorithm": "scrypt"}',
                                }
                            ],
                        }
                    ]
                }
            ),
            "credentials: passwords of the algorithm scrypt are not known here",
        ),
    ],
)
def test_a_realm_that_cannot_be_read_is_refused_and_nothing_comes(operator: Operator, text: str, words: str) -> None:
    refused = operator.run("user", "import", "--format", "keycloak", "-", stdin=text)

    assert refused.exit_code == ExitCode.REFUSED
    assert words in refused.err
    assert (names(operator), operator.json("group", "list")) == ([], [])


BLUEPRINT = """
version: 1
metadata: {name: authentik Export}
entries:
- model: authentik_core.group
  identifiers: {pk: 9c6e1b2a-0000-4000-8000-000000000002}
  attrs: {name: backend, parent: 9c6e1b2a-0000-4000-8000-000000000001}
- model: authentik_core.group
  identifiers: {pk: 9c6e1b2a-0000-4000-8000-000000000001}
  attrs: {name: engineering}
- model: authentik_core.user
  identifiers: {pk: 5}
  attrs:
    username: ak-ada
    name: Ada Lovelace
    email: ada@authentik.example
    is_active: true
    type: internal
    path: users
    password: pbkdf2_sha256$1000$saltySalt$9PcUKGJIJIbbXWKQMgD0L7r4CkXzrbUCY6HMg4PSzIk=
    groups: [9c6e1b2a-0000-4000-8000-000000000002]
    attributes: {locale: en, shoe_size: 40}
- model: authentik_core.user
  attrs: {username: outpost, name: Outpost, type: internal_service_account, path: goauthentik.io/outposts}
- model: authentik_flows.flow
  attrs: {slug: x, stages: [!Find [authentik_stages_password.passwordstage, [name, x]]]}
"""


def test_users_of_authentik_come_from_a_blueprint_and_the_list_of_the_api(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "export.yaml").write_text(BLUEPRINT)
    listed = {"pk": 5, "username": "ak-ada", "uid": "f1a7c3", "uuid": "x", "is_superuser": False, "groups": None}
    (tmp_path / "users.json").write_text(json.dumps({"pagination": {}, "results": [listed]}))
    files = [str(tmp_path / name) for name in ("export.yaml", "users.json")]

    outcome = operator.json("user", "import", "--format", "authentik", *files)
    ada = operator.json("user", "get", "ak-ada")

    assert (ada["subject"], ada["groups"], ada["claims"]) == (
        "f1a7c3",
        ["backend", "engineering"],
        {"name": "Ada Lovelace", "locale": "en"},
    )
    assert outcome["hash_parameters"] == {"$pbkdf2-sha256$i=1000,l=32$": 1}
    assert outcome["left_out"] == {"account of the type internal_service_account": 1, "attribute shoe_size": 1}


@pytest.mark.parametrize(
    ("arguments", "stdin", "exit_code", "words"),
    [
        (("--format", "dex", "-"), "issuer: x\n", ExitCode.REFUSED, "There are no passwords of Dex"),
        (("--format", "dex", "-"), "a: [", ExitCode.REFUSED, "neither YAML nor JSON at line 2"),
        (("--format", "dex", "-"), "staticPasswords: [7]", ExitCode.REFUSED, "password 1: this is no JSON object"),
        (("--format", "authentik", "-"), "version: 1", ExitCode.REFUSED, "There are no users of authentik"),
        (("-", "-"), "", ExitCode.USAGE, "Give - once"),
        ((str(HERE / "staff-realm.json"), "-"), "", ExitCode.USAGE, "Give one file of JSON Lines"),
        (("gone.jsonl",), "", ExitCode.USAGE, "does not exist"),
        ((), "", ExitCode.USAGE, "Missing argument"),
    ],
)
def test_what_is_no_export_is_refused(
    operator: Operator, arguments: tuple[str, ...], stdin: str, exit_code: ExitCode, words: str
) -> None:
    refused: Any = operator.run("user", "import", *arguments, stdin=stdin)

    assert refused.exit_code == exit_code
    assert words in " ".join(refused.err.split())
    assert names(operator) == []
