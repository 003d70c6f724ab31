"""What a runbook tells a tired person to type exists: commands, options, objects, labels, metrics, links."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from support.alert_rules import recorded
from support.chart import objects
from support.command_line import find_command
from support.promql import parse
from support.runbook import RUNBOOKS as RUNBOOK_FOLDER
from support.runbook import pages, promql
from support.runbook import read as text_of
from support.scrape import TARGET_LABELS, declared
from valetkey.key_rotation.__main__ import main

RUNBOOKS = pages()
OF_ALERTS = [path for path in RUNBOOKS if path.stem.startswith("Valetkey")]
PARTS = ["Check first", "Likely causes", "Mitigate now", "Afterwards", "When to page"]
# Of the library that every process measures itself with.
OF_PROCESSES = {"process_cpu_seconds_total"}
# What the pages themselves have people make.
MADE_ON_THE_WAY = {"valetkey-operator"}
ROLES = {
    f"valetkey_{name}"
    for name in ("authorize", "token", "introspection", "mailer", "compact", "key_rotation", "migration", "operator")
}


def name_of(path: Path) -> str:
    return path.stem


def code(path: Path) -> Iterator[str]:
    """Every line of code and every word in backticks; a line that goes on in the next one is one line."""
    text = text_of(path)
    for block in re.findall(r"```\w+\n(.*?)```", text, re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()
    yield from (
        " ".join(each.split()) for each in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    )


def commands(path: Path) -> list[str]:
    """Every use of the program ``valetkey``, without what comes before and after it."""
    found = (re.search(r"(?:^\s*|\$ |-- |args = )valetkey ([a-z][^|]*)", line) for line in code(path))
    return sorted({match[1].strip() for match in found if match})


@pytest.mark.parametrize("runbook", OF_ALERTS, ids=name_of)
def test_every_runbook_of_an_alert_has_the_same_parts_in_the_same_order(runbook: Path) -> None:
    text = text_of(runbook)

    assert text.startswith(f"# {runbook.stem}\n\n**What it means for users:** ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == PARTS
    assert re.search(r"^1\. ", text, re.MULTILINE), "causes come in order"
    assert promql(runbook) or "```console\n" in text


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=name_of)
def test_every_valetkey_command_that_it_names_exists(runbook: Path) -> None:
    for command in commands(runbook):
        words = command.split()
        found, used = find_command(words)
        options = {word.split("=")[0] for word in words if word.startswith("--")} - {"--"}

        assert not isinstance(found, click.Group), command
        assert used, command
        assert options <= {name for parameter in found.params for name in parameter.opts + parameter.secondary_opts}


def test_the_key_rotation_job_has_the_options_that_runbooks_give_it(capsys: pytest.CaptureFixture[str]) -> None:
    given = {option for path in RUNBOOKS for option in re.findall(r'\["(--\w+)["=]', text_of(path))}

    with pytest.raises(SystemExit):
        main(["--help"])

    offered = capsys.readouterr().out
    assert given
    assert all(option in offered for option in given)


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=name_of)
def test_every_object_of_the_cluster_that_it_names_is_one_of_the_chart(runbook: Path) -> None:
    lines = [line for line in code(runbook) if re.search(r"\b(?:kubectl|valetkey-[a-z])", line)]
    named = {name for line in lines for name in re.findall(r"(?<![\w./-])(?:\w+/)?(valetkey-[a-z-]+)", line)}

    unknown = named - names_in_the_chart() - MADE_ON_THE_WAY

    assert not unknown


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=name_of)
def test_every_label_that_it_selects_by_is_one_of_the_chart(runbook: Path) -> None:
    selected = set(re.findall(r"(app\.kubernetes\.io/\w+)=([\w-]+)", text_of(runbook)))

    assert selected <= labels_in_the_chart()


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=name_of)
def test_every_metric_and_label_in_its_queries_exists(runbook: Path) -> None:
    for line in promql(runbook):
        query = parse(line)
        names = query.metrics - OF_PROCESSES
        labels = {label for name in names for label in declared().get(name, ())} | TARGET_LABELS
        asked = query.labels | {matcher.label for _, matchers in query.selectors for matcher in matchers}

        assert query.metrics, line
        assert names <= set(declared()), line
        assert asked <= labels, line


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=name_of)
def test_every_metric_that_it_speaks_of_exists(runbook: Path) -> None:
    spoken = {name for line in code(runbook) for name in re.findall(r"\b(?:valetkey|db_client)_[a-z_]+\b", line)}

    labels = {label for each in declared().values() for label in each}
    assert spoken - ROLES - labels <= set(declared()) | set(recorded())


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=name_of)
def test_every_page_that_it_leads_to_exists(runbook: Path) -> None:
    links = set(re.findall(r"\]\((?!http)([^)#]+)\)", text_of(runbook)))

    assert all((runbook.parent / link).is_file() for link in links)


def test_the_index_leads_to_every_page() -> None:
    index = text_of(RUNBOOK_FOLDER / "README.md")

    missing = [path.name for path in RUNBOOKS if path.name != "README.md" and f"]({path.name})" not in index]

    assert not missing


def names_in_the_chart() -> set[str]:
    names = {str(each["metadata"]["name"]) for each in objects("demo") + objects("production")}
    # The Secret is not in the chart: it is made by a Job, or by the operator.
    return names | {"valetkey-secrets"}


def labels_in_the_chart() -> set[tuple[str, str]]:
    return {
        (name, value)
        for each in objects("demo") + objects("production") + objects("mail")
        for name, value in each["metadata"].get("labels", {}).items()
    }
