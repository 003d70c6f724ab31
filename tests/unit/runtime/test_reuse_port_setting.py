"""Whether a port is shared, as the setting and the option say it."""

import sys

import pytest
from click.testing import CliRunner

from valetkey.cli.__main__ import cli
from valetkey.cli.exit_code import ExitCode
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.settings.types import reuse_port

ELSEWHERE = "must be false here: only Linux distributes the connections of a port over processes"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ports are shared on Linux only")
@pytest.mark.parametrize(("text", "is_shared"), [("true", True), ("false", False)])
def test_it_is_true_or_false(text: str, *, is_shared: bool) -> None:
    assert reuse_port.parse(text) is is_shared


@pytest.mark.parametrize("text", ["yes", "1", "True", "2"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be true or false"):
        reuse_port.parse(text)


def test_ports_are_not_shared_unless_told_and_the_value_is_shown_as_it_is_written() -> None:
    assert Settings().reuse_port is False
    assert Settings().describe()["VALETKEY_REUSE_PORT"] == "false"


def test_elsewhere_than_on_linux_it_cannot_be_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    assert reuse_port.parse("false") is False
    with pytest.raises(ValueError, match=ELSEWHERE):
        reuse_port.parse("true")


@pytest.mark.parametrize("service", ["authorize", "token", "introspection"])
def test_elsewhere_the_option_is_refused_too(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    result = CliRunner().invoke(cli, ["serve", service, "--reuse-port"], prog_name="valetkey")

    assert result.exit_code == ExitCode.USAGE
    assert "only Linux distributes" in result.output
