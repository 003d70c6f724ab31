"""What clients do with their pages: logins in a popup, callbacks that go on elsewhere, several tabs."""

import pytest
from playwright.async_api import Page

from support.chromium import Visit, Visiting

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def open_popup(visit: Visit, address: str) -> Page:
    """A popup that the client's page has opened."""
    if not visit.page.url.startswith(visit.callback.app_url):
        await visit.page.goto(visit.callback.app_url)
    async with visit.page.expect_popup() as opening:
        await visit.page.evaluate("address => { window.popup = window.open(address, '', 'width=500') }", address)
    popup = await opening.value
    await popup.wait_for_load_state()
    return popup


async def is_open(visit: Visit) -> bool:
    """What the client's page sees of its popup."""
    return not await visit.page.evaluate("window.popup.closed")


@pytest.mark.requirement("HTML Standard §7.1.3: the page that opened a login keeps it, through every page of ours")
@pytest.mark.parametrize("response_mode", ["query", "fragment", "form_post"])
async def test_a_popup_tells_the_page_that_opened_it(visit: Visit, response_mode: str) -> None:
    seen = []
    popup = await open_popup(visit, visit.address(response_mode=response_mode))
    seen.append(await is_open(visit))
    await visit.sign_in(popup)
    seen.append(await is_open(visit))
    await visit.press("Allow", popup)
    await popup.wait_for_url(f"{visit.callback.url}*")
    await visit.page.wait_for_function("window.told.length")
    seen.append(await is_open(visit))
    told = await visit.page.evaluate("window.told")

    async with popup.expect_event("close"):
        await visit.page.evaluate("window.popup.close()")

    assert seen == [True, True, True]
    assert told == ["/callback"]


@pytest.mark.requirement("HTML Standard §7.1.3: the page that opened a logout keeps it, through every page of ours")
async def test_signing_out_in_a_popup_tells_the_page_that_opened_it(visit: Visit) -> None:
    await visit.start()
    await visit.sign_in()
    await visit.press("Allow")
    out = visit.callback.url.replace("/callback", "/signed-out")
    address = f"{visit.system.issuer}/logout?client_id={visit.client.client_id}&post_logout_redirect_uri={out}"
    popup = await open_popup(visit, address)

    await visit.press("Sign out", popup)
    await visit.page.wait_for_function("window.told.length")

    assert await visit.page.evaluate("window.told") == ["/signed-out"]


@pytest.mark.requirement("HTML Standard §7.1.3: the page that opened a login keeps it, on an error page as well")
async def test_a_popup_with_an_error_page_is_not_taken_for_closed(visit: Visit) -> None:
    await open_popup(visit, visit.address(redirect_uri="https://evil.example/"))

    assert await is_open(visit)


@pytest.mark.requirement("CSP Level 3 §6.4.1: form-action, which browsers apply to redirects, stops no client")
@pytest.mark.parametrize("response_mode", ["query", "form_post"])
async def test_a_callback_that_goes_on_to_another_host_is_followed(visit: Visit, response_mode: str) -> None:
    elsewhere = visit.callback.url.replace("127.0.0.1", "localhost").replace("/callback", "/onward")
    visit.callback.onward = elsewhere
    await visit.start(response_mode=response_mode)
    await visit.sign_in()

    await visit.page.get_by_role("button", name="Allow").click()
    await visit.page.wait_for_url(f"{elsewhere}*")

    assert (len(visit.callback.arrived), visit.callback.onward_arrivals) == (1, 1)


@pytest.mark.requirement("CSP Level 3 §6.4.1: form-action, which browsers apply to redirects, stops no client")
@pytest.mark.parametrize("response_mode", ["query", "form_post"])
async def test_a_callback_that_goes_on_to_https_is_followed(
    visiting: Visiting, secure_page: str, response_mode: str
) -> None:
    visit = await visiting(ignore_https_errors=True)
    visit.callback.onward = secure_page
    await visit.start(response_mode=response_mode)
    await visit.sign_in()

    await visit.page.get_by_role("button", name="Allow").click()
    await visit.page.wait_for_url(f"{secure_page}*")

    assert await visit.heading() == "Back"
    assert len(visit.callback.arrived) == 1


@pytest.mark.requirement("CSP Level 3 §6.4.1: form-action, which browsers apply to redirects, stops no client")
@pytest.mark.parametrize("response_mode", ["query", "form_post"])
async def test_a_callback_that_goes_on_to_an_application_is_followed(visit: Visit, response_mode: str) -> None:
    complaints: list[str] = []
    visit.page.on("console", lambda message: complaints.append(message.text))
    visit.callback.onward = "com.example.app:/signed-in"
    await visit.start(response_mode=response_mode)
    await visit.sign_in()

    # There is no such application; Chromium tells so after the policy has let the navigation pass.
    async with visit.page.expect_event("requestfailed"):
        await visit.page.get_by_role("button", name="Allow").click()

    assert len(visit.callback.arrived) == 1
    assert complaints == []
