import pytest

from support.introspection import World


@pytest.fixture
def world() -> World:
    return World()
