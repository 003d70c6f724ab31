"""Custom attributes of users: what may be declared, and what their values are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from valetkey.administration.errors import Refused
from valetkey.administration.user_attributes import parse_attributes, require_bounded
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oidc.claims.attribute import (
    MAX_ATTRIBUTES,
    AttributeType,
    UserAttribute,
    attribute_problems,
    attribute_set_problems,
    claim_table,
)
from valetkey.core.oidc.claims.bound import MAX_BYTES
from valetkey.core.oidc.claims.registry import CLAIM
from valetkey.core.oidc.claims.reserved import RESERVED_CLAIMS
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS

SCOPES = {
    name: RegisteredScope(name, name, resource)
    for name, resource in (
        ("openid", None),
        ("offline_access", None),
        ("hr", None),
        ("api:read", "https://api.example"),
    )
}
DEPARTMENT = UserAttribute("department", AttributeType.STRING, "department", "hr")


@pytest.mark.parametrize("name", ["a", "Cost-Center_2.b", "x" * 64])
@pytest.mark.parametrize("claim", ["a", "https://acme.example/cost", "x" * 128])
@pytest.mark.parametrize("type_", AttributeType)
def test_a_good_declaration_is_taken(name: str, claim: str, type_: AttributeType) -> None:
    assert attribute_problems(UserAttribute(name, type_, claim, "hr"), SCOPES) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        *(({"name": name}, "name: use 1 to 64 letters") for name in ("", "1a", "a b", "ä", "x" * 65, "a=b", "a\n")),
        *(({"name": name}, f"name: {name} is a standard claim") for name in ("email", "groups", "nickname")),
        *(({"claim": claim}, "claim: use 1 to 128 printable characters") for claim in ("", "a b", "x" * 129, "\n")),
        *(({"claim": claim}, f"claim: {claim} is a standard claim; choose") for claim in ("email", "groups")),
        ({"scope": "api:read"}, "scope: api:read belongs to https://api.example and is not about the user"),
        ({"scope": "nothing"}, "scope: nothing is not registered; `valetkey scope create` registers it"),
        *(({"scope": name}, f"scope: {name} does not tell the user") for name in ("openid", "offline_access")),
    ],
)
def test_a_bad_declaration_is_refused_with_what_to_do(changes: dict[str, str], words: str) -> None:
    problems = attribute_problems(replace(DEPARTMENT, **changes), SCOPES)  # type: ignore[arg-type]

    assert len(problems) == 1
    assert problems[0].startswith(words)


@pytest.mark.requirement("security 35: reserved claims cannot be overridden by user attributes")
@pytest.mark.parametrize("claim", sorted(RESERVED_CLAIMS))
def test_a_reserved_claim_is_refused_when_it_is_declared(claim: str) -> None:
    problems = attribute_problems(replace(DEPARTMENT, claim=claim), SCOPES)

    assert problems == [f"claim: {claim} is reserved; the protocol sets it. Choose another name"]


def test_a_claim_has_one_attribute_and_there_are_not_too_many() -> None:
    many = [UserAttribute(f"a{n}", AttributeType.STRING, f"c{n}", "hr") for n in range(MAX_ATTRIBUTES + 1)]

    assert attribute_set_problems(many[1:]) == []
    assert attribute_set_problems(many) == [f"there would be {MAX_ATTRIBUTES + 1} attributes, and 64 is the most"]
    assert attribute_set_problems([DEPARTMENT, replace(DEPARTMENT, name="other")]) == [
        "claim: department is made from department already"
    ]


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (AttributeType.STRING, "7", "7"),
        (AttributeType.STRING, "a b", "a b"),
        (AttributeType.INTEGER, "7", 7),
        (AttributeType.INTEGER, "-0", 0),
        (AttributeType.BOOLEAN, "false", False),
        (AttributeType.STRINGS, '["a", "b"]', ["a", "b"]),
    ],
)
def test_a_value_is_stored_as_its_type_says(type_: AttributeType, text: str, value: object) -> None:
    table = claim_table([replace(DEPARTMENT, type=type_)], {})

    stored = parse_attributes({"department": text}, table)["department"]

    assert (stored, type(stored)) == (value, type(value))


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        *((AttributeType.STRING, text) for text in ("", " ", "a\nb", "x" * 256)),
        *((AttributeType.INTEGER, text) for text in ("", "1.5", "true", "1e3", "9007199254740992", '"1"', "NaN")),
        *((AttributeType.BOOLEAN, text) for text in ("", "1", "True", '"true"')),
        *((AttributeType.STRINGS, text) for text in ("", "a", "[]", "[1]", '[""]', json.dumps(["x"] * 51), '{"a": 1}')),
    ],
)
def test_a_value_of_another_type_is_refused_with_what_to_write(type_: AttributeType, text: str) -> None:
    with pytest.raises(ValueError, match=r"^department: write "):
        parse_attributes({"department": text}, claim_table([replace(DEPARTMENT, type=type_)], {}))


@pytest.mark.parametrize("name", ["department", "sub", "email", "groups", "updated_at", ""])
def test_what_is_not_declared_cannot_be_set(name: str) -> None:
    with pytest.raises(ValueError, match="no such attribute; choose from address, birthdate"):
        parse_attributes({name: "x"}, STANDARD_CLAIMS)


def test_the_attributes_of_a_user_are_bounded() -> None:
    require_bounded({"a": "x" * (MAX_BYTES - 9)})

    with pytest.raises(Refused, match="16385 bytes of JSON, and 16384 is the most; shorten some"):
        require_bounded({"a": "x" * (MAX_BYTES - 8)})


def test_the_table_has_the_standard_claims_and_the_declared_ones() -> None:
    table = claim_table([replace(DEPARTMENT, name="dep", type=AttributeType.STRINGS)], {})

    assert table.names == set(CLAIM) | {"department"}
    assert table.attributes["dep"] is table.claims["department"]
    assert table.claims["department"].is_list
    assert table.opened_by(("openid", "hr")) == {"department"}
