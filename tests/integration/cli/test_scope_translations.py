"""``valetkey scope --translation``: what a scope allows, in the languages of those who are asked."""

import pytest

from support.operator_cli import Operator
from valetkey.cli.exit_code import ExitCode


def test_translations_are_given_changed_and_taken_away(operator: Operator) -> None:
    made = operator.json(
        *("scope", "create", "reports", "--description", "Read your reports"),
        *("--translation", "de=Berichte lesen", "--translation", "fr=Lire vos rapports = tout"),
    )
    changed = operator.json("scope", "update", "reports", "--translation", "de=Ihre Berichte lesen")
    without = operator.json("scope", "update", "reports", "--translation", "fr=")

    assert made["translations"] == {"de": "Berichte lesen", "fr": "Lire vos rapports = tout"}
    assert changed["translations"] == {"de": "Ihre Berichte lesen", "fr": "Lire vos rapports = tout"}
    assert without["translations"] == {"de": "Ihre Berichte lesen"}
    assert without["description"] == "Read your reports"


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ("Berichte lesen", ExitCode.USAGE, "is not LANGUAGE=TEXT"),
        ("=Berichte lesen", ExitCode.USAGE, "is not LANGUAGE=TEXT"),
        ("de_DE=Berichte lesen", ExitCode.REFUSED, "'de_DE' is no language tag, such as de or pt-BR"),
        ("de=" + "x" * 201, ExitCode.REFUSED, "de: use 1 to 200 printable characters"),
        ("de=a\u0007b", ExitCode.REFUSED, "de: use 1 to 200 printable characters"),
    ],
)
def test_what_is_no_translation_is_refused(operator: Operator, given: str, code: ExitCode, words: str) -> None:
    result = operator.run("scope", "create", "reports", "--description", "Read", "--translation", given)

    assert result.exit_code == code
    assert words in result.err
    assert "reports" not in [each["name"] for each in operator.json("scope", "list")]
