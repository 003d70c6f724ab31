"""What ``make test`` leaves to the night, and that the night takes it."""

import ast
import re
from pathlib import Path

import yaml

from support.repository import ROOT, repository_files, syntax

NIGHTLY = Path("tests/nightly")
APART = (NIGHTLY, Path("tests/system"), Path("tests/cluster"))
# Tools of others that have to be built or installed first.
PEERS = NIGHTLY / "peers"
# Each of them needs minutes by its nature.
AT_NIGHT_ALONE = {
    "import: a million users in bounded memory",
    "operations: a key rotation under load breaks no verification",
    "operations: a page of users costs the same among a million, whatever is asked of them",
    "operations: a release is rolled out and rolled back under load, and no request fails",
    "operations: sealing keys are rolled in under load beside the release before, and no request fails",
    "operations: two versions always overlap, and what one ends the other refuses",
    "security 41: other endpoints keep their latency while logins are saturated",
    # Each needs a machine that does nothing else.
    "sizing: a service is ready after at most 1 s of CPU",
    "sizing: all services in one process take at most 150 MiB, at any moment of many logins",
    "sizing: an idle installation takes at most 300 MiB and 60 m of CPU",
    "sizing: help takes at most 0.3 s of CPU",
    "security 47: slow, endless and huge requests are bounded",
}


def cited(path: Path) -> set[str]:
    """The requirements that a file of tests says it proves."""
    return {
        argument.value
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "requirement"
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def test_every_requirement_is_proved_by_day_but_those_that_need_minutes() -> None:
    tests = [path for path in repository_files() if path.parts[0] == "tests" and path.match("test_*.py")]
    at_night = [path for path in tests if path.is_relative_to(NIGHTLY) and not path.is_relative_to(PEERS)]
    by_night = {text for path in at_night for text in cited(path)}
    by_day = {text for path in tests if not any(map(path.is_relative_to, APART)) for text in cited(path)}

    assert by_night - by_day == AT_NIGHT_ALONE


def test_the_nightly_workflow_runs_both_tiers_and_one_process() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yaml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["nightly"]["steps"]

    commands = {step["run"] for step in steps if "run" in step}

    assert {"make test", "make test-nightly", "make test-compact"} <= commands


def test_what_is_sampled_by_day_is_run_whole_at_night() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    folders = re.findall(r"tests/[a-z]+", next(line for line in makefile.splitlines() if "NIGHTLY=1" in line))
    sampled = [
        path
        for path in repository_files()
        if path.parts[0] == "tests"
        and path.match("test_*.py")
        and any(isinstance(node, ast.ImportFrom) and node.module == "support.tier" for node in ast.walk(syntax(path)))
    ]

    assert sampled
    assert [path for path in sampled if not any(map(path.is_relative_to, folders))] == []
