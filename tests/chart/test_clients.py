"""Clients that the chart declares are ones that `valetkey client apply` takes."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema.validators import Draft202012Validator  # type: ignore[import-untyped] # it has no types

from support.chart import CHART, named, objects
from support.chart_values import EXTERNAL, Values, merged
from support.client_values import REFUSED, REFUSED_IDS, VALUES, Refused
from support.client_values import declared as declaration_of
from valetkey.administration.apply.clients_file import ATTRIBUTE_FIELDS, read_declaration
from valetkey.administration.apply.declaration import Declaration, DeclaredSecrets
from valetkey.administration.apply.people_file import GROUP_FIELDS, USER_FIELDS
from valetkey.administration.apply.plan import Stored, Terms, plan_changes
from valetkey.core.client.metadata import FIELDS
from valetkey.core.client.metadata_field import Field
from valetkey.core.oauth.resource import Catalog, RegisteredScope

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
EVERY_FIELD: Values = {
    "client_id": "web",
    "client_name": "Reports",
    "token_endpoint_auth_method": "client_secret_basic",
    "grant_types": ["authorization_code", "refresh_token"],
    "redirect_uris": ["https://app.example/callback"],
    "post_logout_redirect_uris": ["https://app.example/"],
    "scope": "openid profile reports:read",
    "resources": ["https://reports.example"],
    "id_token_signed_response_alg": "RS256",
    "default_max_age": 3600,
    "client_uri": "https://app.example/",
    "policy_uri": "https://app.example/privacy",
    "tos_uri": "https://app.example/terms",
    "logo_uri": "https://app.example/logo.png",
    "contacts": ["ada@app.example"],
    "software_id": "reports",
    "allowed_groups": ["staff"],
    "required_acr": "phr",
    "application_type": "native",
    "audience_parameter": "resource",
    "consent": "trusted",
    "pkce": "required",
    "id_token_claims": "scopes",
    "claim_policy": {"email": {"in": ["id_token"]}, "tenant": {"value": "acme", "in": ["https://reports.example"]}},
    "enabled": True,
    "secret_file": "/run/secrets/clients/web/secret",
    "secret_overlap": "24h",
}
API: Values = {
    "client_id": "reports-api",
    "resource": "https://reports.example",
    "access_token_typ": "JWT",
    "secret_file": "/run/secrets/clients/reports-api/secret",
}
GROUP: Values = {
    "name": "staff",
    "display_name": "Staff",
    "description": "Who works here",
    "required_acr": "phr",
    "members": ["ada"],
    "member_groups": [],
}
USER: Values = {
    "username": "ada",
    "email": "ada@app.example",
    "email_verified": True,
    "claims": {"name": "Ada", "sites": ["Paris"]},
    "enabled": True,
    "password_file": "/run/secrets/clients/people/ada",
}
ATTRIBUTE: Values = {"name": "sites", "type": "strings", "claim": "urn:sites", "scope": "profile"}
SCOPE: Values = {"name": "reports:read", "description": "Read your reports", "resource": "https://reports.example"}


STANDARD = ("openid", "profile", "email", "offline_access")
FRESH = Stored({}, Catalog({name: RegisteredScope(name, name, None) for name in STANDARD}, {}))


def declared(values: Values | str) -> tuple[Declaration, list[str]]:
    """What the program reads in the file that the Job is given, and all that it would refuse."""
    file = named(objects(values), "ConfigMap", "valetkey-clients")["data"]["clients.yaml"]
    declaration, problems = read_declaration(file, Path("/etc/valetkey/clients"))
    digests = {each.client.client_id: b"d" * 32 for each in declaration.clients if each.secret_file is not None}
    plan = plan_changes(declaration, DeclaredSecrets(digests), FRESH, Terms("helm"), datetime(2026, 1, 1, tzinfo=UTC))
    return declaration, [*problems, *plan.problems, *plan.conflicts]


@pytest.mark.parametrize("values", ["demo", "changed-demo", "production"])
def test_the_file_is_one_that_the_program_takes(values: str) -> None:
    declaration, problems = declared(values)

    assert declaration.clients
    assert not problems


def test_every_field_arrives() -> None:
    clients = {
        "enabled": True,
        "declarations": [EVERY_FIELD, API],
        "scopes": [SCOPE],
        "attributes": [ATTRIBUTE],
        "groups": [GROUP],
        "users": [USER],
        "secrets": ["web", "reports-api"],
    }

    declaration, problems = declared(merged(EXTERNAL, {"clients": clients}))

    assert not problems
    assert [each.client.client_id for each in declaration.clients] == ["web", "reports-api"]
    assert [(each.group.name, each.members) for each in declaration.groups] == [("staff", ("ada",))]
    assert [each.username for each in declaration.users] == ["ada"]
    parts = SCHEMA["properties"]["clients"]["properties"]
    assert [each.claim for each in declaration.attributes] == ["urn:sites"]
    assert set(parts["attributes"]["items"]["properties"]) == set(ATTRIBUTE) == set(ATTRIBUTE_FIELDS)
    assert set(parts["groups"]["items"]["properties"]) == set(GROUP) == set(GROUP_FIELDS)
    assert set(parts["users"]["items"]["properties"]) == set(USER) == set(USER_FIELDS)
    assert set(SCHEMA["definitions"]["client"]["properties"]) == set(EVERY_FIELD) | set(API)


@pytest.mark.parametrize(
    "values",
    [
        {"groups": [{"name": "ops"}]},
        {"users": [{"username": "ada"}]},
        {"scopes": [{"name": "reports:read", "description": "Read reports"}]},
        {"attributes": [{"name": "department", "type": "string", "scope": "profile"}]},
    ],
    ids=lambda values: next(iter(values)),
)
def test_what_is_declared_need_not_be_a_client(values: Values) -> None:
    declaration, _ = declared(merged(EXTERNAL, {"clients": {"enabled": True, **values}}))

    (name,) = values
    assert len(getattr(declaration, name)) == 1
    assert not declaration.clients


def test_the_demo_has_a_client_for_the_command_that_the_notes_give() -> None:
    declaration, _ = declared("demo")

    assert "demo" in {each.client.client_id for each in declaration.clients}
    assert "--client-id demo" in (CHART / "templates" / "NOTES.txt").read_text(encoding="utf-8")


def test_a_client_that_the_program_refuses_would_be_found() -> None:
    public = {"client_id": "api", "resource": "https://api.example", "token_endpoint_auth_method": "none"}

    _, problems = declared(merged(EXTERNAL, {"clients": {"enabled": True, "declarations": [public]}}))

    assert any("a resource server must be able to authenticate" in problem for problem in problems)


CLIENT = Draft202012Validator(SCHEMA["definitions"]["client"])


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_the_schema_takes_what_the_program_takes(field: Field) -> None:
    assert CLIENT.is_valid(declaration_of(field.name, VALUES[field.name].good))
    assert SCHEMA["definitions"]["client"]["properties"][field.name]["description"] == field.description


@pytest.mark.parametrize(("name", "refused"), REFUSED, ids=REFUSED_IDS)
def test_the_schema_refuses_what_a_schema_can_tell(name: str, refused: Refused) -> None:
    assert CLIENT.is_valid(declaration_of(name, refused.value)) is not refused.by_chart
