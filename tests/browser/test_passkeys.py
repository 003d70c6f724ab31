"""Passkeys, in a real browser that plays their authenticators."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import expect

from support.administration import FULL_SCOPE, Administration
from support.chromium import Visit, Visiting
from support.system import System
from support.systems import StartSystem
from support.tier import combinations
from support.tokens import claims_of
from support.virtual_authenticator import VirtualAuthenticator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SIZES = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 800}}
SCHEMES = ("light", "dark")
MFA = "urn:valetkey:acr:mfa"
SYNCED = {"defaultBackupEligibility": True, "defaultBackupState": True}


@pytest.fixture(scope="module")
def system(start_system: StartSystem) -> System:
    """Browsers have passkeys for a name, and none for an address."""
    return start_system(host="localhost")


@pytest.fixture
def administration(system: System) -> Administration:
    return system.administration


# As browsers are that offer no passkeys with the names which they fill in.
ONLY_A_BUTTON = "delete PublicKeyCredential.isConditionalMediationAvailable"


async def demanding(visit: Visit, acr: str = MFA) -> Visit:
    """The same visit to a client that demands a level."""
    client = await visit.system.administration.create_web_client(
        redirect_uris=(visit.callback.url,), scope=FULL_SCOPE, required_acr=acr
    )
    return replace(visit, client=client)


async def enrol(visit: Visit, name: str = "") -> None:
    """Sign in with a password where more is demanded, and set up a passkey."""
    await visit.start()
    await visit.sign_in()
    await visit.page.get_by_label("Name of the passkey").fill(name)
    await visit.press("Set up a passkey")


async def finish(visit: Visit) -> dict[str, Any]:
    """Agree, and see what the ID token says."""
    if not visit.page.url.startswith(visit.callback.url):
        await visit.press("Allow")
    return claims_of((await visit.redeem())["id_token"])


async def enrolled(visit: Visit) -> Visit:
    """A visit whose user has set up a passkey, and comes back to another client in a browser that knows nothing."""
    first = await demanding(visit)
    await enrol(first)
    await first.page.get_by_role("link", name="I have kept them").click()
    await finish(first)
    await visit.context.clear_cookies()
    await visit.page.add_init_script(ONLY_A_BUTTON)
    return visit


@pytest.mark.requirement("WebAuthn §7.1: a passkey is set up on the way through a login that demands one")
@pytest.mark.parametrize(("size", "scheme"), combinations(SIZES, SCHEMES))
async def test_a_person_sets_up_a_passkey_and_signs_in_with_it(visiting: Visiting, size: str, scheme: str) -> None:
    visit = await demanding(await visiting(color_scheme=scheme, viewport=SIZES[size]))
    authenticator = await VirtualAuthenticator.of(visit.page)
    await visit.page.add_init_script(ONLY_A_BUTTON)
    await visit.start()
    await visit.sign_in()
    await visit.keep(f"passkey-enrol-{size}-{scheme}")
    await visit.page.get_by_label("Name of the passkey").fill("Ada's laptop")
    await visit.press("Set up a passkey")
    await visit.page.get_by_role("link", name="I have kept them").click()
    first = await finish(visit)

    await visit.context.clear_cookies()
    await visit.start()
    await visit.keep(f"passkey-login-{size}-{scheme}")
    await visit.press("Sign in with a passkey")
    second = await finish(visit)

    (kept,) = await authenticator.credentials()
    assert kept["isResidentCredential"]
    assert kept["rpId"] == "localhost"
    assert first["sub"] == second["sub"] == visit.person.subject
    assert set(second["amr"]) == {"hwk", "user", "mfa"}
    assert second["acr"] == "phrh"


@pytest.mark.requirement("WebAuthn §5.1.7: the browser offers passkeys with the names that it fills in")
async def test_nothing_needs_to_be_pressed_where_the_browser_offers_passkeys_by_itself(visit: Visit) -> None:
    await VirtualAuthenticator.of(visit.page)
    first = await demanding(visit)
    await enrol(first)
    await first.page.get_by_role("link", name="I have kept them").click()
    await finish(first)
    await visit.context.clear_cookies()

    await visit.start()
    await visit.page.wait_for_url(re.compile("/consent"))

    assert (await finish(visit))["sub"] == visit.person.subject


@pytest.mark.requirement("OIDC EAP ACR Values §4: phrh is of a key that stays in its authenticator")
async def test_a_passkey_that_moves_between_devices_reaches_less(visit: Visit) -> None:
    await VirtualAuthenticator.of(visit.page, **SYNCED)
    visit = await enrolled(visit)

    await visit.start()
    await visit.press("Sign in with a passkey")
    claims = await finish(visit)

    assert claims["acr"] == "phr"
    assert set(claims["amr"]) == {"swk", "user", "mfa"}


@pytest.mark.parametrize(("size", "scheme"), combinations(SIZES, SCHEMES))
async def test_a_passkey_follows_a_password(visiting: Visiting, size: str, scheme: str) -> None:
    visit = await visiting(color_scheme=scheme, viewport=SIZES[size])
    await VirtualAuthenticator.of(visit.page)
    visit = await enrolled(visit)

    await visit.start()
    await visit.sign_in()
    await visit.keep(f"passkey-second-factor-{size}-{scheme}")
    await visit.press("Continue with a passkey")

    assert (await finish(visit))["acr"] == "phrh"


@pytest.mark.requirement("WebAuthn §6.1.1: a clone of a device is noticed, and a synchronised passkey is none")
@pytest.mark.parametrize("is_synced", [False, True])
async def test_a_counter_that_goes_back_is_of_a_clone_unless_the_passkey_moves(visit: Visit, is_synced: bool) -> None:
    device = await VirtualAuthenticator.of(visit.page, **(SYNCED if is_synced else {}))
    visit = await enrolled(visit)
    credentials = await device.credentials()
    for _ in range(2):
        await visit.start()
        await visit.press("Sign in with a passkey")
        await finish(visit)
        await visit.context.clear_cookies()
    await device.go_back_to(credentials)

    await visit.start()
    await visit.press("Sign in with a passkey")

    if is_synced:
        assert (await finish(visit))["acr"] == "phr"
    else:
        assert "could not be used here" in await visit.page.get_by_role("alert").inner_text()


async def test_a_device_that_does_not_recognize_its_user_says_so_and_a_password_still_works(visit: Visit) -> None:
    device = await VirtualAuthenticator.of(visit.page)
    await visit.page.add_init_script(ONLY_A_BUTTON)
    await device.recognize(user=False)
    await visit.start()

    await visit.page.get_by_role("button", name="Sign in with a passkey").click()

    await expect(visit.page.get_by_role("status")).to_have_text("No passkey was used. You can try again.")
    await visit.keep("passkey-cancelled")
    await visit.sign_in()
    assert (await finish(visit))["amr"] == ["pwd"]


async def test_a_device_is_set_up_once(visit: Visit) -> None:
    await VirtualAuthenticator.of(visit.page, **SYNCED)
    visit = await demanding(await enrolled(visit), "phrh")
    await visit.start()
    await visit.press("Sign in with a passkey")
    assert await visit.heading() == "Set up a passkey"

    await visit.page.get_by_role("button", name="Set up a passkey").click()

    await expect(visit.page.get_by_role("status")).to_contain_text("on that device already")


async def test_a_passkey_of_another_device_reaches_what_the_first_does_not(visit: Visit) -> None:
    synced = await VirtualAuthenticator.of(visit.page, **SYNCED)
    visit = await demanding(await enrolled(visit), "phrh")
    await visit.start()
    await visit.press("Sign in with a passkey")
    await synced.remove()
    await VirtualAuthenticator.of(visit.page, transport="usb")

    await visit.press("Set up a passkey")

    assert (await finish(visit))["acr"] == "phrh"


@pytest.mark.requirement("WebAuthn: without JavaScript everything else still works")
async def test_without_scripts_there_is_a_password_and_nothing_that_does_not_work(visiting: Visiting) -> None:
    visit = await visiting(java_script_enabled=False)
    await visit.start()

    assert not await visit.page.get_by_role("button", name="Sign in with a passkey").is_visible()
    await visit.sign_in()
    assert (await finish(visit))["amr"] == ["pwd"]


async def test_without_scripts_the_page_of_a_passkey_says_what_is_missing(visiting: Visiting) -> None:
    known = await visiting()
    await VirtualAuthenticator.of(known.page)
    known = await enrolled(known)
    visit = replace(await visiting(java_script_enabled=False), person=known.person)
    await visit.start()
    await visit.sign_in()
    await visit.keep("passkey-without-scripts")

    await expect(visit.page.get_by_text("Your browser has no passkeys here")).to_be_visible()
    await visit.page.get_by_role("link", name="Use a recovery code").click()
    await expect(visit.page.get_by_label("Recovery code")).to_be_visible()
