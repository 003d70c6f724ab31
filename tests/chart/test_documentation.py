"""What the chart says about itself is so, and what it says about values comes from the comments next to them."""

import re

import pytest
import yaml

from support.chart import CHART, objects
from support.chart_documentation import CHECKED_SETTINGS, README, SCHEMA, documents
from support.chart_values import EXTERNAL, merged
from support.repository import ROOT


@pytest.mark.parametrize("file", [README, SCHEMA, CHECKED_SETTINGS], ids=lambda path: path.name)
def test_what_is_written_is_what_the_comments_say(file: object) -> None:
    (path,) = (path for path in documents() if path == file)

    assert path.read_text(encoding="utf-8") == documents()[path], "run make chart-docs"


@pytest.mark.parametrize("page", ["README.md", "examples/README.md"])
def test_every_file_that_a_page_links_to_exists(page: str) -> None:
    text = (CHART / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)

    assert not [link for link in links if not (CHART / page).parent.joinpath(link).exists()]


@pytest.mark.parametrize("page", ["README.md", "examples/README.md"])
def test_every_file_that_a_command_names_exists(page: str) -> None:
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", (CHART / page).read_text(encoding="utf-8"), re.DOTALL))
    files = re.findall(r"\b(?:helm|deploy)/[\w./-]+", commands)

    assert files
    assert not [file for file in files if not (ROOT / file).exists()]


def test_the_readme_installs_the_chart_and_then_tests_it() -> None:
    section = README.read_text(encoding="utf-8").split("## On Kubernetes")[1]
    (block, *_) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)

    commands = re.findall(r"helm \w+", block)
    installed = min(commands.index(command) for command in ("helm install", "helm upgrade") if command in commands)
    assert installed < commands.index("helm test")


def test_a_value_that_the_readme_shows_is_one_that_there_is() -> None:
    text = README.read_text(encoding="utf-8").split("<!-- values")[0]
    shown = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]

    rendered = [objects(merged(EXTERNAL, values)) for values in shown]

    assert rendered
    assert all(rendered)
