"""Who may redeem a code without a verifier: a confidential client registered so, where the installation permits it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from support.seed import make_client
from valetkey.core.client.client import PkcePolicy
from valetkey.core.client.installation_rules import InstallationRules
from valetkey.core.oauth.authorization_code import generate_code
from valetkey.core.oauth.errors import InvalidRequest
from valetkey.core.oauth.params import Params
from valetkey.token.grants.authorization_code import AuthorizationCodeGrant

PERMITTED = (PkcePolicy.OPTIONAL, PkcePolicy.OPTIONAL_WITHOUT_NONCE)


class CatalogAskedError(Exception):
    """The request was found good as far as it can be without a store."""


class Catalogs:
    async def get(self) -> None:
        raise CatalogAskedError


@pytest.mark.requirement("OAuth 2.1 §7.5.1: only confidential clients, by an operator's word, can do without PKCE")
@pytest.mark.parametrize("policy", PkcePolicy)
@pytest.mark.parametrize("secret", ["s" * 43, None], ids=["confidential", "public"])
@pytest.mark.parametrize("exceptions", [True, False], ids=["permitted", "forbidden"])
async def test_a_missing_verifier_is_missing(policy: PkcePolicy, secret: str | None, exceptions: bool) -> None:
    ports = SimpleNamespace(
        policy=SimpleNamespace(rules=InstallationRules(pkce_exceptions=exceptions)), catalog=Catalogs()
    )
    grant = AuthorizationCodeGrant(cast("Any", ports))
    is_let_off = exceptions and secret is not None and policy in PERMITTED

    with pytest.raises(CatalogAskedError if is_let_off else InvalidRequest):
        await grant.authorize(Params.parse([("code", generate_code())]), make_client(secret=secret, pkce=policy))
