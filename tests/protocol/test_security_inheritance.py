"""Deleting and re-creating a user or client under the same name inherits nothing: security item 60."""

import secrets
from dataclasses import replace
from uuid import uuid4

import pytest

from support.administration import Administration
from support.eventually import eventually
from support.relying_party import ClientIdentity, RelyingParty
from support.systems import MakeParty

SCOPE = "openid offline_access api:read"
METHODS = ("client_secret_basic", "client_secret_post", "none")


async def recreate_client(
    administration: Administration, make_party: MakeParty, old: RelyingParty, **changes: object
) -> RelyingParty:
    """Another client under the same ``client_id``, once every replica knows it."""
    await administration.delete_client(old.client)
    create = administration.create_machine if old.client.redirect_uri == "" else administration.create_web_client
    client_name = f"Anew {secrets.token_hex(4)}"
    client: ClientIdentity = await create(
        old.client.method, client_id=old.client.client_id, client_name=client_name, **changes
    )
    another = await make_party(client, await administration.create_user())

    async def has_its_secret() -> bool:
        return (await another.refresh("x")).error in {"invalid_grant", "unauthorized_client"}

    async def is_named() -> bool:
        return client_name in (await another.start()).text

    async def redeems() -> bool:
        return (await another.redeem(await another.authorize())).status == 200

    # Each service hears of it in its own time.
    for is_known in (has_its_secret, is_named, redeems) if client.redirect_uri else (has_its_secret,):
        await eventually(is_known)
    return await make_party(client, old.person)


@pytest.mark.requirement("security 60: a client that is re-created inherits nothing")
@pytest.mark.parametrize("method", METHODS)
async def test_a_client_of_the_same_name_inherits_no_token_no_grant_and_no_code(
    make_party: MakeParty, administration: Administration, api: RelyingParty, method: str
) -> None:
    old = await make_party(method=method)
    tokens = await old.log_in(scope=SCOPE)
    code = await old.authorize(scope=SCOPE)

    new = await recreate_client(administration, make_party, old)

    assert (await api.introspect(tokens.access_token)).body == {"active": False}
    assert (await new.userinfo(tokens.access_token)).status == 401
    assert (await new.refresh(tokens.refresh_token)).error == "invalid_grant"
    assert (await new.redeem(code)).error == "invalid_grant"
    if method != "none":
        assert (await new.introspect(tokens.access_token)).body == {"active": False}
    fresh = await new.log_in(scope=SCOPE)
    assert (await api.introspect(fresh.access_token)).active
    assert (await new.refresh(fresh.refresh_token)).status == 200


@pytest.mark.requirement("security 60: a client that is re-created inherits nothing")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_the_secret_of_the_old_client_is_no_secret_of_the_new(
    make_party: MakeParty, administration: Administration, method: str
) -> None:
    old = await make_party(method=method)
    assert (await old.introspect("x")).status == 200

    await recreate_client(administration, make_party, old)

    assert (await old.introspect("x")).error == "invalid_client"


@pytest.mark.requirement("security 60: a client that is re-created inherits nothing")
async def test_consent_given_to_the_old_client_is_asked_for_again(
    make_party: MakeParty, administration: Administration
) -> None:
    old = await make_party()
    await old.log_in(scope=SCOPE)
    assert (await old.start(scope=SCOPE)).is_redirect

    new = await recreate_client(administration, make_party, old)
    new.browser.cookies.update(old.browser.cookies)

    async def is_asked() -> bool:
        page = await new.start(scope=SCOPE)
        assert not page.is_redirect
        # The authorize service hears of the new client in its own time; until then its page says that there is none.
        return "allow" in {button.attributes.get("value") for button in page.page.find_all("button")}

    await eventually(is_asked)


@pytest.mark.requirement("security 60: a client that is re-created inherits nothing")
async def test_a_machine_of_the_same_name_does_not_own_the_old_ones_tokens(
    make_party: MakeParty, administration: Administration, api: RelyingParty
) -> None:
    old = await make_party(await administration.create_machine())
    tokens = await old.token("client_credentials")

    new = await recreate_client(administration, make_party, old)

    assert (await new.introspect(tokens.access_token)).body == {"active": False}
    assert (await api.introspect(tokens.access_token)).body == {"active": False}
    fresh = await new.token("client_credentials")
    assert (await api.introspect(fresh.access_token)).active


@pytest.mark.requirement("security 60: a client that is re-created inherits nothing")
async def test_nothing_is_left_to_revoke_for_the_new_client(
    make_party: MakeParty, administration: Administration
) -> None:
    old = await make_party()
    tokens = await old.log_in(scope=SCOPE)

    new = await recreate_client(administration, make_party, old)

    assert (await new.revoke(tokens.refresh_token)).status == 200
    fresh = await new.log_in(scope=SCOPE)
    assert (await new.refresh(fresh.refresh_token)).status == 200


@pytest.mark.requirement("security 60: a user who is re-created inherits nothing")
@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
async def test_a_user_of_the_same_name_inherits_no_token_no_grant_no_code_and_no_session(
    make_party: MakeParty, administration: Administration, api: RelyingParty, method: str
) -> None:
    name = f"user-{secrets.token_hex(4)}"
    old = await make_party(
        await administration.create_web_client(method), await administration.create_user(username=name)
    )
    assert old.person is not None
    tokens = await old.log_in(scope=SCOPE)
    code = await old.authorize(scope=SCOPE)
    await administration.delete_user(old.person)

    person = await administration.create_user(username=name, email=f"{name}@example.org")

    assert person.subject != old.person.subject
    assert (await api.introspect(tokens.access_token)).body == {"active": False}
    assert (await old.userinfo(tokens.access_token)).status == 401
    assert (await old.refresh(tokens.refresh_token)).error == "invalid_grant"
    assert (await old.redeem(code)).error == "invalid_grant"
    page = await old.start(scope=SCOPE)
    assert not page.is_redirect
    assert page.page.find_all("input", name="password")


@pytest.mark.requirement("security 60: a user who is re-created inherits nothing")
async def test_consent_given_by_the_old_user_is_asked_for_again(
    make_party: MakeParty, administration: Administration
) -> None:
    name = f"user-{secrets.token_hex(4)}"
    old = await make_party(person=await administration.create_user(username=name))
    assert old.person is not None
    await old.log_in(scope=SCOPE)
    await administration.delete_user(old.person)
    new = await make_party(old.client, await administration.create_user(username=name))

    page = await new.sign_in(await new.start(scope=SCOPE))

    assert {button.attributes.get("value") for button in page.page.find_all("button")} >= {"allow"}


@pytest.mark.requirement("security 60: a user who is re-created inherits nothing")
async def test_even_a_user_restored_under_the_same_subject_does_not_revive_old_tokens(
    make_party: MakeParty, administration: Administration, api: RelyingParty
) -> None:
    subject = uuid4()
    old = await make_party(person=await administration.create_user(subject=subject))
    assert old.person is not None
    tokens = await old.log_in(scope=SCOPE)
    await administration.delete_user(old.person)

    await administration.create_user(subject=subject)

    assert (await api.introspect(tokens.access_token)).body == {"active": False}
    assert (await old.userinfo(tokens.access_token)).status == 401
    assert (await old.refresh(tokens.refresh_token)).error == "invalid_grant"


@pytest.mark.requirement("security 60: a client that is re-created inherits nothing")
async def test_a_public_client_that_becomes_confidential_under_the_same_name_is_another(
    make_party: MakeParty, administration: Administration
) -> None:
    public = await make_party(method="none")
    tokens = await public.log_in(scope=SCOPE)
    await administration.delete_client(public.client)
    confidential = await make_party(
        await administration.create_web_client(client_id=public.client.client_id), public.person
    )

    async def is_known() -> bool:
        return (await confidential.introspect("x")).status == 200

    await eventually(is_known)

    assert (await public.refresh(tokens.refresh_token)).error == "invalid_client"
    assert (await confidential.refresh(tokens.refresh_token)).error == "invalid_grant"
    impostor = await make_party(replace(public.client, method="none"), public.person)
    assert (await impostor.redeem(await confidential.authorize(scope=SCOPE))).error == "invalid_client"
