from collections.abc import Iterator
from pathlib import Path

import pytest

from support.composition import Composition
from support.container_registry import why_no_registry
from support.containers import why_no_compose, why_no_engine
from support.published_release import PublishedRelease, published_release
from support.release_checkout import run_release_program, write_release


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    """The whole installation, two replicas of each service behind the front door."""
    if why_no_compose():
        pytest.skip(why_no_compose())
    composition = Composition(tmp_path_factory.mktemp("composed"))
    try:
        composition.up()
        yield composition
    finally:
        composition.down()


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublishedRelease]:
    """A release in a registry."""
    why = why_no_engine() or why_no_registry()
    if why:
        pytest.skip(why)
    with published_release(tmp_path_factory.mktemp("published")) as release:
        yield release


@pytest.fixture(scope="session")
def release_files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a release: of the one in a registry, where there can be one."""
    if not why_no_engine() and not why_no_registry():
        published: PublishedRelease = request.getfixturevalue("published")
        return published.files
    checkout = write_release(tmp_path_factory.mktemp("release") / "checkout")
    run_release_program(checkout, "build")
    return checkout / "build/release"
