"""OIDC Core §3.1.2.1: the authorization endpoint takes GET and POST, from our own pages and from those of others."""

import asyncio
from urllib.parse import urlencode, urlsplit

import pytest

from support.administration import CALLBACK
from support.browser import FORM, Pairs
from support.front_channel import heading, response_of
from support.relying_party import RelyingParty
from support.systems import MakeParty


async def post_in_one_packet(url: str, pairs: Pairs) -> bytes:
    """A form that arrives together with its headers, as from a browser on a fast line."""
    parts, body = urlsplit(url), urlencode(pairs).encode()
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {FORM}\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.requirement("OIDC Core §3.1.2.1: the authorization endpoint supports GET and POST")
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
async def test_a_signed_in_browser_is_answered_the_same_by_get_and_post(party: RelyingParty, mode: str) -> None:
    await party.authorize()
    pairs = party.request_params("v" * 43, state="s", response_mode=mode)

    by_get = response_of(await party.browser.get(f"{party.issuer}/authorize", pairs), CALLBACK)
    by_post = response_of(await party.browser.post(f"{party.issuer}/authorize", pairs), CALLBACK)

    assert by_get.params.keys() == by_post.params.keys() == {"code", "state", "iss"}
    assert by_get.code != by_post.code


@pytest.mark.requirement("OIDC Core §3.1.2.1: a request may be posted by the client's page, which sends no cookies")
@pytest.mark.parametrize("origin", ["https://client.example", "null"])
async def test_a_request_that_another_site_posts_finds_the_session(party: RelyingParty, origin: str) -> None:
    await party.authorize()
    kept, party.browser.cookies = party.browser.cookies, {}
    pairs = party.request_params("v" * 43)

    posted = await party.browser.post(f"{party.issuer}/authorize", pairs, origin=origin)
    party.browser.cookies = dict(kept)
    answer = await party.browser.follow(posted, within=party.issuer)

    assert posted.status == 303
    assert "Set-Cookie" not in posted.headers
    assert response_of(answer, CALLBACK).code
    assert party.browser.cookies == kept


@pytest.mark.requirement("OIDC Core §3.1.2.1: a posted request arrives whole, however the network cuts it")
async def test_a_form_that_arrives_with_its_headers_is_sent_on_with_all_it_says(
    party: RelyingParty, authorize_url: str
) -> None:
    pairs = party.request_params("v" * 43)

    answer = await post_in_one_packet(f"{authorize_url}/authorize", pairs)

    assert b"303 See Other" in answer
    assert f"Location: /authorize?{urlencode(pairs)}\r\n".encode() in answer
    assert b"Set-Cookie" not in answer


@pytest.mark.requirement("OIDC Core §3.1.2.1: a posted request that is too long for an address is served at once")
@pytest.mark.parametrize("length", [6000, 8000])
async def test_a_long_posted_request_works_too(party: RelyingParty, length: int) -> None:
    pairs = party.request_params("v" * 43, login_hint="a" * length)

    answer = await party.browser.post(f"{party.issuer}/authorize", pairs)

    assert answer.status == 303
    assert heading(await party.browser.follow(answer, within=party.issuer)) == "Sign in"


@pytest.mark.requirement("security 46: only application/x-www-form-urlencoded")
@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", "", f"{FORM}; charset=utf-16"]
)
async def test_a_body_of_another_type_is_no_request(party: RelyingParty, content_type: str) -> None:
    body = urlencode(party.request_params("v" * 43)).encode()

    answer = await party.browser.request(
        "POST", f"{party.issuer}/authorize", headers={"Content-Type": content_type}, body=body
    )

    assert (answer.status, heading(answer)) == (400, "This request did not work")


@pytest.mark.requirement("OIDC Core §3.1.2.1: the parameters of a POST are those of its body")
async def test_the_query_of_a_posted_request_does_not_count(party: RelyingParty) -> None:
    query = urlencode(party.request_params("v" * 43))

    answer = await party.browser.post(f"{party.issuer}/authorize?{query}", [("state", "s")])

    assert (answer.status, heading(answer)) == (400, "This request did not work")


@pytest.mark.requirement("OIDC Core §3.1.2.1: without openid it is a plain OAuth request")
async def test_without_openid_there_is_no_id_token_and_no_claims(make_party: MakeParty) -> None:
    party = await make_party()

    tokens = await party.log_in(scope="profile", claims='{"id_token":{"sub":{"value":"unknown"}}}', nonce="n")

    assert "id_token" not in tokens.body
    assert tokens.body["scope"] == "profile"
