"""RFC 9700 §4.15: what an API learns of a token says whether a person stands behind it, whatever its subject is."""

from collections.abc import AsyncIterator, Callable

import pytest

from support.administration import API, Administration
from support.legacy import put_legacy_client
from support.relying_party import ClientIdentity, RelyingParty
from support.system import System
from support.systems import MakeParty
from valetkey.core.client.registration import is_like_subject
from valetkey.resource_server import AuthorizationServer, Introspector, Protection, Verifier
from valetkey.resource_server.protection import Mode

TOLD_APART = pytest.mark.requirement("RFC 9700 §4.15, RFC 9068 §5: tokens of people and of clients are told apart")
MODES: tuple[Mode, ...] = ("jwt", "introspect", "both")


@pytest.fixture
async def protect(
    system: System, resource_servers: dict[str, ClientIdentity]
) -> AsyncIterator[Callable[[Mode], Protection]]:
    """The API, protected in any way."""
    server, api = AuthorizationServer(system.issuer), resource_servers["api"]
    introspector = Introspector(server, audience=API, client_id=api.client_id, client_secret=api.client_secret or "")
    yield lambda mode: Protection(mode, verifier=Verifier(server, audience=API), introspector=introspector)
    await server.close()


@TOLD_APART
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
async def test_every_token_of_a_login_is_a_persons(
    make_party: MakeParty,
    administration: Administration,
    protect: Callable[[Mode], Protection],
    mode: Mode,
    method: str,
) -> None:
    party = await make_party(await administration.create_web_client(method))
    assert party.person is not None
    redeemed = await party.log_in(scope="openid offline_access api:read api:write")
    refreshed = await party.refresh(redeemed.refresh_token)
    narrowed = await party.refresh(refreshed.refresh_token, scope="api:read")

    for reply in (redeemed, refreshed, narrowed):
        token = await protect(mode).verify(reply.access_token)

        assert token.is_user
        assert not token.is_client
        assert token.subject == party.person.subject
        assert is_like_subject(token.subject)


@TOLD_APART
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("asked", [{}, {"scope": "api:read"}, {"resource": API}])
async def test_every_token_of_a_machine_is_a_clients(
    system: System,
    administration: Administration,
    protect: Callable[[Mode], Protection],
    mode: Mode,
    asked: dict[str, str],
) -> None:
    machine = RelyingParty(system.issuer, await administration.create_machine())

    reply = await machine.token("client_credentials", **asked)
    token = await protect(mode).verify(reply.access_token)
    await machine.browser.close()

    assert token.is_client
    assert not token.is_user
    assert token.subject == machine.client.client_id
    assert not is_like_subject(token.subject)


@TOLD_APART
@pytest.mark.parametrize("mode", MODES)
async def test_a_client_of_an_earlier_release_that_is_called_like_a_user_is_none(
    system: System,
    make_party: MakeParty,
    administration: Administration,
    protect: Callable[[Mode], Protection],
    mode: Mode,
) -> None:
    """What release 0.1.0 let in: a machine under the subject of a user. Its tokens and the user's are told apart."""
    party = await make_party()
    assert party.person is not None
    name, dsn = party.person.subject, administration.settings.postgres_dsn.reveal()
    machine = RelyingParty(system.issuer, await put_legacy_client(dsn, name, scope=["api:read"]))

    of_the_person = await protect(mode).verify((await party.log_in(scope="openid api:read")).access_token)
    issued = await machine.token("client_credentials", scope="api:read")
    of_the_machine = await protect(mode).verify(issued.access_token)
    userinfo = await machine.userinfo(issued.access_token)
    await machine.browser.close()

    assert of_the_person.subject == of_the_machine.subject == name
    assert (of_the_person.is_user, of_the_person.is_client) == (True, False)
    assert (of_the_machine.is_user, of_the_machine.is_client) == (False, True)
    assert userinfo.error == "invalid_token"
