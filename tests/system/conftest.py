from collections.abc import Iterator

import pytest

from support.composition import Composition
from support.containers import why_no_compose


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
