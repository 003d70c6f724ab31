"""A release has one version everywhere, lists what it is made of, and is refused before anything changes."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.release.chart_images import with_images
from deploy.release.images import Images
from deploy.release.provenance import images_of, statement
from deploy.release.refusal import Refusal
from deploy.release.version import Version
from support.chart import CHART, HELM
from support.release_checkout import clone, commit, git, release, write_repository
from support.release_checks import (
    IMAGES,
    LOCK,
    check_bill_of_materials,
    check_changelog,
    check_chart,
    check_names,
    check_provenance,
    check_requirements,
    check_sums,
)
from support.repository import ROOT, rooms

DIGESTS = {image: f"sha256:{number:064x}" for number, image in enumerate(IMAGES, 1)}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This working tree as the first commit of a repository of its own."""
    copy = tmp_path_factory.mktemp("repository")
    write_repository(copy)
    return copy


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """A clone that a test may change."""
    return clone(repository, tmp_path / "checkout")


@pytest.fixture
def current() -> str:
    return str(tomllib.loads((ROOT / "proto/pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


@pytest.fixture(scope="module")
def released(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which a release has been made."""
    checkout = clone(repository, tmp_path_factory.mktemp("released") / "checkout")
    done = release(checkout, "prepare", "7.0.0", "--date", "2031-02-03", "--commit")
    assert done.returncode == 0, done.stderr
    return checkout


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_release_has_one_version_everywhere_and_says_what_it_holds(released: Path, current: str) -> None:
    assert git(released, "status", "--porcelain") == ""
    assert git(released, "log", "-1", "--format=%s") == "release: 7.0.0"
    assert git(released, "cat-file", "-t", "v7.0.0") == "tag"
    assert set(versions(released)) == {"7.0.0"}
    check_changelog(released, current)
    files = {file.name: file for file in (released / "build/release").iterdir()}
    check_names(set(files))
    check_chart(files["valetkey-7.0.0.tgz"], files["NOTES.md"])
    check_sums(files)
    check_requirements(files)
    check_provenance(files, git(released, "rev-parse", "v7.0.0^{tree}"))
    for image in IMAGES:
        lock = ROOT / f"deploy/docker/requirements/{image}.lock"
        name = f"valetkey-{image.replace('_', '-')}"
        check_bill_of_materials(files[f"{name}-7.0.0.cdx.json"], name, lock)
    wheels = files["valetkey-wheels-7.0.0.cdx.json"]
    check_bill_of_materials(wheels, "valetkey-cli", LOCK)
    # All are made in the same way, and looking at one takes a second.
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(wheels.read_text(encoding="utf-8")) is None


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_same_commit_gives_the_same_bytes(released: Path, tmp_path: Path) -> None:
    again = clone(released, tmp_path / "another place")
    ignored = again / "services/token/valetkey/token/build"
    ignored.mkdir()
    (ignored / "left_behind.py").write_text("left behind", encoding="utf-8")
    like = released / "build/release/valetkey-7.0.0.provenance.json"
    elsewhere = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "1"}

    done = release(again, "build", "--like", str(like), umask=0o077, **elsewhere)

    assert done.returncode == 0, done.stderr
    first, second = contents(released), contents(again)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def contents(checkout: Path) -> dict[str, tuple[bytes, float]]:
    """The bytes of each file; of the chart also its time, which becomes part of what is pushed."""
    files = (checkout / "build/release").iterdir()
    return {file.name: (file.read_bytes(), file.stat().st_mtime if file.suffix == ".tgz" else 0) for file in files}


def test_files_of_a_checkout_with_changes_are_refused(checkout: Path) -> None:
    (checkout / "services/token/valetkey/token/extra.py").write_text("", encoding="utf-8")

    done = release(checkout, "build")

    assert done.returncode == 1
    assert "services/token/valetkey/token/extra.py" in done.stderr
    assert not (checkout / "build/release").exists()


def test_files_of_what_is_no_release_are_refused(checkout: Path, current: str) -> None:
    text = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    (checkout / "CHANGELOG.md").write_text(text.replace(f"## [{current}]", "## [0.0.1]"), encoding="utf-8")
    commit(checkout, "not released", "--allow-empty")

    done = release(checkout, "build")

    assert done.returncode == 1
    assert f"run `make release VERSION={current}` first" in done.stderr


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


@pytest.mark.parametrize("text", ["", "1.0", "v7.0.0", "7.0.0-rc.1", "07.0.0"])
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

    named = with_images(values, Images("registry.example/team", DIGESTS))

    (chart / "values.yaml").write_text(named, encoding="utf-8")
    assert rendered_images(chart) == images_in("registry.example/team")
    assert len(named.splitlines()) == len(values.splitlines())
    # A mirror has the same digests.
    for value in ("image.registry", "global.imageRegistry"):
        assert rendered_images(chart, "--set", f"{value}=mirror.example") == images_in("mirror.example")


def rendered_images(chart: Path, *options: str) -> set[str]:
    """Of the services as three components, and as one."""
    rendered = ""
    mail = ("--set", "mail.host=smtp.example,mail.from=id@example.com")
    for values, more in (("demo", mail), ("compact", ())):
        files = ("--values", CHART / f"ci/{values}-values.yaml")
        command: list[str | Path] = [HELM, "template", chart, *files, *more, *options]
        rendered += subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {image for image in re.findall(r"image: \"?([^\s\"]+)", rendered) if "valetkey-" in image}


def images_in(registry: str) -> set[str]:
    return {f"{registry}/valetkey-{image.replace('_', '-')}@{digest}" for image, digest in DIGESTS.items()}


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
        Images("registry.example", digests)


def test_a_statement_of_a_release_names_its_images(tmp_path: Path) -> None:
    images = Images("registry.example/team", DIGESTS)

    text = statement(ROOT, "tree", Version(7, 0, 0), 0, tmp_path, images)

    assert images_of(text) == images
    assert images_of(statement(ROOT, "tree", Version(7, 0, 0), 0, tmp_path, None)) is None


def test_a_registry_without_digests_is_refused(repository: Path) -> None:
    done = release(repository, "build", "--registry=registry.example")

    assert done.returncode == 1
    assert "belong together" in done.stderr


def test_images_without_an_engine_are_refused_with_a_sentence(released: Path) -> None:
    done = release(released, "images", "registry.example/team", DOCKER="no-such-engine")

    assert (done.returncode, done.stderr) == (1, "no release: there is no program no-such-engine\n")


def test_a_platform_that_has_no_images_of_ours_is_refused(released: Path, tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    engine.write_text("#!/bin/sh\necho linux/amd64\n", encoding="utf-8")
    engine.chmod(0o755)

    done = release(released, "images", "registry.example/team", "--platform", "linux/s390x", DOCKER=str(engine))

    assert (done.returncode, done.stderr) == (1, "no release: linux/s390x is none of linux/amd64, linux/arm64\n")


def test_an_engine_that_runs_no_other_platform_builds_nothing_for_it_and_says_so(
    released: Path, tmp_path: Path
) -> None:
    engine = tmp_path / "engine"
    engine.write_text(ENGINE_WITHOUT_EMULATION, encoding="utf-8")
    engine.chmod(0o755)

    done = release(released, "images", "registry.example/team", "--platform", "linux/arm64", DOCKER=str(engine))

    assert "NOT BUILT for linux/arm64, which this engine cannot run: exec format error\n" in done.stdout
    assert (done.returncode, done.stderr) == (1, "no release: no image can be built here\n")


ENGINE_WITHOUT_EMULATION = """\
#!/bin/sh
if [ "$1" = version ]; then echo linux/amd64; else echo 'exec format error' >&2; exit 1; fi
"""


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
