"""RFC 8707 §2.1: which resources an authorization request may name, and what the grant is then for."""

import pytest

from support.administration import API, CALLBACK, OTHER_API, Administration
from support.eventually import eventually
from support.front_channel import response_of
from support.relying_party import RelyingParty, Reply
from support.systems import MakeParty
from support.tokens import claims_of

UNKNOWN = "https://unknown.example/"


async def ask(party: RelyingParty, *resources: str, scope: str = "openid api:read") -> str | Reply:
    """The error, or the tokens of a request that names these resources."""
    verifier = "v" * 43
    pairs = [*party.request_params(verifier, scope=scope), *[("resource", resource) for resource in resources]]
    answer = await party.browser.follow(
        await party.browser.get(f"{party.issuer}/authorize", pairs), within=party.issuer
    )
    response = response_of(await party.walk(answer), CALLBACK)
    if response.error is not None:
        return response.error
    return await party.token("authorization_code", code=response.code, code_verifier=verifier, redirect_uri=CALLBACK)


def audience(reply: str | Reply) -> object:
    assert isinstance(reply, Reply)
    assert reply.status == 200, reply.body
    return claims_of(reply.access_token)["aud"]


@pytest.mark.requirement("RFC 8707 §2.1: the token is for the resources that were asked for, one or several")
@pytest.mark.parametrize(
    ("resources", "scope", "expected"),
    [
        ((), "openid api:read", [API]),
        ((), "openid", ["issuer"]),
        ((API,), "openid api:read", [API]),
        ((API,), "openid", [API]),
        ((OTHER_API,), "openid", [OTHER_API]),
        ((API, OTHER_API), "openid api:read", [API, OTHER_API]),
        ((OTHER_API, API), "openid api:read", [OTHER_API, API]),
        ((API, API), "openid api:read", [API]),
        (("", API), "openid api:read", [API]),
    ],
    ids=range(9),
)
@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
async def test_the_grant_is_for_what_was_asked_for(
    make_party: MakeParty,
    administration: Administration,
    resources: tuple[str, ...],
    scope: str,
    expected: list[str],
    method: str,
) -> None:
    party = await make_party(await administration.create_web_client(method, resources=frozenset({OTHER_API})))

    found = audience(await ask(party, *resources, scope=scope))

    named = [party.issuer if resource == "issuer" else resource for resource in expected]
    assert found in (named, *named) if len(named) == 1 else found == named


@pytest.mark.requirement("RFC 8707 §2: invalid_target for what is malformed, unknown or not this client's")
@pytest.mark.parametrize(
    "resources",
    [
        (UNKNOWN,),
        (OTHER_API,),
        (API, UNKNOWN),
        (UNKNOWN, API),
        (API, OTHER_API),
        (f"{API}#x",),
        (f"{API} ",),
        ("api",),
        ("/",),
        ("https://api.example/v1",),
        ("https://API.example/",),
        ("http://api.example/",),
        ("https://api.example/x",),
        ("https://api.example/?",),
        tuple(f"https://r{n}.example/" for n in range(9)),
        (API * 50,),
        ("javascript:alert(1)",),
    ],
    ids=range(17),
)
async def test_other_resources_are_refused(party: RelyingParty, resources: tuple[str, ...]) -> None:
    assert await ask(party, *resources) == "invalid_target"


@pytest.mark.requirement("RFC 8707 §2.2: at the token endpoint the resources of the grant can be narrowed, not widened")
@pytest.mark.parametrize(("narrowed", "error"), [(API, None), (OTHER_API, None), (UNKNOWN, "invalid_target")])
async def test_what_was_agreed_to_is_what_can_be_had(
    make_party: MakeParty, administration: Administration, narrowed: str, error: str | None
) -> None:
    party = await make_party(await administration.create_web_client(resources=frozenset({OTHER_API})))
    reply = await ask(party, API, OTHER_API)
    assert isinstance(reply, Reply)

    again = await party.refresh(reply.refresh_token, resource=narrowed)

    assert again.error == error
    if error is None:
        assert audience(again) in (narrowed, [narrowed])


@pytest.mark.requirement("security 19: a resource removed from the client while the user decides is not granted")
async def test_a_resource_taken_away_meanwhile_is_not_granted(
    make_party: MakeParty, administration: Administration
) -> None:
    party = await make_party(await administration.create_web_client(resources=frozenset({OTHER_API})))
    consent = await party.sign_in(await party.start(resource=OTHER_API))
    await administration.change_client(party.client, resources=frozenset())

    async def is_known() -> bool:
        return (await ask(party, OTHER_API)) == "invalid_target"

    await eventually(is_known)
    answer = await party.browser.submit(consent, action="allow")

    assert response_of(answer, CALLBACK).error == "invalid_target"
