"""What the files for GitHub, pre-commit and Renovate name exists here."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.repository import ROOT, repository_files

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yaml"))
RELEASE = GITHUB / "workflows/release.yaml"
FORMS = sorted(form for form in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if form.name != "config.yml")
PACKAGES = {"lint-imports": "import-linter"}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE))


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


def read(file: Path) -> dict[Any, Any]:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def make_targets(text: str) -> list[str]:
    commands = re.findall(r"\bmake ((?:[a-z-]+ ?)+)", text)
    return [target for command in commands for target in command.split()]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_what_exists(workflow: Path) -> None:
    commands = "\n".join(step.get("run", "") for step in steps(workflow))
    files = {str(path) for path in repository_files()}

    paths = set(re.findall(r"(?<![\w/$}.-])((?:\.ci|deploy|services|helm|tests)/[\w./-]+)", commands))
    paths |= {step["with"]["file"] for step in steps(workflow) if "file" in step.get("with", {})}

    assert paths <= files
    assert set(make_targets(commands)) <= TARGETS


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_no_more_than_it_says_and_ends(workflow: Path) -> None:
    document = read(workflow)

    assert document["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in document["jobs"].values())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned(workflow: Path) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]

    assert used
    assert not [action for action in used if not re.fullmatch(r"[\w.-]+/[\w./-]+@(?:v\d[\w.]*|[0-9a-f]{40})", action)]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_the_text_of_others_is_no_part_of_a_command(workflow: Path) -> None:
    expressions = [name for step in steps(workflow) for name in re.findall(r"\$\{\{(.*?)\}\}", step.get("run", ""))]

    assert not [name for name in expressions if re.search(r"github\.(event|head_ref|ref_name)|inputs\.", name)]


def test_the_release_is_made_of_every_image() -> None:
    images = read(RELEASE)["jobs"]["images"]["strategy"]["matrix"]["include"]
    dockerfile = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")

    assert {image["service"] for image in images} == set(re.findall(r"FROM \w+ AS (\w+)", dockerfile)) & {
        path.stem for path in (ROOT / "deploy/docker/requirements").glob("*.lock")
    }
    assert all(image["image"] == f"valetkey-{image['service'].replace('_', '-')}" for image in images)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_commands_of_a_workflow_are_shell(workflow: Path) -> None:
    for step in steps(workflow):
        script = re.sub(r"\$\{\{.*?\}\}", "expression", step.get("run", ""))
        checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)

        assert (checked.returncode, checked.stderr) == (0, ""), script


def test_a_release_begins_with_a_tag_and_its_jobs_may_do_what_they_do() -> None:
    workflow = read(RELEASE)
    pushes = {"contents": "read", "packages": "write", "id-token": "write", "attestations": "write"}

    # YAML 1.1 reads the key `on` as true.
    assert workflow[True] == {"push": {"tags": ["v*.*.*"]}}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "images": pushes,
        "publish": {**pushes, "contents": "write"},
    }
    assert workflow["jobs"]["publish"]["needs"] == "images"
    assert all(
        step["with"]["persist-credentials"] is False
        for step in steps(RELEASE)
        if step.get("uses", "").startswith("actions/checkout@")
    )


def test_digests_and_sums_are_signed_and_nothing_by_its_tag() -> None:
    commands = "\n".join(step.get("run", "") for step in steps(RELEASE))
    attested = [step["with"] for step in steps(RELEASE) if step.get("uses", "").startswith("actions/attest-")]

    signed = re.findall(r"cosign sign --yes (\S.*)$", commands, re.MULTILINE)

    assert signed == [
        '"${{ steps.names.outputs.image }}@${{ steps.build.outputs.digest }}"',
        # `make release-chart` prints the name of the chart with its digest.
        '"$chart"',
    ]
    assert "chart=$(make release-chart " in commands
    assert re.search(r"cosign sign-blob .* build/release/SHA256SUMS$", commands, re.MULTILINE)
    assert [with_.get("subject-digest", with_.get("subject-path")) for with_ in attested] == [
        "${{ steps.build.outputs.digest }}",
        "build/release/*",
    ]


def test_the_digest_of_every_image_reaches_the_chart() -> None:
    images, publish = (read(RELEASE)["jobs"][name]["steps"] for name in ("images", "publish"))
    commands = "\n".join(step.get("run", "") for step in publish)
    (written,) = re.findall(r'echo "(.*)" >"(.*)"', "\n".join(step.get("run", "") for step in images if "run" in step))
    (up,) = [step["with"] for step in images if step.get("uses", "").startswith("actions/upload-artifact@")]
    (down,) = [step["with"] for step in publish if step.get("uses", "").startswith("actions/download-artifact@")]

    assert written == (
        "--digest ${{ matrix.service }}=${{ steps.build.outputs.digest }}",
        "build/digests/${{ matrix.service }}",
    )
    assert (up["name"], up["path"]) == ("digest-${{ matrix.service }}", "build/digests")
    assert (down["pattern"], down["path"], down["merge-multiple"]) == ("digest-*", "build/digests", True)
    assert 'make release-files VERSION="$VERSION" REGISTRY="$REGISTRY"' in commands
    assert "--registry $(REGISTRY) $$(cat build/digests/*)" in MAKEFILE


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_for_what_github_can_show(form: Path) -> None:
    document = read(form)
    fields = [field for field in document["body"] if field["type"] != "markdown"]

    assert {"name", "description", "body"} <= document.keys()
    assert {field["type"] for field in document["body"]} <= {"markdown", "textarea", "input", "dropdown", "checkboxes"}
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_an_issue_has_a_form() -> None:
    assert read(GITHUB / "ISSUE_TEMPLATE/config.yml")["blank_issues_enabled"] is False
    assert {form.stem for form in FORMS} == {"bug", "feature", "interoperability"}


def test_a_pull_request_is_asked_for_targets_that_exist() -> None:
    text = (GITHUB / "pull_request_template.md").read_text(encoding="utf-8")

    assert make_targets(text)
    assert set(make_targets(text)) <= TARGETS


def test_hooks_run_the_tools_that_are_pinned() -> None:
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")

    commands = [hook["entry"].split() for hook in repository["hooks"]]

    assert repository["repo"] == "local"
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}
    programs = {command[0].removeprefix(".venv/bin/") for command in commands if command[0] != "make"}
    packages = {PACKAGES.get(program, program) for program in programs}
    assert packages <= set(re.findall(r"^([a-z0-9-]+)==", locked, re.MULTILINE))
    assert {target for command in commands if command[0] == "make" for target in command[1:]} <= TARGETS


def test_renovate_reads_files_that_exist() -> None:
    settings = json.loads((GITHUB / "renovate.json").read_text(encoding="utf-8"))
    files = [str(path) for path in repository_files()]

    managers = [settings[name] for name in settings["enabledManagers"] if name in settings]
    patterns = [
        pattern.strip("/")
        for manager in [*managers, *settings["customManagers"]]
        for pattern in manager["managerFilePatterns"]
    ]
    commands = [
        command for rule in settings["packageRules"] for command in rule.get("postUpgradeTasks", {}).get("commands", ())
    ]

    assert patterns
    assert not [pattern for pattern in patterns if not any(re.search(pattern, file) for file in files)]
    assert set(make_targets("\n".join(commands))) == {"lock"}


def test_renovate_finds_the_version_that_a_script_names() -> None:
    settings = json.loads((GITHUB / "renovate.json").read_text(encoding="utf-8"))
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")

    (manager,) = settings["customManagers"]

    for expression in manager["matchStrings"]:
        # JavaScript names groups as (?<name>...), Python as (?P<name>...).
        assert re.search(expression.replace("(?<", "(?P<"), script)


def test_the_devcontainer_has_the_oldest_python_and_runs_targets_that_exist() -> None:
    settings = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "proto/pyproject.toml").read_text(encoding="utf-8"))["project"]
    command = settings["postCreateCommand"]

    assert f"python:{project['requires-python'].removeprefix('>=')}-" in settings["image"]
    assert set(make_targets(command)) == set(command.split()[1:])
    assert set(make_targets(command)) <= TARGETS
