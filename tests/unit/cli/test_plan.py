import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from valetkey.administration.apply.change import Kind, Plan
from valetkey.administration.apply.clients_file import read_declaration
from valetkey.administration.apply.declaration import DeclaredSecrets
from valetkey.administration.apply.plan import Stored, Terms, plan_changes
from valetkey.cli.plan_output import plan_lines, plan_record
from valetkey.core.client.authentication.secret import secret_digest
from valetkey.core.client.client import Client, ClientSecret
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer
from valetkey.core.oidc.claims.attribute import AttributeType, UserAttribute
from valetkey.storage.postgres.tables.catalog import AttributeRecord
from valetkey.storage.postgres.tables.clients import ClientRecord

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TERMS = Terms("platform", can_generate=True)
OPENID = RegisteredScope("openid", "Confirm who you are")
SECRET = ClientSecret(secret_digest("old"))
NOTHING = Stored({}, Catalog({"openid": OPENID}, {}))

FILE = """
scopes:
  - {name: 'orders:read', description: Read your orders, resource: 'https://orders.example'}
clients:
  - {client_id: orders, resource: 'https://orders.example'}
  - {client_id: web, redirect_uris: ['https://web.example/cb'], scope: 'openid orders:read'}
  - {client_id: spa, token_endpoint_auth_method: none, redirect_uris: ['https://spa.example/cb']}
"""


def plan(
    text: str = FILE,
    stored: Stored = NOTHING,
    terms: Terms = TERMS,
    secrets: Mapping[str, bytes] | None = None,
) -> Plan:
    declaration, problems = read_declaration(text, Path())
    assert not problems
    return plan_changes(declaration, DeclaredSecrets(secrets or {}), stored, terms, NOW)


def stored_after(text: str, owner: str | None = "platform", *more: Client) -> Stored:
    """What is stored once the file has been applied."""
    declaration, problems = read_declaration(text, Path())
    assert not problems
    clients = [declared.client for declared in declaration.clients]
    kept = [client if client.is_public else replace(client, secrets=(SECRET,)) for client in (*clients, *more)]
    return Stored(
        {client.client_id: ClientRecord(replace(client, uid=uuid4()), owner, NOW, NOW) for client in kept},
        Catalog(
            {"openid": OPENID} | {scope.name: scope for scope in declaration.scopes},
            {
                client.resource: ResourceServer(client.resource, client.client_name)
                for client in kept
                if client.resource
            },
        ),
    )


def kinds(found: Plan) -> dict[str, Kind]:
    return {change.name: change.kind for change in found.changes}


def fields(found: Plan, name: str) -> dict[str, tuple[object, object]]:
    (change,) = (change for change in found.changes if change.name == name)
    return {field.name: (field.before, field.after) for field in change.fields}


def test_everything_is_created_where_there_is_nothing() -> None:
    found = plan()

    assert kinds(found) == dict.fromkeys(["orders", "web", "spa", "orders:read"], Kind.CREATE)
    assert not found.problems
    assert not found.conflicts
    assert found.unchanged == 0
    assert fields(found, "web")["managed_by"] == (None, "platform")


def test_what_was_applied_needs_no_change() -> None:
    found = plan(stored=stored_after(FILE))

    assert found == Plan(unchanged=4)


@pytest.mark.parametrize(
    ("old", "new", "name", "expected"),
    [
        ("https://web.example/cb", "https://web.example/2", "web", {"redirect_uris": (("https://web.example/cb",), ("https://web.example/2",))}),
        ("scope: 'openid orders:read'", "scope: openid", "web", {"scope": ("openid orders:read", "openid")}),
        ("Read your orders", "See orders", "orders:read", {"description": ("Read your orders", "See orders")}),
        ("client_id: spa,", "client_id: spa, enabled: false,", "spa", {"enabled": (True, False)}),
    ],
)  # fmt: skip
def test_a_difference_is_an_update_of_that_field_alone(
    old: str, new: str, name: str, expected: dict[str, object]
) -> None:
    found = plan(FILE.replace(old, new), stored_after(FILE))

    assert kinds(found) == {name: Kind.UPDATE}
    assert fields(found, name) == expected
    assert found.unchanged == 3


@pytest.mark.parametrize("owner", [None, "another"])
def test_what_has_another_owner_is_not_taken_over(owner: str | None) -> None:
    found = plan(stored=stored_after(FILE, owner))

    assert found.conflicts == tuple(
        f"client {name} is {f'owned by {owner}' if owner else 'without an owner'}; --adopt takes it over"
        for name in ("orders", "web", "spa")
    )


def test_adopting_changes_the_owner_and_nothing_else() -> None:
    found = plan(stored=stored_after(FILE, "another"), terms=replace(TERMS, adopt=True))

    assert not found.conflicts
    assert kinds(found) == dict.fromkeys(["orders", "web", "spa"], Kind.UPDATE)
    assert fields(found, "web") == {"managed_by": ("another", "platform")}


def test_nothing_is_pruned_unless_told() -> None:
    found = plan("clients: []", stored_after(FILE))

    assert not found.changes
    assert found.left_over == ("orders", "web", "spa")


def test_pruning_takes_only_what_the_owner_owns() -> None:
    ours, theirs = (
        stored_after(FILE),
        stored_after("clients: [{client_id: hers, resource: 'https://hers'}]", "another"),
    )
    scope = RegisteredScope("hers:all", "All of hers", "https://hers")
    both = Stored(
        {**ours.clients, **theirs.clients},
        Catalog({**ours.catalog.scopes, scope.name: scope}, {**ours.catalog.resources, **theirs.catalog.resources}),
    )

    found = plan("clients: []", both, replace(TERMS, prune=True))

    assert kinds(found) == dict.fromkeys(["orders", "web", "spa", "orders:read"], Kind.DELETE)
    assert all(change.cascades for change in found.scopes)
    assert all(change.ends_something for change in found.clients)


def without_scopes(text: str) -> str:
    return "clients:" + text.split("clients:")[1]


def test_a_scope_goes_alone_where_its_resource_server_stays() -> None:
    text = without_scopes(FILE).replace("scope: 'openid orders:read'", "scope: openid")

    found = plan(text, stored_after(FILE), replace(TERMS, prune=True))

    assert kinds(found) == {"web": Kind.UPDATE, "orders:read": Kind.DELETE}
    assert not found.scopes[0].cascades


def test_a_client_cannot_keep_a_scope_that_is_pruned() -> None:
    found = plan(without_scopes(FILE), stored_after(FILE), replace(TERMS, prune=True))

    assert found.problems == ("client web: scope: orders:read is not registered",)


def test_every_problem_of_every_client_is_reported() -> None:
    found = plan(
        """
scopes: [{name: s, description: d, resource: 'https://nowhere'}]
clients:
  - {client_id: web, redirect_uris: ['http://web.example/cb'], scope: unknown, resources: ['https://nowhere']}
  - {client_id: idle}
""",
        terms=Terms("platform"),
    )

    assert found.problems == (
        "client web needs a secret: name a secret_file, or give --secrets-directory",
        "client idle needs a secret: name a secret_file, or give --secrets-directory",
        "client web: redirect_uris: http://web.example/cb must use https; http is only for the loopback interface",
        "client web: scope: unknown is not registered",
        "client web: resources: https://nowhere is no registered resource server",
        "client idle: grant_types: without a grant the client can do nothing; a resource server needs none",
        "scope s: https://nowhere is no registered resource server",
    )


def test_a_resource_belongs_to_one_client() -> None:
    found = plan(stored=stored_after("clients: [{client_id: other, resource: 'https://orders.example'}]", "another"))

    assert "client orders: resource: https://orders.example already belongs to other" in found.problems


def test_a_resource_server_keeps_its_identifier_while_it_has_scopes() -> None:
    moved = FILE.replace("https://orders.example", "https://moved.example")

    found = plan(moved, stored_after(FILE))

    assert found.problems == (
        "client orders: resource: cannot change while https://orders.example has scopes (orders:read)",
    )


def test_a_scope_of_another_owners_api_is_not_taken_over() -> None:
    theirs = "clients: [{client_id: api, resource: 'https://api'}]\nscopes: [{name: s, description: d, resource: 'https://api'}]"
    ours = "scopes: [{name: s, description: Take it, resource: 'https://api'}]"

    refused = plan(ours, stored_after(theirs, "another"))
    adopted = plan(ours, stored_after(theirs, "another"), replace(TERMS, adopt=True))

    assert refused.conflicts == ("scope s is of https://api, owned by another; --adopt takes it over",)
    assert kinds(adopted) == {"s": Kind.UPDATE}
    assert not adopted.conflicts


@pytest.mark.requirement("security 60: nothing is inherited; a client stays public or confidential")
@pytest.mark.parametrize(("before", "after"), [("none", "client_secret_basic"), ("client_secret_post", "none")])
def test_a_client_stays_what_it_is(before: str, after: str) -> None:
    text = "clients: [{client_id: web, token_endpoint_auth_method: %s, redirect_uris: ['https://w/cb']}]"

    found = plan(text % after, stored_after(text % before))

    assert found.problems == (
        "client web: token_endpoint_auth_method: a client stays public or confidential; register another one",
    )


def test_a_secret_is_exchanged_only_where_the_file_holds_another() -> None:
    text = "clients: [{client_id: web, redirect_uris: ['https://w/cb'], secret_file: web}]"
    stored = stored_after(text)

    same = plan(text, stored, secrets={"web": SECRET.digest})
    other = plan(text, stored, secrets={"web": secret_digest("new")})

    assert not same.changes
    assert fields(other, "web") == {"client_secret": ("stored", "from web")}
    assert other.clients[0].secret_digest == secret_digest("new")


def test_the_secret_in_the_file_wins_over_a_newer_one() -> None:
    text = "clients: [{client_id: web, redirect_uris: ['https://w/cb'], secret_file: web}]"
    stored = stored_after(text)
    record = stored.clients["web"]
    expiring = replace(SECRET, expires_at=NOW + timedelta(hours=1))
    rotated = replace(record, client=replace(record.client, secrets=(ClientSecret(secret_digest("newer")), expiring)))

    found = plan(text, replace(stored, clients={"web": rotated}), secrets={"web": SECRET.digest})

    assert found.clients[0].secret_digest == SECRET.digest


def test_a_client_whose_secrets_have_all_expired_gets_another() -> None:
    text = "clients: [{client_id: web, redirect_uris: ['https://w/cb']}]"
    stored = stored_after(text)
    record = stored.clients["web"]
    expired = replace(record, client=replace(record.client, secrets=(replace(SECRET, expires_at=NOW),)))

    found = plan(text, replace(stored, clients={"web": expired}))

    assert found.clients[0].generates_secret


@pytest.mark.requirement("security 51: no secret in what is printed")
def test_what_is_shown_says_what_changes_and_no_secret() -> None:
    text = FILE.replace("https://web.example/cb", "https://web.example/2").replace("spa,", "new,")
    found = plan(text, stored_after(FILE), replace(TERMS, prune=True), {"web": secret_digest("new")})

    lines = "\n".join(plan_lines(found))

    assert "~ client web" in lines
    assert "    redirect_uris: - https://web.example/cb\n    redirect_uris: + https://web.example/2" in lines
    assert "+ client new" in lines
    assert "- client spa" in lines
    assert secret_digest("new").hex() not in lines + str(plan_record(found))


@pytest.mark.requirement("operations: an upgrade changes nothing that nobody asked for")
@pytest.mark.parametrize(
    ("stored", "said", "after"),
    [
        ("nothing", "", {"web": "scopes", "spa": "requested"}),
        ("nothing", "id_token_claims: none, ", {"web": "none", "spa": "none"}),
        ("of 0.2", "", {"web": None, "spa": None}),
        ("of 0.2", "id_token_claims: scopes, ", {"web": "scopes", "spa": "scopes"}),
        ("none", "", {"web": "scopes", "spa": "requested"}),
        ("none", "id_token_claims: none, ", {"web": None, "spa": None}),
    ],
)
def test_only_new_clients_have_the_defaults_of_new_clients(
    stored: str, said: str, after: dict[str, str | None]
) -> None:
    text = re.sub(r"\{client_id: (web|spa), ", rf"\g<0>{said}", FILE)
    before = {
        "nothing": NOTHING,
        "of 0.2": stored_after(FILE),
        "none": stored_after(FILE.replace(", redirect_uris", ", id_token_claims: none, redirect_uris")),
    }[stored]

    found = plan(text, before)

    changed = {change.name: dict(fields(found, change.name)) for change in found.changes if change.name in after}
    assert {name: changed.get(name, {}).get("id_token_claims", (None, None))[1] for name in after} == after


DEPARTMENT = UserAttribute("department", AttributeType.STRING, "department", "profile")
UNIT = UserAttribute("unit", AttributeType.STRING, "unit", "profile")


def attribute_plan(attributes: str, *stored: AttributeRecord, adopt: bool = False, prune: bool = False) -> Plan:
    catalog = replace(NOTHING.catalog, scopes={"profile": RegisteredScope("profile", "See your name")})
    return plan(
        f"attributes: [{attributes}]",
        Stored({}, catalog, attributes=stored),
        Terms("platform", adopt=adopt, prune=prune),
    )


def test_attributes_are_created_changed_and_left_alone() -> None:
    stored = [AttributeRecord(each, "platform") for each in (DEPARTMENT, UNIT)]

    created = attribute_plan("{name: department, scope: profile}")
    same = attribute_plan("{name: department, scope: profile}, {name: unit, scope: profile}", *stored)
    changed = attribute_plan("{name: department, scope: profile, claim: dep}", *stored)
    pruned = attribute_plan("{name: department, scope: profile}", *stored, prune=True)

    assert next(iter(plan_lines(created))) == "+ attribute department"
    assert created.attributes[0].after == DEPARTMENT
    assert (same.changes, same.unchanged, same.left_over) == ((), 2, ())
    assert fields(changed, "department") == {"claim": ("department", "dep")}
    assert changed.left_over == ("attribute unit",)
    assert kinds(pruned) == {"unit": Kind.DELETE}
    assert not [each for each in (created, same, changed, pruned) if each.problems or each.conflicts]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{name: department, type: integer, scope: profile}", "type: users may have values of type string; declare"),
        ("{name: dep, claim: sub, scope: profile}", "attribute dep: claim: sub is reserved"),
        ("{name: dep, claim: unit, scope: profile}", "attributes: claim: unit is made from unit already"),
        ("{name: dep, scope: nothing}", "attribute dep: scope: nothing is not registered"),
    ],
)
def test_an_attribute_that_cannot_be_declared_is_a_problem_of_the_plan(text: str, problem: str) -> None:
    found = attribute_plan(text, *(AttributeRecord(each, "platform") for each in (DEPARTMENT, UNIT)))

    assert any(problem in each for each in found.problems)


@pytest.mark.parametrize("owner", [None, "another"])
def test_an_attribute_of_another_owner_is_a_conflict_unless_it_is_adopted(owner: str | None) -> None:
    stored = AttributeRecord(DEPARTMENT, owner)

    kept = attribute_plan("{name: department, scope: profile}", stored)
    adopted = attribute_plan("{name: department, scope: profile}", stored, adopt=True)

    assert "--adopt takes it over" in kept.conflicts[0]
    assert not adopted.conflicts
    assert fields(adopted, "department") == {"managed_by": (owner, "platform")}
