"""Where forms may lead, and the files that pages refer to."""

import pytest

from support.administration import Administration
from support.relying_party import RelyingParty
from support.systems import MakeParty


@pytest.mark.requirement("CSP Level 3 §6.4.1: form-action, which browsers apply to redirects, stops no client")
@pytest.mark.parametrize(
    "redirect_uri", ["https://client.example/callback", "http://127.0.0.1:7777/callback", "com.example.app:/callback"]
)
async def test_forms_may_end_at_the_client_that_asks_and_wherever_it_goes_on_to(
    make_party: MakeParty, administration: Administration, redirect_uri: str
) -> None:
    party = await make_party(await administration.create_web_client("none", redirect_uris=(redirect_uri,)))

    login = await party.start()
    consent = await party.sign_in(login)

    for page in (login, consent):
        assert "form-action" not in page.headers["Content-Security-Policy"]


async def test_files_are_kept_for_good_under_the_address_that_names_their_content(party: RelyingParty) -> None:
    page = (await party.start()).page
    addresses = [link.attributes["href"] for link in page.find_all("link")]

    for address in addresses:
        file = await party.browser.get(f"{party.issuer}{address}")
        again = await party.browser.request(
            "GET", f"{party.issuer}{address}", headers={"If-None-Match": file.headers["ETag"]}
        )
        assert (file.status, again.status, again.body) == (200, 304, b"")
        assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Set-Cookie" not in file.headers


@pytest.mark.parametrize("query", ["", "?v=", "?v=000000000000", "?v=x&v=y"])
async def test_files_of_another_version_are_asked_for_again(party: RelyingParty, query: str) -> None:
    answer = await party.browser.get(f"{party.issuer}/static/valetkey.css{query}")

    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.requirement("security 48: a name from the address never becomes a path on disk")
@pytest.mark.parametrize("name", ["nothing.css", "..%2fapp.py", "%2e%2e%2fapp.py", "../templates/login.html", ""])
async def test_nothing_else_is_served(party: RelyingParty, name: str) -> None:
    answer = await party.browser.get(f"{party.issuer}/static/{name}")

    assert answer.status == 404
