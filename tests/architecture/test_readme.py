"""What the README says to type exists."""

import ast
import re

import pytest

from support.command_line import find_command
from support.repository import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def commands(name: str) -> list[str]:
    shown = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
    inline = re.findall(r"`([^`\n]+)`", README)
    return sorted({line.split("#")[0].strip() for line in (*shown, *inline) if line.startswith(f"{name} ")})


@pytest.mark.parametrize("command", commands("make"))
def test_every_make_target_that_it_names_exists(command: str) -> None:
    target = command.split()[1]

    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", README))))
def test_every_file_that_it_links_to_exists(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("folder", sorted(set(re.findall(r"`((?:services|tests|proto)/[\w/.]+)`", README))))
def test_every_place_that_it_names_exists(folder: str) -> None:
    assert (ROOT / folder).exists()


@pytest.mark.parametrize("room", sorted(path.parent.name for path in (ROOT / "services").glob("*/pyproject.toml")))
def test_the_picture_shows_every_room(room: str) -> None:
    (picture,) = [text for _, text in re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL) if "browsers" in text]

    assert re.search(rf"(?<!\w){room}/", picture)


@pytest.mark.parametrize("code", [text for kind, text in BLOCKS if kind == "python"])
def test_its_python_uses_names_that_exist(code: str) -> None:
    module = ast.parse(code)
    imports = [node for node in module.body if isinstance(node, ast.ImportFrom)]

    for node in imports:
        namespace: dict[str, object] = {}
        exec(compile(ast.Module([node], []), "README.md", "exec"), namespace)  # noqa: S102 - imports alone
        assert all(alias.name in namespace for alias in node.names)


@pytest.mark.parametrize("command", commands("valetkey"))
def test_every_valetkey_command_that_it_names_exists(command: str) -> None:
    path = [word for word in command.split()[1:] if re.fullmatch(r"[a-z][a-z-]*", word)]
    options = [word.split("=")[0] for word in command.split() if word.startswith("--")]

    found, used = find_command(path)

    assert used, command
    assert {f"--{option.strip('-')}" for option in options} <= {name for each in found.params for name in each.opts}
