"""The logo of a client, on the pages that are about the client. RFC 7591 §2."""

import pytest

from support.administration import Administration
from support.relying_party import RelyingParty
from support.steps import reach
from support.systems import MakeParty

LOGO = "https://cdn.example:8443/logo.png"


def image_sources(policy: str) -> str:
    (sources,) = (each for each in policy.split("; ") if each.startswith("img-src"))
    return sources


@pytest.mark.requirement("RFC 7591 §2: the server SHOULD show the logo to the user")
@pytest.mark.requirement("security 9: a page shows pictures from one other origin, where a client has a logo there")
@pytest.mark.parametrize("form", ["login", "consent"])
async def test_a_page_shows_the_logo_of_its_client_and_allows_its_origin_alone(
    party: RelyingParty, make_party: MakeParty, administration: Administration, form: str
) -> None:
    with_logo = await make_party(await administration.create_web_client(logo_uri=LOGO))

    shown, other = await reach(with_logo, form), await reach(party, form)

    assert shown.page.get("img", class_="client-logo").attributes["src"] == LOGO
    assert image_sources(shown.headers["Content-Security-Policy"]) == "img-src 'self' https://cdn.example:8443"
    assert other.page.find_all("img", class_="client-logo") == []
    assert image_sources(other.headers["Content-Security-Policy"]) == "img-src 'self'"
