import pytest

from support.system import System


@pytest.fixture
def authorize_url(system: System) -> str:
    """The service that talks to browsers, past the front door."""
    return system.urls["authorize"][0]
