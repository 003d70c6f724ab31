"""Each field of a client, in the file of ``client apply`` and as options of ``client create`` and ``client update``."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from support.client_documentation import README, documented
from support.client_values import CATALOG, REFUSED, REFUSED_IDS, VALUES, Refused, arguments, declared, shown
from valetkey.administration.apply.clients_file import read_declaration
from valetkey.administration.client_record import client_fields
from valetkey.administration.registration import changed_client, new_client, registration_problems
from valetkey.cli.client_options import EMPTY_VALUES, client_field_options, given_fields
from valetkey.core.client.metadata import FIELD, FIELDS
from valetkey.core.client.metadata_field import Kind

HERE = Path("/etc/valetkey")
OPTIONS = [field.name for field in FIELDS if field.kind is not Kind.FLAG]


def problems_of(client: dict[str, object]) -> list[str]:
    """Everything that ``client apply`` says about a file with this client."""
    declaration, problems = read_declaration(json.dumps({"clients": [client]}, ensure_ascii=False), HERE)
    return problems + [
        problem
        for each in declaration.clients
        for problem in registration_problems(each.client, CATALOG, "https://id.example")
    ]


def options_of(*words: str) -> dict[str, object]:
    """What ``client create`` makes of a command line."""
    found: dict[str, object] = {}

    @click.command()
    @client_field_options
    def command(**fields: object) -> None:
        found.update(given_fields(fields))

    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0, result.output
    return found


def plain(value: object) -> Any:  # noqa: ANN401 - JSON
    return sorted(value) if isinstance(value, frozenset) else list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", VALUES)
def test_a_file_takes_a_good_value(name: str) -> None:
    text = json.dumps({"clients": [declared(name, VALUES[name].good)]}, ensure_ascii=False)

    declaration, problems = read_declaration(text, HERE)

    assert problems == []
    assert plain(client_fields(declaration.clients[0].client)[name]) == shown(name)
    assert problems_of(declared(name, VALUES[name].good)) == []


@pytest.mark.parametrize("name", VALUES)
def test_a_file_that_says_nothing_of_a_field_leaves_the_default(name: str) -> None:
    client = read_declaration("clients: [{client_id: web}]", HERE)[0].clients[0].client

    assert getattr(client, name) == (FIELD[name].typed(FIELD[name].default) if name != "client_name" else "web")


@pytest.mark.parametrize(("name", "refused"), REFUSED, ids=REFUSED_IDS)
def test_a_file_with_a_bad_value_is_refused(name: str, refused: Refused) -> None:
    problems = problems_of(declared(name, refused.value))

    assert [problem for problem in problems if refused.words in problem]


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_says_what_a_file_says(name: str) -> None:
    fields = options_of(*arguments(name, VALUES[name].good))

    assert list(fields) == [name]
    assert getattr(new_client("web", fields), name) == FIELD[name].typed(VALUES[name].good)


def test_an_option_that_is_not_given_says_nothing() -> None:
    assert options_of() == {}


@pytest.mark.parametrize("name", EMPTY_VALUES)
def test_a_field_that_may_be_empty_can_be_emptied(name: str) -> None:
    client = new_client("web", {name: VALUES[name].good})

    emptied = changed_client(client, {name: EMPTY_VALUES[name]})

    assert getattr(emptied, name) in (None, (), frozenset())


def test_what_every_client_has_cannot_be_emptied() -> None:
    always = {"client_name", "application_type", "access_token_typ", "pkce", "enabled"}

    assert set(FIELD) - set(EMPTY_VALUES) == always


def test_the_readme_has_the_table() -> None:
    assert README.read_text(encoding="utf-8") == documented(), "run make client-docs"
