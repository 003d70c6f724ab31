"""RFC 6749 §2.3.1: a client with a secret presents it in the header or in the form, unless it is registered for one."""

from base64 import b64encode
from dataclasses import replace

import pytest

from support.administration import Administration
from support.refusal import require_refusal
from support.relying_party import RelyingParty, Reply
from support.systems import MakeParty
from valetkey.core.client.authentication.secret import secret_digest
from valetkey.core.client.client import AuthenticationMethod, ClientSecret, GrantType

BASIC, POST = "client_secret_basic", "client_secret_post"
SPECIAL = "s+e%c:r%41e/t=" + "0123456789" * 3


def using(party: RelyingParty, method: str) -> RelyingParty:
    return replace(party, client=replace(party.client, method=method))


@pytest.mark.requirement("security 24: either way of presenting a secret, at every endpoint, unless one is registered")
@pytest.mark.parametrize("used", [BASIC, POST, "none"])
@pytest.mark.parametrize("registered", [None, AuthenticationMethod.BASIC, AuthenticationMethod.POST])
async def test_either_method_at_every_endpoint_and_grant(
    make_party: MakeParty, administration: Administration, registered: AuthenticationMethod | None, used: str
) -> None:
    grants = (GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN, GrantType.CLIENT_CREDENTIALS)
    home = await make_party(
        await administration.create_web_client(grants=grants, token_endpoint_auth_method=registered)
    )
    home = using(home, BASIC if registered is None else registered)
    party = using(home, used)
    code, other = await home.authorize(scope="openid offline_access"), await home.log_in(scope="openid offline_access")

    replies = {
        "code": await party.redeem(code),
        "refresh": await party.refresh(other.refresh_token),
        "machine": await party.token("client_credentials", scope="api:read"),
        "introspect": await party.introspect(other.access_token),
        "revoke": await party.revoke(other.access_token),
    }

    if used == registered or (registered is None and used != "none"):
        assert {name: reply.status for name, reply in replies.items()} == dict.fromkeys(replies, 200)
    else:
        for reply in replies.values():
            require_refusal(reply, "invalid_client")


@pytest.mark.requirement("security 24: two methods in one request are invalid_request, for who may use either too")
async def test_both_at_once_are_refused(make_party: MakeParty, administration: Administration) -> None:
    client = await administration.create_machine(token_endpoint_auth_method=None)
    party = await make_party(client)
    fields = [("grant_type", "client_credentials"), ("client_id", client.client_id)]

    reply = await party.post("/token", [*fields, ("client_secret", client.client_secret or "")])

    require_refusal(reply, "invalid_request")


@pytest.mark.requirement(
    "RFC 6749 §2.3.1: a secret with + % : authenticates clients that encode it and those that do not"
)
@pytest.mark.parametrize("encodes", [True, False, None], ids=["encoded", "as it is", "in the form"])
async def test_special_characters(make_party: MakeParty, administration: Administration, encodes: bool | None) -> None:
    secrets = (ClientSecret(secret_digest(SPECIAL)),)
    client = await administration.create_machine(token_endpoint_auth_method=None, secrets=secrets)
    party = await make_party(replace(client, client_secret=SPECIAL, method=BASIC if encodes else POST))

    async def ask() -> Reply:
        if encodes is False:
            header = "Basic " + b64encode(f"{client.client_id}:{SPECIAL}".encode()).decode()
            return await party.post_raw("/token", "grant_type=client_credentials", {"Authorization": header})
        return await party.token("client_credentials")

    # The second time, what was proven is remembered.
    assert [(await ask()).status for _ in range(2)] == [200, 200]
