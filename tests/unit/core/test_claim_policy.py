"""The claim policy of a client: what may be written, and which claims are returned where."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from support.seed import make_user
from valetkey.administration.registration import new_client
from valetkey.core.authentication.user import User
from valetkey.core.client.client import Client, IdTokenClaims
from valetkey.core.client.registration import client_problems
from valetkey.core.epoch import TokenEpochs
from valetkey.core.oauth.authorization import Authorization
from valetkey.core.oauth.resource import Catalog, ResourceServer
from valetkey.core.oidc.claims.policy.kind import Origin, Place
from valetkey.core.oidc.claims.policy.policy import MOST_PLANS, MOST_POLICIES, ClaimPolicy, read_policy
from valetkey.core.oidc.claims.registry import CLAIMS, Claim
from valetkey.core.oidc.claims.release import access_token_user_claims, id_token_user_claims, userinfo_claims
from valetkey.core.oidc.claims.request import ClaimsRequest
from valetkey.core.oidc.claims.reserved import RESERVED_CLAIMS
from valetkey.core.oidc.claims.table import MOST_SCOPES, ClaimTable

API, OTHER = "https://api.example", "https://other.example"
TEAMS = ["team-a", "team-b", "ops"]
TABLE = ClaimTable.of(
    (
        *CLAIMS,
        Claim("teams", "teams", "Your teams", is_list=True),
        Claim("employee", "hr", "Your number", attribute="employee_number"),
    )
)
CATALOG = Catalog({}, {name: ResourceServer(name, name) for name in (API, OTHER)}, TABLE)
NOW = datetime(2026, 1, 2, tzinfo=UTC)
ADA = make_user(claims={"name": "Ada", "teams": TEAMS, "employee_number": "7", "nickname": ""}, updated_at=NOW)
SCOPE = ("openid", "email", "teams", "hr")
OF_SCOPE = {"email": "ada@example.org", "email_verified": True, "teams": TEAMS, "employee": "7"}


def client_of(policy: object = None, claims: IdTokenClaims | None = IdTokenClaims.SCOPES) -> Client:
    fields: dict[str, object] = {"id_token_claims": claims} if policy is None else {"claim_policy": policy}
    return replace(new_client("web", fields), id_token_claims=claims)


def released(
    client: Client,
    *,
    scope: tuple[str, ...] = SCOPE,
    resources: tuple[str, ...] = (API,),
    user: User | None = ADA,
    requested: ClaimsRequest | None = None,
) -> dict[str, dict[str, Any]]:
    """What each place gets."""
    authorization = Authorization(
        uuid4(), client, TokenEpochs(0, 0, 0), scope, resources, user, claim_table=TABLE,
        claims=requested or ClaimsRequest(),
    )  # fmt: skip
    found: dict[str, dict[str, Any]] = {"access_token": access_token_user_claims(authorization)}
    if user is not None:
        found["id_token"] = id_token_user_claims(authorization, user)
        found["userinfo"] = userinfo_claims(client, TABLE, user, scope, authorization.claims.userinfo)
        assert found["userinfo"].pop("sub") == str(user.subject)
    return found


def problems_of(policy: object) -> list[str]:
    return client_problems(replace(client_of(policy), redirect_uris=()), CATALOG)


@pytest.mark.requirement("OIDC Core §5.4: the claims of scopes are in the ID token of a client that is registered so")
@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        (IdTokenClaims.SCOPES, OF_SCOPE | {"name": "Ada"}),
        (IdTokenClaims.REQUESTED, {"name": "Ada"}),
        (IdTokenClaims.NONE, {}),
        (None, {"name": "Ada"}),
    ],
)
def test_the_id_token_has_what_the_client_is_registered_for(
    claims: IdTokenClaims | None, expected: dict[str, object]
) -> None:
    found = released(client_of(claims=claims), requested=ClaimsRequest(id_token=("name", "zoneinfo", "nickname")))

    assert found == {"access_token": {}, "id_token": expected, "userinfo": OF_SCOPE}


EVERYWHERE = ["id_token", "userinfo", "access_token"]
CASES: dict[str, tuple[dict[str, Any], ...]] = {
    # The policy, and what it changes in ID token, UserInfo and access token; None where a claim is not returned.
    "nothing": ({}, {}, {}, {}),
    "as it is": ({"email": None}, {}, {}, {}),
    "nowhere": ({"email": {"in": []}}, {"email": None}, {"email": None}, {}),
    "one place": ({"email": {"in": "userinfo"}}, {"email": None}, {}, {}),
    "everywhere": ({"email": {"in": EVERYWHERE}}, {}, {}, {"email": "ada@example.org"}),
    "for this API": ({"email": {"in": [API, OTHER]}}, *[{"email": None}] * 2, {"email": "ada@example.org"}),
    "for another API": ({"email": {"in": [OTHER]}}, {"email": None}, {"email": None}, {}),
    "renamed": ({"mail": {"from": "email"}}, *[{"email": None, "mail": "ada@example.org"}] * 2, {}),
    "renamed in one place": (
        {"mail": {"from": "email", "in": ["id_token"]}},
        {"email": None, "mail": "ada@example.org"},
        {},
        {},
    ),
    "doubled": ({"mail": {"from": "email"}, "email": {}}, *[{"mail": "ada@example.org"}] * 2, {}),
    "exchanged": (
        {"email": {"from": "employee"}, "employee": {"from": "email"}},
        *[{"email": "7", "employee": "ada@example.org"}] * 2,
        {},
    ),
    "subject": ({"user_id": {"from": "sub"}}, *[{"user_id": str(ADA.subject)}] * 2, {}),
    "not agreed to": ({"who": {"from": "name", "in": EVERYWHERE}}, {}, {}, {}),
    "without a value": ({"nick": {"from": "nickname", "in": EVERYWHERE}}, {}, {}, {}),
    "constant": ({"tenant": {"value": "a"}}, {"tenant": "a"}, {"tenant": "a"}, {}),
    "constant for the API": ({"tenant": {"value": ["a"], "in": [API]}}, {}, {}, {"tenant": ["a"]}),
    "false is a value": ({"admin": {"value": False}}, {"admin": False}, {"admin": False}, {}),
    "zero is a value": ({"level": {"value": 0}}, {"level": 0}, {"level": 0}, {}),
    "constant in place of a claim": ({"email": {"value": "a@b.example"}}, *[{"email": "a@b.example"}] * 2, {}),
    "attribute": ({"id": {"attribute": "employee_number"}}, *[{"id": "7", "employee": None}] * 2, {}),
    "attribute elsewhere": (
        {"id": {"attribute": "employee_number", "in": ["access_token"]}},
        {},
        {},
        {"id": "7"},
    ),
    "attribute not agreed to": ({"id": {"attribute": "name", "in": EVERYWHERE}}, {}, {}, {}),
    "prefix": ({"teams": {"prefix": "x:"}}, *[{"teams": ["x:team-a", "x:team-b", "x:ops"]}] * 2, {}),
    "match": ({"teams": {"match": "team-*"}}, *[{"teams": ["team-a", "team-b"]}] * 2, {}),
    "match and prefix": (
        {"roles": {"from": "teams", "match": ["*-a", "ops"], "prefix": "x:"}},
        *[{"teams": None, "roles": ["x:team-a", "x:ops"]}] * 2,
        {},
    ),
    "nothing matches": ({"teams": {"match": "TEAM-*"}}, {"teams": None}, {"teams": None}, {}),
    "of a later release": ({"email": {"lower": True, "in": EVERYWHERE}}, {"email": None}, {"email": None}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_each_place_gets_what_the_policy_says(case: str) -> None:
    policy, *changes = CASES[case]

    found = released(client_of(policy))

    for place, base, changed in zip(EVERYWHERE, (OF_SCOPE, OF_SCOPE, {}), changes, strict=True):
        expected = {name: value for name, value in (base | changed).items() if value is not None}
        assert found[place] == expected, place


@pytest.mark.parametrize("claims", [IdTokenClaims.REQUESTED, IdTokenClaims.NONE])
def test_a_place_that_is_named_is_meant_whatever_the_id_token_has_otherwise(claims: IdTokenClaims) -> None:
    found = released(client_of({"email": {"in": ["id_token"]}, "teams": {"prefix": "x"}}, claims))

    assert found["id_token"] == {"email": "ada@example.org"}


def test_what_was_requested_by_name_was_agreed_to() -> None:
    policy = {"who": {"from": "name", "in": EVERYWHERE}}

    found = released(client_of(policy), requested=ClaimsRequest(userinfo=("name",)))

    assert {found[place].get("who") for place in EVERYWHERE} == {"Ada"}
    assert "name" not in found["userinfo"]


@pytest.mark.requirement("security 32: an API learns nothing that was meant for another")
@pytest.mark.parametrize(
    ("resources", "where", "has_it"),
    [
        ((API,), [API], True),
        ((API, OTHER), [API], False),
        ((API, OTHER), [API, OTHER], True),
        ((API, OTHER), ["access_token"], True),
        ((), [API], False),
        ((), ["access_token"], True),
    ],
)
def test_a_token_for_several_apis_has_only_what_each_of_them_may_see(
    resources: tuple[str, ...], where: list[str], *, has_it: bool
) -> None:
    found = released(client_of({"email": {"in": where}}), resources=resources)

    assert ("email" in found["access_token"]) is has_it


@pytest.mark.parametrize("policy", [{"tenant": {"value": "a", "in": [API]}, "email": {"in": [API]}}])
def test_a_client_that_acts_for_itself_has_constants_and_nothing_of_a_user(policy: object) -> None:
    found = released(client_of(policy), user=None, scope=("api:read",))

    assert found == {"access_token": {"tenant": "a"}}


def test_without_its_scope_a_claim_is_returned_nowhere() -> None:
    policy = {name: {"in": EVERYWHERE} for name in TABLE.names} | {"x": {"from": "email", "in": EVERYWHERE}}

    assert released(client_of(policy), scope=("openid",)) == {place: {} for place in EVERYWHERE}


@pytest.mark.requirement("security 35: reserved claims cannot be overridden, and that is said at registration")
@pytest.mark.parametrize("name", sorted(RESERVED_CLAIMS))
def test_a_reserved_name_is_refused_at_registration_and_set_by_no_policy(name: str) -> None:
    policy = {name: {"value": "forged", "in": EVERYWHERE}}

    assert problems_of(policy) == [
        f"claim_policy: {name}: is reserved; the protocol sets it and no policy can. Choose another name"
    ]
    assert all(name not in claims for claims in released(client_of(policy)).values())


def test_every_name_that_the_protocol_sets_is_reserved() -> None:
    names = "iss sub aud exp nbf iat auth_time nonce acr amr azp at_hash c_hash sid cnf act may_act scope client_id jti"

    assert set(names.split()) <= RESERVED_CLAIMS


VALUES: list[object] = [None, "", " ", "a\nb", "x" * 256, 1.5, 2**53, [], {}, [1], [""], ["x"] * 51, [["x"]], "\ud800"]
MATCHES: list[object] = [1, "", [], [""], ["*" * 3], ["a" * 129], ["a"] * 33, [1], "a\n", None]
PREFIXES: list[object] = [1, "", "x" * 65, "\n", ["a"], None]
PLACES: list[object] = [1, [1], None, {}]
A_VALUE = "value: write a text of 1 to 255 printable characters, a whole number, true or false, or a list"
PATTERNS = "match: write 1 to 32 patterns of at most 128 printable characters with at most 2 asterisks"
A_PREFIX = "prefix: write 1 to 64 printable characters"
A_PLACE = "in: write a list of id_token, userinfo, access_token, or URIs of resource servers"
BAD: list[tuple[object, str]] = [
    ({"a b": {"value": 1}}, "a b: use 1 to 128 printable characters without spaces"),
    ({"": {"value": 1}}, ": use 1 to 128 printable characters without spaces"),
    ({"x" * 129: {"value": 1}}, "use 1 to 128 printable characters without spaces"),
    ({"\ud800": {"value": 1}}, "use 1 to 128 printable characters without spaces"),
    ({"email": {"to": ["userinfo"]}}, "email: to means nothing here; choose from in, from, value, attribute, match"),
    ({"email": {"from": "email", "value": 1}}, "email: give one of from, value, attribute"),
    *(({"x": {"value": value}}, f"x: {A_VALUE}") for value in VALUES),
    *(({"teams": {"match": value}}, f"teams: {PATTERNS}") for value in MATCHES),
    *(({"teams": {"prefix": value}}, f"teams: {A_PREFIX}") for value in PREFIXES),
    *(({"email": {"in": value}}, f"email: {A_PLACE}") for value in PLACES),
    ({"email": {"in": ["cookies"]}}, "email: in: cookies is neither id_token, userinfo, access_token nor the URI"),
    ({"email": {"in": [f"{API}/{n}" for n in range(9)]}}, "email: in: name at most 8 resource servers"),
    ({"email": {"in": [f"{API}/"]}}, f"email: in: {API}/ is no registered resource server"),
    ({"x": {}}, "x: is no claim about users; name one that discovery has, give a value, or declare an attribute"),
    ({"x": {"from": 1}}, "x: from: write the name of a claim"),
    ({"x": {"from": "iss"}}, "x: from: iss is no claim about users"),
    ({"x": {"attribute": "employee"}}, "x: attribute: employee is not declared; `valetkey attribute create`"),
    ({"x": {"attribute": 1}}, "x: attribute: write the name of an attribute"),
    ({"email": {"prefix": "x"}}, "email: match and prefix are for lists of texts, such as groups"),
    ({"x": {"value": "a", "match": "a"}}, "x: match and prefix are for lists of texts, such as groups"),
    ({"groups": {"value": "ops"}}, "groups: must be a list of texts, whatever it is made from"),
    ({"groups": {"from": "email"}}, "groups: must be a list of texts, whatever it is made from"),
    ({"groups": {"attribute": "nickname"}}, "groups: must be a list of texts, whatever it is made from"),
    ({"email": {"value": "ada"}}, "email: value: write an e-mail address such as ada@example.com"),
    ({f"x{number}": {"value": "x" * 255} for number in range(64)}, "is too large; 64 claims and 4096 bytes"),
]


@pytest.mark.requirement("OIDC Core §5.1.2: a policy that cannot be carried out is refused with what to do")
@pytest.mark.parametrize(("policy", "words"), BAD, ids=[f"{json.dumps(policy)[:50]}" for policy, _ in BAD])
def test_a_bad_policy_is_refused_at_registration(policy: object, words: str) -> None:
    problems = problems_of(policy)

    assert len(problems) == 1
    assert problems[0].startswith("claim_policy: ")
    assert words in problems[0]


def test_every_bad_line_is_told_at_once() -> None:
    assert len(problems_of({"sub": {}, "x": {"from": "y"}, "email": {"in": "z"}, "teams": {}})) == 3


def test_the_order_in_which_a_policy_is_written_makes_no_difference() -> None:
    lines: list[tuple[str, object]] = [("a", {"value": 1}), ("b", {"value": 2, "in": [API]})]

    policies = [ClaimPolicy.of(dict(lines)), ClaimPolicy.of(dict(reversed(lines)))]

    assert policies[0] is policies[1]
    assert policies[0].document == dict(lines)


@pytest.mark.parametrize("name", ["a.b", "a+b", "[a]", "a?", "a|b", "^a$"])
def test_only_the_asterisk_means_more_than_itself(name: str) -> None:
    user = replace(ADA, claims={"teams": [name, "ab", "a", "aab"]})

    found = released(client_of({"teams": {"match": name}}), user=user)

    assert found["userinfo"]["teams"] == [name]


@pytest.mark.requirement("security 55c: whatever can be left behind is bounded in count and bytes")
def test_what_is_worked_out_of_scopes_and_policies_is_bounded() -> None:
    table = ClaimTable.of(CLAIMS)
    for number in range(3000):
        assert table.opened_by(("email", str(number))) == {"email", "email_verified"}
        ClaimPolicy.of({"number": {"value": number}})

    policy = ClaimPolicy.of({"email": {"in": ["id_token"]}})
    for number in range(3 * MOST_PLANS):
        policy.apply(
            Place("access_token", (f"https://{number}.example",)), frozenset(), Origin(None, table, frozenset())
        )

    assert len(table.opened) <= MOST_SCOPES
    assert len(policy.plans) <= MOST_PLANS
    assert read_policy.cache_info().currsize <= MOST_POLICIES
