"""The table of client metadata: ``Client`` has what it says, and each value is taken or refused by it."""

import json
from dataclasses import MISSING, fields, replace
from typing import Any, get_type_hints

import pytest

from support.client_values import CATALOG, REFUSED, VALUES, Refused, client_with
from valetkey.core.client import client as client_module
from valetkey.core.client.client import Client
from valetkey.core.client.metadata import FIELD, FIELDS, document_metadata, metadata_document
from valetkey.core.client.metadata_field import Field, Kind, Place
from valetkey.core.client.registration import client_problems
from valetkey.core.oidc.claims.policy.policy import ClaimPolicy

ATTRIBUTES = {attribute.name: attribute for attribute in fields(Client)}
# What is no metadata: who the client is, and what ends with it.
OF_THE_STORE = {"client_id", "uid", "secrets", "epoch", "installation_epoch"}
TYPES: dict[Kind, Any] = {
    Kind.TEXT: str,
    Kind.CHOICE: str,
    Kind.URL: str,
    Kind.RESOURCE: str,
    Kind.SECONDS: int,
    Kind.FLAG: bool,
    Kind.CHOICES: frozenset[str],
    Kind.RESOURCES: frozenset[str],
    Kind.GROUPS: frozenset[str],
    Kind.TEXTS: tuple[str, ...],
    Kind.WORDS: tuple[str, ...],
    Kind.URIS: tuple[str, ...],
    Kind.MAPPING: ClaimPolicy,
}
each_field = pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)


def test_a_client_has_an_attribute_for_each_row_and_no_other() -> None:
    assert set(ATTRIBUTES) - OF_THE_STORE == set(FIELD)
    assert len(FIELD) == len(FIELDS)


@each_field
def test_an_attribute_has_the_type_and_the_default_of_its_row(field: Field) -> None:
    hints = get_type_hints(
        Client,
        vars(client_module) | {"Scope": tuple[str, ...], "UUID": str, "datetime": str, "ClaimPolicy": ClaimPolicy},
    )
    due = TYPES[field.kind] if field.enumeration is None else field.enumeration
    default = ATTRIBUTES[field.name].default

    assert hints[field.name] == (due | None if field.may_be_empty and not field.kind.is_list else due)
    assert default in (MISSING, field.typed(field.default))


@each_field
def test_a_row_says_what_it_is_in_a_sentence(field: Field) -> None:
    assert field.description.endswith(".")
    assert field.description[0].isupper()
    assert "|" not in field.description + field.form


@each_field
def test_the_matrix_has_every_field(field: Field) -> None:
    assert VALUES[field.name].refused
    assert VALUES[field.name].good != field.default


@each_field
def test_a_good_value_is_taken(field: Field) -> None:
    client = client_with(field.name, VALUES[field.name].good)

    assert client_problems(client, CATALOG) == []
    assert getattr(client, field.name) == field.typed(VALUES[field.name].good)


@pytest.mark.parametrize(("name", "refused"), [(name, each) for name, each in REFUSED if not each.of_file])
def test_a_bad_value_is_refused_with_the_name_of_the_field(name: str, refused: Refused) -> None:
    problems = client_problems(client_with(name, refused.value), CATALOG)

    assert any(refused.words in problem and problem.startswith((f"{name}:", "resource:")) for problem in problems)


@each_field
def test_the_document_gives_back_what_only_it_has(field: Field) -> None:
    client = client_with(field.name, VALUES[field.name].good)

    document = json.loads(json.dumps(metadata_document(client)))

    assert (field.name in document) is (field.place is not Place.COLUMN)
    assert replace(client, **document_metadata(document)) == client
    assert (field.name in document_metadata(document)) is (field.place is Place.DOCUMENT)


def test_what_the_document_lacks_has_its_default_and_what_it_has_beyond_is_left() -> None:
    assert document_metadata({}) == {}
    assert document_metadata({"of_a_later_release": [1]}) == {}
    assert document_metadata({field.name: None for field in FIELDS}) == {}
