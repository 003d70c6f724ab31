"""A release has one version everywhere, lists what it is made of, and is refused before anything changes."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from deploy.release.chart_images import with_images
from deploy.release.refusal import Refusal
from support.chart import CHART, HELM
from support.repository import ROOT, repository_files, rooms

IMAGES = ("authorize", "token", "introspection", "compact", "key_rotation", "cli")
DIGESTS = {image: f"sha256:{number:064x}" for number, image in enumerate(IMAGES, 1)}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This working tree as the first commit of a repository of its own."""
    copy = tmp_path_factory.mktemp("repository")
    for path in repository_files():
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_symlink():
            target.symlink_to((ROOT / path).readlink())
        else:
            target.write_bytes((ROOT / path).read_bytes())
    # A link to a directory is no file to `repository_files`.
    for link in filter(Path.is_symlink, (ROOT / "helm/valetkey/files").iterdir()):
        target = copy / link.relative_to(ROOT)
        if not target.is_symlink():
            target.symlink_to(link.readlink())
    git(copy, "init", "--quiet", "--initial-branch=main")
    git(copy, "add", "--all")
    commit(copy, "everything")
    return copy


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """A clone that a test may change."""
    git(tmp_path, "clone", "--quiet", "--local", str(repository), "checkout")
    return tmp_path / "checkout"


@pytest.fixture
def current() -> str:
    return str(tomllib.loads((ROOT / "proto/pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_release_has_one_version_everywhere_and_says_what_it_holds(checkout: Path, current: str) -> None:
    done = release(checkout, "prepare", "7.0.0", "--date", "2031-02-03", "--commit")

    assert done.returncode == 0, done.stderr
    assert git(checkout, "status", "--porcelain") == ""
    assert git(checkout, "log", "-1", "--format=%s") == "release: 7.0.0"
    assert git(checkout, "cat-file", "-t", "v7.0.0") == "tag"
    assert set(versions(checkout)) == {"7.0.0"}
    check_changelog(checkout, current)
    files = {file.name: file for file in (checkout / "build/release").iterdir()}
    check_names(set(files))
    check_sums(files)
    for image in IMAGES:
        check_bill_of_materials(files[f"valetkey-{image.replace('_', '-')}-7.0.0.cdx.json"], image)


def check_changelog(checkout: Path, current: str) -> None:
    unreleased = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("## [Unreleased]\n")[2]
    now = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    notes = (checkout / "build/release/NOTES.md").read_text(encoding="utf-8")

    assert f"## [Unreleased]\n\n## [7.0.0] - 2031-02-03\n{unreleased}" in now
    assert notes.strip() == re.split(r"^## ", unreleased, maxsplit=1, flags=re.MULTILINE)[0].strip()
    assert current != "7.0.0"


def check_names(files: set[str]) -> None:
    wheels = {f"valetkey_{'wire' if room.name == 'proto' else room.name}-7.0.0-py3-none-any.whl" for room in rooms()}
    bills = {f"valetkey-{image.replace('_', '-')}-7.0.0.cdx.json" for image in IMAGES}

    assert files == wheels | bills | {"valetkey-7.0.0.tgz", "NOTES.md", "SHA256SUMS"}


def check_sums(files: dict[str, Path]) -> None:
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].read_text(encoding="utf-8").splitlines())

    assert sums == {
        name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items() if name != "SHA256SUMS"
    }


def check_bill_of_materials(file: Path, image: str) -> None:
    lock = (ROOT / f"deploy/docker/requirements/{image}.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock, re.MULTILINE))

    bill = json.loads(file.read_text(encoding="utf-8"))

    listed = {component["name"]: component["version"] for component in bill["components"]}
    ours = {name for name in listed if name.startswith("valetkey-")}
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == f"valetkey-{image.replace('_', '-')}"
    assert bill["metadata"]["component"]["version"] == "7.0.0"
    assert listed["aiohttp"] == locked["aiohttp"]
    assert {name: version for name, version in listed.items() if name not in ours} == locked
    assert ours >= {"valetkey-core", "valetkey-runtime", "valetkey-wire"}
    assert {listed[name] for name in ours} == {"7.0.0"}


def test_a_checkout_with_changes_is_refused(checkout: Path) -> None:
    (checkout / "README.md").write_text("changed", encoding="utf-8")

    assert "not committed" in refusal(checkout, "7.0.0")


def test_another_branch_is_refused(checkout: Path) -> None:
    git(checkout, "checkout", "--quiet", "-b", "feature")

    assert "this is feature" in refusal(checkout, "7.0.0")


def test_a_tag_that_exists_is_refused(checkout: Path) -> None:
    git(checkout, "tag", "v7.0.0")

    assert "exists" in refusal(checkout, "7.0.0")


@pytest.mark.parametrize("version", ["0.1.0", "0.0.9"])
def test_a_version_that_is_not_higher_than_the_newest_release_is_refused(repository: Path, version: str) -> None:
    assert "not higher" in refusal(repository, version)


def test_a_version_that_is_lower_than_that_of_the_checkout_is_refused(repository: Path, current: str) -> None:
    lower = "0.1.1"

    assert current in refusal(repository, lower)


@pytest.mark.parametrize("text", ["", "1.0", "v1.0.0", "1.0.0-rc.1", "01.0.0"])
def test_what_is_no_version_is_refused(repository: Path, text: str) -> None:
    assert "no version" in refusal(repository, text)


def test_a_changelog_with_nothing_new_is_refused(checkout: Path) -> None:
    text = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    changed = text.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [0.1.9] - 2030-01-01\n")
    (checkout / "CHANGELOG.md").write_text(changed, encoding="utf-8")
    commit(checkout, "cut by hand")

    assert "nothing under" in refusal(checkout, "7.0.0")


def test_a_line_that_names_the_old_version_is_refused_unless_it_is_history(checkout: Path, current: str) -> None:
    lines = f"Install version 9.\npip install valetkey=={current}\nNew since {current}.\n"
    (checkout / "deploy/INSTALL.md").write_text(lines, encoding="utf-8")
    git(checkout, "add", "--all")
    commit(checkout, "a page")

    said = refusal(checkout, "7.0.0")

    assert said.rstrip().endswith("as the present version: deploy/INSTALL.md:2")


def test_rooms_that_disagree_are_refused(checkout: Path, current: str) -> None:
    project = checkout / "services/token/pyproject.toml"
    text = project.read_text(encoding="utf-8").replace(f'version = "{current}"', 'version = "3.0.0"')
    project.write_text(text, encoding="utf-8")
    commit(checkout, "one room ahead")

    assert "disagree" in refusal(checkout, "7.0.0")


def test_the_chart_of_a_release_names_images_by_digest(tmp_path: Path) -> None:
    chart = tmp_path / "valetkey"
    shutil.copytree(CHART, chart)
    values = (CHART / "values.yaml").read_text(encoding="utf-8")

    named = with_images(values, "registry.example/team", DIGESTS)

    (chart / "values.yaml").write_text(named, encoding="utf-8")
    rendered = subprocess.run(
        [HELM, "template", chart, "--values", CHART / "ci/demo-values.yaml"], check=True, capture_output=True, text=True
    ).stdout
    rendered += subprocess.run(
        [HELM, "template", chart, "--values", CHART / "ci/compact-values.yaml"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    ours = {image for image in re.findall(r"image: \"?([^\s\"]+)", rendered) if "valetkey-" in image}
    assert ours == {
        f"registry.example/team/valetkey-{image.replace('_', '-')}@{digest}" for image, digest in DIGESTS.items()
    }
    assert len(named.splitlines()) == len(values.splitlines())


@pytest.mark.parametrize(
    ("digests", "said"),
    [
        ({**DIGESTS, "cli": "latest"}, "latest is no digest"),
        ({**DIGESTS, "admin": DIGESTS["cli"]}, "admin: no image of ours"),
        ({"token": DIGESTS["token"]}, "cli: no digest"),
    ],
)
def test_digests_that_are_not_those_of_our_images_are_refused(digests: dict[str, str], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        with_images((CHART / "values.yaml").read_text(encoding="utf-8"), "registry.example", digests)


def test_a_registry_without_digests_is_refused(repository: Path) -> None:
    done = release(repository, "build", "--registry=registry.example")

    assert done.returncode == 1
    assert "belong together" in done.stderr


def versions(checkout: Path) -> list[str]:
    chart = yaml.safe_load((checkout / "helm/valetkey/Chart.yaml").read_text(encoding="utf-8"))
    projects = [tomllib.loads((checkout / room / "pyproject.toml").read_text(encoding="utf-8")) for room in rooms()]
    return [chart["version"], chart["appVersion"], *(project["project"]["version"] for project in projects)]


def refusal(checkout: Path, version: str) -> str:
    """What is said when a release is refused, with nothing changed by it."""
    before = git(checkout, "status", "--porcelain"), git(checkout, "rev-parse", "HEAD"), git(checkout, "diff")

    done = release(checkout, "prepare", version, "--commit")

    assert done.returncode == 1
    assert before == (git(checkout, "status", "--porcelain"), git(checkout, "rev-parse", "HEAD"), git(checkout, "diff"))
    return done.stderr


def release(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    identity = ("GIT_AUTHOR", "GIT_COMMITTER")
    names = {f"{who}_{what}": "release@example.com" for who in identity for what in ("NAME", "EMAIL")}
    return subprocess.run(
        [sys.executable, "-m", "deploy.release", *arguments],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "HOME": str(checkout.parent), **names},
        capture_output=True,
        text=True,
        check=False,
    )


def commit(checkout: Path, message: str) -> None:
    identity = ["-c", "user.name=release", "-c", "user.email=release@example.com"]
    git(checkout, *identity, "commit", "--quiet", "--all", "--message", message)


def git(where: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=where, check=True, capture_output=True, text=True).stdout.strip()
