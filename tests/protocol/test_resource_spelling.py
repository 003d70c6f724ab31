"""RFC 8707 and its neighbours: one resource in two spellings, and `audience`, another name of it or refused."""

from typing import Any

import pytest

from support.administration import API, CALLBACK, OTHER_API, Administration
from support.front_channel import response_of
from support.relying_party import Reply
from support.systems import MakeParty
from support.tokens import claims_of
from valetkey.core.client.client import AudienceParameter, GrantType

SCOPE = "openid offline_access api:read"
GRANTS = (GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN, GrantType.CLIENT_CREDENTIALS)
WITHOUT_SLASH = API.rstrip("/")
MODES = ("query", "form_post")


async def replies(
    make_party: MakeParty,
    administration: Administration,
    name: str,
    value: str,
    **changes: Any,  # noqa: ANN401 - any field of Client
) -> dict[str, Reply]:
    """What each grant answers to the parameter."""
    party = await make_party(await administration.create_web_client(grants=GRANTS, **changes))
    code, other = await party.authorize(scope=SCOPE), await party.log_in(scope=SCOPE)
    return {
        "code": await party.redeem(code, **{name: value}),
        "refresh": await party.refresh(other.refresh_token, **{name: value}),
        "machine": await party.token("client_credentials", scope="api:read", **{name: value}),
    }


@pytest.mark.requirement("RFC 3986 §6.2.3: with and without the slash of an empty path it is one resource")
@pytest.mark.parametrize("spelling", [API, WITHOUT_SLASH])
async def test_the_slash_of_an_empty_path_makes_no_other_resource(
    make_party: MakeParty, administration: Administration, spelling: str
) -> None:
    answered = await replies(make_party, administration, "resource", spelling)
    party = await make_party()
    at_authorize = await party.log_in(scope=SCOPE, resource=spelling)

    for reply in (*answered.values(), at_authorize):
        assert claims_of(reply.access_token)["aud"] == API


@pytest.mark.requirement("RFC 3986 §6.2.3: nothing but the slash of an empty path makes no difference")
@pytest.mark.parametrize("spelling", [f"{API}/", API.upper(), f"{API}?", "https://api.example:443/", f"{API}v1"])
async def test_any_other_spelling_is_another_resource(
    make_party: MakeParty, administration: Administration, spelling: str
) -> None:
    answered = await replies(make_party, administration, "resource", spelling)
    party = await make_party()

    assert {reply.error for reply in answered.values()} == {"invalid_target"}
    assert response_of(await party.start(scope=SCOPE, resource=spelling), CALLBACK).error == "invalid_target"


@pytest.mark.requirement("RFC 8707 §2: audience is another name of resource for a client registered so")
@pytest.mark.parametrize("spelling", [API, WITHOUT_SLASH])
async def test_audience_is_another_name_of_resource(
    make_party: MakeParty, administration: Administration, spelling: str
) -> None:
    permitted = {"audience_parameter": AudienceParameter.RESOURCE}
    answered = await replies(make_party, administration, "audience", spelling, **permitted)
    party = await make_party(await administration.create_web_client(**permitted))
    at_authorize = await party.log_in(scope=SCOPE, audience=spelling)

    for reply in (*answered.values(), at_authorize):
        assert claims_of(reply.access_token)["aud"] == API


@pytest.mark.requirement("RFC 8707 §2: an audience that is not granted is invalid_target, never silently another")
@pytest.mark.parametrize("audience", [OTHER_API, "my-api", "urn:valetkey", ""])
async def test_audience_is_held_to_what_resource_is(
    make_party: MakeParty, administration: Administration, audience: str
) -> None:
    permitted = {"audience_parameter": AudienceParameter.RESOURCE}
    answered = await replies(make_party, administration, "audience", audience, **permitted)

    # Empty means omitted. RFC 6749 §3.2.
    assert {reply.error for reply in answered.values()} == {"invalid_target" if audience else None}


@pytest.mark.requirement("RFC 8707 §2: elsewhere audience is refused, and told what to send")
@pytest.mark.parametrize("registered", [None, AudienceParameter.REFUSE])
@pytest.mark.parametrize("mode", MODES)
async def test_audience_is_refused_unless_permitted(
    make_party: MakeParty, administration: Administration, registered: AudienceParameter | None, mode: str
) -> None:
    answered = await replies(make_party, administration, "audience", API, audience_parameter=registered)
    party = await make_party(await administration.create_web_client(audience_parameter=registered))
    answer = response_of(await party.start(scope=SCOPE, audience=API, response_mode=mode), CALLBACK)

    for body in (*(reply.body for reply in answered.values()), answer.params):
        assert body["error"] == "invalid_target"
        assert "audience" in body["error_description"]
        assert "resource (RFC 8707)" in body["error_description"]
