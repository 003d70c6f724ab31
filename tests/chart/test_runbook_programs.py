"""kubectl and helm take what runbooks have people type: real ones parse each line, and nothing is done."""

import shutil
import subprocess
from itertools import takewhile
from pathlib import Path

import pytest

from support.chart import HELM, objects, pods
from support.runbook import Command, commands, pages

FILLED_IN = {"<pod>": "valetkey-token-0", "<node>": "node-1", "<revision>": "3", "<kid>": "kid", "$KEY": "key"}
# Each of these is looked at here, in test_runbook_logs.py, or in the tests of runbooks below integration/cli and
# nightly/upgrade; only the clock of a node is nothing that a test could set.
PROGRAMS = {
    *("chronyc", "curl", "docker", "helm", "jq", "kubectl", "redis-cli", "valetkey"),
    *("echo", "mv", "pg_basebackup", "pg_ctl", "pg_dump", "pg_restore", "psql", "touch", "KEY=$(python3"),
}
PIPED = {"create", "get", "logs"}
# The pod that is copied is the chart's test, whose container is named there.
OPERATOR = "valetkey-operator"


def lines(program: str, page: Path) -> list[Command]:
    return [command for command in commands() if command.page == page.stem and command.words[0] == program]


def arguments(command: Command) -> list[str]:
    """Those of the program itself, not of what it runs in a container."""
    words = list(takewhile(lambda word: word != "--", command.words[1:]))
    return [FILLED_IN.get(word, word) for word in words]


def refusal(program: str | Path, words: list[str]) -> str:
    """What the program says of words that it does not take; an unknown option comes before ``--help``."""
    run = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=False, timeout=30)
    return run.stderr


def kubectl() -> str:
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("there is no kubectl on PATH")
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_kubectl_knows_every_option(page: Path) -> None:
    program = kubectl()

    refused = {command.line: refusal(program, arguments(command)) for command in lines("kubectl", page)}

    assert not {line: why for line, why in refused.items() if why}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_helm_knows_every_option(page: Path) -> None:
    refused = {command.line: refusal(HELM, arguments(command)) for command in lines("helm", page)}

    assert not {line: why for line, why in refused.items() if why}


def test_no_page_has_a_command_that_no_test_knows() -> None:
    piped = [command.words for command in commands() if command.rest]
    verbs = {next(word for word in words[1:] if word not in {"-n", "valetkey"}) for words in piped}

    assert {command.line.split()[0] for command in commands()} == PROGRAMS
    assert {words[0] for words in piped} == {"kubectl"}
    assert verbs == PIPED


def test_an_unknown_option_is_refused() -> None:
    program = kubectl()

    assert "unknown flag: --sinces" in refusal(program, ["logs", "pod", "--sinces=1h"])


def test_what_is_executed_in_the_pod_of_the_operator_is_there() -> None:
    executed = [command for command in commands() if command.words[:1] == ["kubectl"] and "exec" in command.words]
    (test,) = (pod for pod in pods(objects("production")) if pod.name == "Pod/valetkey-test-login")
    (copied,) = (command for command in commands() if command.words[3:4] == ["debug"])

    assert executed
    assert all(command.words[4] == OPERATOR and command.words[6] == "valetkey" for command in executed)
    assert f"--copy-to={OPERATOR}" in copied.words
    assert copied.words[4] == test.owner["metadata"]["name"]
    assert f"--container={test.containers[-1]['name']}" in copied.words


def test_what_compose_runs_for_the_operator_is_a_service_of_the_file() -> None:
    ran = [command.words for command in commands() if command.words[0] == "docker"]

    assert ran
    assert {(words[3], words[6]) for words in ran} == {("deploy/compose.yaml", "operator")}
