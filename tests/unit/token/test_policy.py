"""How long things live, whatever an installation has decided."""

import pytest

from support.seed import make_client
from support.system import test_settings
from valetkey.core.client.client import GrantType
from valetkey.token.stores import policy_from

SHORTEST = {"refresh_token_lifetime": "60", "refresh_token_idle_lifetime": "60", "access_token_lifetime": "60"}


@pytest.mark.requirement("security 56: a row that refuses a second redemption outlives its code")
@pytest.mark.parametrize("grant_types", [{GrantType.AUTHORIZATION_CODE}, set(GrantType)], ids=["code", "all"])
@pytest.mark.parametrize("code_lifetime", ["5", "60"])
def test_an_authorization_lives_no_shorter_than_its_code_with_the_most_extreme_settings(
    grant_types: set[GrantType], code_lifetime: str
) -> None:
    lifetimes = {"authorization_code_lifetime": code_lifetime, **SHORTEST}
    policy = policy_from(test_settings("http://127.0.0.1:1", "postgresql://db/x", "redis://cache", **lifetimes))

    lifetime = policy.authorization_lifetime(make_client(grant_types=frozenset(grant_types)))

    assert lifetime >= policy.authorization_code_lifetime


@pytest.mark.parametrize(
    ("setting", "text"),
    [("authorization_code_lifetime", "61"), ("refresh_token_lifetime", "59"), ("access_token_lifetime", "59")],
)
def test_settings_go_no_further(setting: str, text: str) -> None:
    with pytest.raises(Exception, match=setting.upper()):
        test_settings("http://127.0.0.1:1", "postgresql://db/x", "redis://cache", **{setting: text})
