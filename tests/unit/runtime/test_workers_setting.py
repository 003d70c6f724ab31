"""How many workers there are, as the setting and the option say it."""

import sys

import pytest
from click.testing import CliRunner

from valetkey.cli.__main__ import cli
from valetkey.cli.exit_code import ExitCode
from valetkey.runtime.settings import types as settings_types
from valetkey.runtime.settings.types import workers


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("4", 4), ("64", 64)])
def test_a_number_is_that_many(text: str, count: int) -> None:
    assert workers.parse(text) == count


@pytest.mark.parametrize(("cores", "count"), [(1, 1), (6, 6), (200, 64)])
def test_auto_is_one_for_each_core(cores: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_types, "usable_cores", lambda: cores)

    assert workers.parse("auto") == count


@pytest.mark.parametrize("text", ["0", "65", "-1", "two", "1.5", "AUTO"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="from 1 to 64"):
        workers.parse(text)


def test_elsewhere_than_on_linux_several_are_refused_and_auto_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    assert workers.parse("1") == 1
    assert workers.parse("auto") == 1
    with pytest.raises(ValueError, match="must be 1 here: only Linux deals the connections of a port out"):
        workers.parse("2")


@pytest.mark.parametrize("service", ["authorize", "token", "introspection"])
def test_the_option_is_held_to_the_same_bounds(service: str) -> None:
    result = CliRunner().invoke(cli, ["serve", service, "--workers", "65"], prog_name="valetkey")

    assert result.exit_code == ExitCode.USAGE
    assert "must be a whole number from 1 to 64" in result.output
