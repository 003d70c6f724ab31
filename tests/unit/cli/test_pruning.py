"""Pruning refuses to delete most of what an owner has."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.seed import make_client, make_resource_server, make_user
from valetkey.administration.apply.change import Plan, Pruned
from valetkey.administration.apply.clients_file import read_declaration
from valetkey.administration.apply.declaration import DeclaredSecrets
from valetkey.administration.apply.people_plan import StoredPeople
from valetkey.administration.apply.plan import Stored, Terms, plan_changes
from valetkey.cli.plan_output import pruned_sentence
from valetkey.core.authentication.group import Group
from valetkey.core.oauth.resource import Catalog, RegisteredScope
from valetkey.core.oidc.claims.attribute import AttributeType, UserAttribute
from valetkey.storage.postgres.tables.catalog import AttributeRecord
from valetkey.storage.postgres.tables.clients import ClientRecord
from valetkey.storage.postgres.tables.groups import GroupRecord
from valetkey.storage.postgres.tables.users import UserRecord

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TERMS = Terms("platform", can_generate=True)


def plan(text: str, stored: Stored, terms: Terms = TERMS) -> Plan:
    declaration, problems = read_declaration(text, Path())
    assert not problems
    return plan_changes(declaration, DeclaredSecrets(), stored, terms, NOW)


KINDS = ("client", "scope", "attribute", "group", "user")


def stored_of_each_kind(number: int) -> Stored:
    """So many of everything, of one owner, and as many clients of another. The first client has all the scopes."""
    numbers = range(number)
    ours = [make_resource_server(f"https://api-{each}", client_id=f"client-{each}") for each in numbers]
    theirs = [make_client(f"their-{each}") for each in numbers]
    scopes = [RegisteredScope(f"scope-{each}", "d", "https://api-0") for each in numbers]
    groups = [GroupRecord(Group(f"group-{each}"), "platform", 0, (), NOW, NOW) for each in numbers]
    users = [make_user(f"user-{each}") for each in numbers]
    attributes = [
        UserAttribute(f"attribute-{each}", AttributeType.STRING, f"attribute-{each}", "profile") for each in numbers
    ]
    return Stored(
        {client.client_id: ClientRecord(client, "platform", NOW, NOW) for client in ours}
        | {client.client_id: ClientRecord(client, "another", NOW, NOW) for client in theirs},
        Catalog({scope.name: scope for scope in scopes}, {}),
        StoredPeople(
            {record.group.name: record for record in groups},
            users=[UserRecord(user, "platform", (user.username,)) for user in users],
        ),
        [AttributeRecord(attribute, "platform") for attribute in attributes],
    )


def file_of_each_kind(counts: Mapping[str, int]) -> str:
    """The first so many of each kind of the same things."""
    one = {
        "client": {"client_id": "client-{}", "resource": "https://api-{}"},
        "scope": {"name": "scope-{}", "description": "d", "resource": "https://api-0"},
        "attribute": {"name": "attribute-{}", "scope": "profile"},
        "group": {"name": "group-{}"},
        "user": {"username": "user-{}"},
    }
    return json.dumps(
        {
            f"{kind}s": [
                {name: value.format(number) for name, value in one[kind].items()} for number in range(counts[kind])
            ]
            for kind in KINDS
        }
    )


@pytest.mark.requirement("apply: --prune refuses to delete most of what an owner has unless it is told to")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deleted", [0, 1, 2, 3, 4])
def test_more_than_half_of_a_kind_is_too_much_to_prune(kind: str, deleted: int) -> None:
    text = file_of_each_kind(dict.fromkeys(KINDS, 4) | {kind: 4 - deleted})

    found = plan(text, stored_of_each_kind(4), replace(TERMS, prune=True))

    names = tuple(f"{kind}-{number}" for number in range(4 - deleted, 4))
    assert found.excessive == ((Pruned(kind, names, 4),) if deleted > 2 else ())


@pytest.mark.parametrize("number", [1, 2, 30])
def test_an_empty_file_prunes_nothing_unless_it_is_told_to(number: int) -> None:
    stored = stored_of_each_kind(number)

    kept = plan("clients: []", stored)
    refused = plan("clients: []", stored, replace(TERMS, prune=True))
    told = plan("clients: []", stored, replace(TERMS, prune=True, prune_all=True))

    assert [(pruned.kind, pruned.owned) for pruned in refused.excessive] == [(kind, number) for kind in KINDS]
    assert (kept.excessive, told.excessive) == ((), ())
    assert refused.changes == told.changes
    assert len(told.changes) == len(KINDS) * number
    sentences = {1: "the only client: client-0", 2: "all 2 clients: client-0, client-1", 30: "client-19 and 10 more"}
    assert pruned_sentence(refused.excessive[0]).endswith(sentences[number])


def test_a_file_of_another_owner_prunes_nothing_even_where_it_adopts() -> None:
    theirs = "clients: [{client_id: their-0, grant_types: [client_credentials]}]"

    refused = plan(theirs, stored_of_each_kind(1), replace(TERMS, prune=True, adopt=True))

    assert not refused.conflicts
    assert refused.excessive[0] == Pruned("client", ("client-0",), 1)
