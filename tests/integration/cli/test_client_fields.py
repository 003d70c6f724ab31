"""Each field of a client through PostgreSQL: created, changed, emptied and refused by commands, applied from a file."""

import json
from pathlib import Path

import pytest

from support.client_values import API, REFUSED, VALUES, arguments, declared, shown
from support.operator_cli import Operator
from valetkey.cli.client_options import EMPTY_VALUES
from valetkey.cli.exit_code import ExitCode
from valetkey.core.client.metadata import FIELD
from valetkey.core.client.metadata_field import Kind

WEB = ("--redirect-uri", "https://web.example/cb")


@pytest.fixture
def operator(operator: Operator) -> Operator:
    """An operator with the API and the groups that the values of fields speak of."""
    operator.succeed("client", "create", "reports", "--resource", API)
    operator.succeed("scope", "create", "reports:read", "--description", "Read your reports", "--resource", API)
    for name in ("ops", "staff"):
        operator.succeed("group", "create", name)
    return operator


def of(operator: Operator, name: str) -> object:
    return operator.json("client", "get", "web")[name]


def emptied(name: str) -> object:
    return "" if FIELD[name].kind is Kind.WORDS else [] if FIELD[name].kind.is_list else None


@pytest.mark.parametrize("name", VALUES)
def test_a_field_is_created_changed_and_emptied(operator: Operator, name: str) -> None:
    given = arguments(name, VALUES[name].good)
    # Only a resource server has tokens of a typ.
    beside = ("--resource", "https://web.example/api") if name == "access_token_typ" else ()
    created = FIELD[name].kind is not Kind.FLAG
    operator.succeed(
        "client", "create", "web", *(() if name == "redirect_uris" else WEB), *beside, *(given if created else ())
    )
    first = of(operator, name)

    operator.succeed("client", "update", "web", "--name", "Another")
    kept = of(operator, name)
    operator.succeed("client", "update", "web", *given)
    changed = of(operator, name)

    assert (first == shown(name)) is created
    assert kept == first or name == "client_name"
    assert changed == shown(name)
    if name in EMPTY_VALUES and name not in ("grant_types", "redirect_uris"):
        operator.succeed("client", "update", "web", "--clear", name)
        assert of(operator, name) == emptied(name)


@pytest.mark.parametrize("name", ["grant_types", "redirect_uris"])
def test_what_a_login_needs_can_only_be_emptied_with_what_goes_with_it(operator: Operator, name: str) -> None:
    operator.succeed("client", "create", "web", *WEB)

    refused = operator.run("client", "update", "web", "--clear", name)

    assert refused.exit_code == ExitCode.REFUSED
    assert of(operator, "redirect_uris") == ["https://web.example/cb"]


@pytest.mark.parametrize("name", VALUES)
def test_bad_values_are_refused_in_words_and_change_nothing(operator: Operator, name: str) -> None:
    operator.succeed("client", "create", "web", *WEB)
    before = operator.json("client", "get", "web")
    bad = [refused for field, refused in REFUSED if field == name and not refused.only_in_file]

    outcomes = [operator.run("client", "update", "web", *arguments(name, refused.value)) for refused in bad]

    assert [outcome.exit_code for outcome in outcomes] == [ExitCode.REFUSED] * len(bad)
    assert [refused for refused, outcome in zip(bad, outcomes, strict=True) if refused.words not in outcome.err] == []
    assert operator.json("client", "get", "web") == before


@pytest.mark.parametrize("name", VALUES)
def test_a_file_sets_a_field_and_a_file_without_it_takes_it_away(operator: Operator, tmp_path: Path, name: str) -> None:
    with_it, without = tmp_path / "with.yaml", tmp_path / "without.yaml"
    with_it.write_text(json.dumps({"clients": [declared(name, VALUES[name].good)]}, ensure_ascii=False))
    without.write_text(json.dumps({"clients": [{"client_id": "web", "redirect_uris": ["https://web.example/cb"]}]}))
    apply = ("client", "apply", "--yes", "--secrets-directory", str(tmp_path), "-f")

    operator.succeed(*apply, str(without))
    default = of(operator, name)
    operator.succeed(*apply, str(with_it))
    changed = of(operator, name)
    again = operator.json(*apply, str(with_it))
    operator.succeed(*apply, str(without))

    assert changed == shown(name)
    assert again["changes"] == []
    assert of(operator, name) == default
