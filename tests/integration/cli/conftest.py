import pytest

from support.administration import Administration
from support.database_roles import as_role
from support.operator_cli import Operator, environment_of
from support.system import System, test_settings


@pytest.fixture
def operator(postgres_dsn: str, redis_url: str) -> Operator:
    """An operator of an installation with nothing in it, in the role that operators have in PostgreSQL."""
    dsn = as_role(postgres_dsn, "operator")
    return Operator(environment_of(test_settings("https://id.example", dsn, redis_url)))


@pytest.fixture
def system_operator(system: System, administration: Administration) -> Operator:
    """An operator of the running system that tests share."""
    return Operator(environment_of(system.settings_of("operator")))
