"""Finding the grants."""

from uuid import uuid4

import pytest

from valetkey.core.client.client import AuthenticationMethod, Client, GrantType
from valetkey.core.oauth.errors import UnauthorizedClient, UnsupportedGrantType
from valetkey.token import registry
from valetkey.token.grants.client_credentials import ClientCredentials
from valetkey.token.registry import Grants, discover


class NoCatalog:
    """A catalog that is not queried."""

    async def get(self) -> None:
        raise AssertionError


def client(*grant_types: str) -> Client:
    return Client("c", uuid4(), "C", AuthenticationMethod.BASIC, frozenset(grant_types))


GRANTS = Grants({"client_credentials": ClientCredentials(NoCatalog())})  # type: ignore[arg-type]


def test_every_grant_in_the_folder_is_found() -> None:
    assert [grant.grant_type for grant in discover()] == ["authorization_code", "client_credentials", "refresh_token"]


def test_what_clients_may_be_registered_for_and_discovery_offers_is_what_is_found() -> None:
    assert {grant.grant_type for grant in discover()} == set(GrantType)


def test_two_grants_of_one_type_are_an_error_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [ClientCredentials, type("Other", (ClientCredentials,), {})]
    monkeypatch.setattr(registry, "_grants_in", lambda _: twice)

    with pytest.raises(ValueError, match="client_credentials"):
        discover()


@pytest.mark.requirement("RFC 6749 §4.3: the password grant is refused as unsupported_grant_type")
@pytest.mark.parametrize(
    "grant_type", ["password", "implicit", "urn:ietf:params:oauth:grant-type:saml2-bearer", "x", ""]
)
def test_a_grant_that_is_not_offered_is_unsupported(grant_type: str) -> None:
    with pytest.raises(UnsupportedGrantType):
        GRANTS.find(grant_type, client(grant_type))


def test_a_grant_the_client_is_not_registered_for_is_refused() -> None:
    with pytest.raises(UnauthorizedClient):
        GRANTS.find("client_credentials", client("authorization_code"))
    assert GRANTS.find("client_credentials", client("client_credentials")).grant_type == "client_credentials"
