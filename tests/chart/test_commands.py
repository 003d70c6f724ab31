"""What containers run exists: every command and every option is one of the programs'."""

import os

import click
import pytest

from support.chart import SERVERS, SERVICES, Object, environment, objects, pods, server_of
from support.chart_values import SETS
from valetkey.cli.__main__ import cli
from valetkey.key_rotation.__main__ import main

ROTATION = {"key-rotation", "first-keys"}


def containers(values: str) -> list[Object]:
    return [each for pod in pods(objects(values)) if "valetkey-" in str(pod.spec) for each in pod.containers]


def parsed(arguments: list[str]) -> click.Command:
    """The command of these arguments, once it has understood them; nothing is run. Raises ``click.ClickException``."""
    command: click.Command = cli
    rest = list(arguments)
    context = click.Context(command, info_name="valetkey")
    while isinstance(command, click.Group):
        following = command.get_command(context, rest[0])
        assert following is not None, f"there is no command {rest[0]}"
        command, rest = following, rest[1:]
        context = click.Context(command, parent=context, info_name=command.name)
    # Paths are of the container; whether they exist is not asked here.
    with pytest.MonkeyPatch.context() as patch:
        for parameter in command.params:
            if isinstance(parameter.type, click.Path):
                patch.setattr(parameter, "type", click.STRING)
        command.parse_args(context, rest)
    return command


@pytest.mark.parametrize("values", SETS)
def test_every_command_is_one_that_the_program_understands(values: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [each for each in containers(values) if "valetkey-cli" in each["image"]]
    commands = [each["args"] for each in ours]
    for name, value in (pair for each in ours for pair in environment(each).items()):
        monkeypatch.setenv(name, value)

    understood = [parsed(arguments) for arguments in commands]

    assert len(understood) == len(commands) > 0


@pytest.mark.parametrize("values", SETS)
def test_every_rotation_is_one_that_the_program_understands(values: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [each["args"] for each in containers(values) if each["name"] in ROTATION]
    for name in [name for name in os.environ if name.startswith("VALETKEY_")]:
        monkeypatch.delenv(name)

    codes = [main(arguments) for arguments in commands]

    # It understood, and only then found no settings; a command line that is wrong is a 2.
    assert set(codes) == {os.EX_CONFIG}


@pytest.mark.parametrize("values", SETS)
def test_a_service_is_started_by_its_image_alone(values: str) -> None:
    servers = [each for each in containers(values) if each["name"] in SERVERS]

    assert {each["name"] for each in servers} == {server_of(values, service) for service in SERVICES}
    assert not [each for each in servers if "args" in each or "command" in each]


def test_a_command_that_is_not_there_would_be_found() -> None:
    with pytest.raises(AssertionError, match="there is no command frobnicate"):
        parsed(["client", "frobnicate"])

    with pytest.raises(click.NoSuchOption):
        parsed(["migrate", "up", "--for-ever"])
