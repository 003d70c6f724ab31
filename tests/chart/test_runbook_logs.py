"""Every search of logs in a runbook finds what it is for, in what the services really write."""

import os
import subprocess
import urllib.request

import pytest

from support.chart import objects, pods
from support.kubectl_logs import Asked
from support.observed import Observed
from support.runbook import Command, commands

# A whole day goes by before the first of them, on a busy machine slowly.
pytestmark = pytest.mark.timeout(300)
SEARCHES = [command for command in commands() if " logs " in command.stages[0] and command.rest]
# What is no word of ours to look for stands here for the person who types it.
SHELL = ["bash", "-o", "pipefail", "-c"]


def test_every_search_of_logs_finds_something(observed: Observed) -> None:
    trace_id = observed.a_trace_id()

    silent = [str(command) for command in SEARCHES if not found_by(command, observed, trace_id)]

    assert SEARCHES
    assert not silent


def test_without_tail_a_search_by_label_sees_ten_lines_of_each_pod(observed: Observed) -> None:
    by_label = "kubectl -n valetkey logs -l app.kubernetes.io/component=authorize --since=15m"

    lines = logs_of(by_label, observed).splitlines()

    assert len(lines) == 10
    assert len(logs_of(f"{by_label} --tail=-1", observed).splitlines()) > 10


def test_readiness_answers_where_the_pages_ask_for_it(observed: Observed) -> None:
    asked = {command.words[-1] for command in commands() if command.words[0] == "curl"}

    answers = []
    for url in asked:
        ours = url.replace("http://127.0.0.1:9090", f"http://{observed.targets['token']}")
        assert ours != url
        with urllib.request.urlopen(ours, timeout=5) as answer:  # noqa: S310 - an address of ours
            answers.append(answer.status)

    assert answers == [200]


def found_by(command: Command, observed: Observed, trace_id: str) -> str:
    """What the pipeline prints; nothing where any part of it fails."""
    shown = logs_of(command.stages[0], observed)
    run = subprocess.run(
        [*SHELL, command.rest.replace("<trace_id>", trace_id)],
        input=shown,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        timeout=30,
    )
    return run.stdout if run.returncode == 0 else ""


def logs_of(line: str, observed: Observed) -> str:
    """What ``kubectl logs`` shows of services that run as the chart has them."""
    asked = Asked.of(line)
    components = [pod.component for pod in pods(objects("production")) if asked.selects(pod)]
    files = [observed.said / component for component in components if (observed.said / component).exists()]
    assert files, f"{line}: no service of ours"
    return "".join(asked.shown(file) for file in files)


@pytest.mark.parametrize("command", SEARCHES, ids=str)
def test_every_search_reads_the_whole_log(command: Command) -> None:
    asked = Asked.of(command.stages[0])

    assert not asked.selector or asked.tail == -1
