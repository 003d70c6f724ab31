"""``valetkey attribute``: declared once, set for each user, gone with its values."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.operator_cli import Operator
from valetkey.cli.exit_code import ExitCode

DEPARTMENT = {"name": "department", "type": "string", "claim": "department", "scope": "hr", "managed_by": None}


@pytest.fixture
def operator(operator: Operator) -> Operator:
    """An operator with a scope about the user, and a user."""
    operator.succeed("scope", "create", "hr", "--description", "See where you work")
    operator.succeed("user", "create", "ada", "--generate-password", "--claim", "name=Ada")
    return operator


def test_an_attribute_is_declared_and_set(operator: Operator) -> None:
    declared = operator.json("attribute", "create", "department", "--scope", "hr")
    operator.succeed("attribute", "create", "sites", "--type", "strings", "--claim", "urn:sites", "--scope", "profile")

    changed = operator.json("user", "update", "ada", "--claim", "department=R&D", "--claim", 'sites=["a", "b"]')
    created = operator.json("user", "create", "bob", "--generate-password", "--claim", "department=IT")

    assert declared == DEPARTMENT
    assert [each["claim"] for each in operator.json("attribute", "list")] == ["department", "urn:sites"]
    assert changed["claims"] == {"name": "Ada", "department": "R&D", "sites": ["a", "b"]}
    assert created["claims"] == {"department": "IT"}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("create", "department", "--scope", "hr"), ExitCode.CONFLICT, "is already declared"),
        (("create", "unit", "--scope", "hr", "--claim", "department"), ExitCode.REFUSED, "is made from department"),
        (("create", "unit", "--scope", "hr", "--claim", "sub"), ExitCode.REFUSED, "claim: sub is reserved"),
        (("create", "unit", "--scope", "nothing"), ExitCode.REFUSED, "`valetkey scope create` registers it"),
        (("create", "unit", "--scope", "hr", "--type", "number"), ExitCode.USAGE, "is not one of 'string'"),
        (("delete", "unit", "--yes"), ExitCode.NOT_FOUND, "`valetkey attribute list` lists them"),
    ],
)
def test_what_cannot_be_declared_is_refused_and_changes_nothing(
    operator: Operator, arguments: tuple[str, ...], exit_code: ExitCode, words: str
) -> None:
    operator.succeed("attribute", "create", "department", "--scope", "hr")

    refused = operator.run("attribute", *arguments)

    assert refused.exit_code == exit_code
    assert words in " ".join(refused.err.split())
    assert operator.json("attribute", "list") == [DEPARTMENT]


@pytest.mark.requirement("security 60: what is declared again under the same name inherits nothing")
def test_an_attribute_that_is_deleted_takes_its_values_along(operator: Operator) -> None:
    operator.succeed("attribute", "create", "department", "--scope", "hr")
    operator.succeed("user", "update", "ada", "--claim", "department=IT")
    policy = json.dumps({"unit": {"attribute": "department"}})
    operator.succeed("client", "create", "web", "--redirect-uri", "https://web.example/cb", "--claim-policy", policy)

    refused = operator.run("scope", "delete", "hr", "--yes")
    asked = operator.run("attribute", "delete", "department")
    operator.succeed("attribute", "delete", "department", "--yes")
    operator.succeed("attribute", "create", "department", "--scope", "hr")

    assert refused.exit_code == ExitCode.CONFLICT
    assert "The scope hr opens an attribute of users; delete that one first." in " ".join(refused.err.split())
    assert "which claim policies use of: web?" in " ".join(asked.err.split())
    assert operator.json("user", "get", "ada")["claims"] == {"name": "Ada"}


def test_attributes_beyond_the_bound_are_refused_and_change_nothing(operator: Operator) -> None:
    text = json.dumps({"formatted": "x" * 1000, "street_address": "x" * 1000})
    for number in range(9):
        operator.succeed("attribute", "create", f"a{number}", "--type", "strings", "--scope", "hr")
    before = operator.json("user", "get", "ada")
    many = [word for n in range(9) for word in ("--claim", f"a{n}={json.dumps(['x' * 200] * 9)}")]

    refused = operator.run("user", "update", "ada", "--claim", f"address={text}", *many)

    assert refused.exit_code == ExitCode.REFUSED
    assert "16384 is the most; shorten some" in " ".join(refused.err.split())
    assert operator.json("user", "get", "ada") == before


def test_a_file_declares_an_attribute_with_its_scope_its_values_and_who_gets_it(
    operator: Operator, tmp_path: Path
) -> None:
    document: dict[str, Any] = {
        "scopes": [{"name": "staff", "description": "See where you work"}],
        "attributes": [{"name": "site", "scope": "staff"}, {"name": "level", "type": "integer", "scope": "profile"}],
        "users": [{"username": "eve", "claims": {"site": "Paris", "level": 3}}],
        "clients": [
            {
                "client_id": "web",
                "redirect_uris": ["https://web.example/cb"],
                "scope": ["openid", "staff"],
                "claim_policy": {"location": {"attribute": "site"}},
            }
        ],
    }
    file = tmp_path / "clients.yaml"
    apply = ("client", "apply", "-f", str(file), "--yes", "--secrets-directory", str(tmp_path), "--prune")

    file.write_text(json.dumps(document))
    first = operator.json(*apply)
    again = operator.json(*apply)
    by_hand = operator.run("attribute", "delete", "site", "--yes")
    document["attributes"].pop()
    document["users"][0]["claims"].pop("level")
    file.write_text(json.dumps(document))
    operator.succeed(*apply)

    assert [each["name"] for each in first["changes"] if each["kind"] == "attribute"] == ["site", "level"]
    assert again["changes"] == []
    assert by_hand.exit_code == ExitCode.CONFLICT
    assert [each["name"] for each in operator.json("attribute", "list")] == ["site"]
    assert operator.json("user", "get", "eve")["claims"] == {"site": "Paris"}
