"""No secret, code, token, verifier or password in logs, spans, metrics or stores: security item 51, with canaries."""

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, DummyCookieJar

from support.browser import Browser, form_of
from support.captured_output import captured_output, everything_in_postgres, everything_in_redis
from support.fragile import Fragile
from support.relying_party import CodeResponse, RelyingParty, Reply
from support.secret_search import Secrets
from support.wire import Wire

SCOPE = "openid profile email offline_access api:read"
PASSWORD = "r1ght-passw0rd-c4n4ry"
# Values that only ever exist in a request.
WRONG = {
    "secret": "wr0ng-s3cret-c4n4ry-aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "password": "wr0ng-passw0rd-c4n4ry",
    "verifier": "wr0ng-ver1fier-c4n4ry-vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv",
    "token": "wr0ng-t0ken-c4n4ry.aaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbb",
    "code": "vk_ac_wr0ng-c0de-c4n4ry-ccccccccccccccccccccccccc",
}


# What a client sends along, to have it back: it lies in Redis until then, sealed, and nowhere else.
KEPT_FOR_A_WHILE = {
    "state": "st4te-0f-4-cl1ent-c4n4ry",
    "nonce": "n0nce-0f-4-cl1ent-c4n4ry",
    "login_hint": "h1nt-0f-4-cl1ent-c4n4ry",
}


@dataclass(frozen=True)
class Story:
    """What came about that is secret, and everything that was said and kept meanwhile."""

    secrets: Secrets
    places: dict[str, str]


@pytest.fixture(scope="module")
def story(fragile: Fragile) -> Story:
    """Everything that can happen to a client and its user, good and bad, told once."""
    fragile.spans.clear()
    secrets = Secrets()
    try:
        with captured_output() as heard:
            places = fragile.system.run(_tell(fragile, secrets))
    finally:
        fragile.mend()
    spans = "\n".join(span.to_json() for span in fragile.spans.get_finished_spans())
    return Story(secrets, places | {"logs": heard.getvalue(), "spans": spans})


async def _tell(fragile: Fragile, secrets: Secrets) -> dict[str, str]:
    system = fragile.system
    settings = system.settings
    for name, url in {"postgres": settings.postgres_dsn.reveal(), "redis": settings.redis_url.reveal()}.items():
        secrets.add(f"password of {name}", urlsplit(url).password or "")
    administration = system.administration
    client = await administration.create_web_client()
    secrets.add("client secret", client.client_secret or "")
    person = await administration.create_user(PASSWORD)
    for name, value in WRONG.items():
        secrets.add(f"wrong {name}", value)
    for name, value in KEPT_FOR_A_WHILE.items():
        secrets.add(name, value)
    secrets.add("password", PASSWORD)
    async with Browser() as browser, ClientSession(cookie_jar=DummyCookieJar()) as http:
        party = RelyingParty(system.issuer, client, person, browser)
        wire = Wire(http, system.urls)
        await _sign_in(party, secrets)
        await _use(party, wire, secrets)
        stored = {
            "Redis": await everything_in_redis(settings.redis_url.reveal()),
            "PostgreSQL": await everything_in_postgres(settings.postgres_dsn.reveal()),
        }
        await _carry_on_without_stores(fragile, party, secrets)
        for name, value in browser.cookies.items():
            secrets.add(f"cookie {name}", value)
        metrics = [
            await browser.request("GET", f"{urls[0]}/metrics", headers={"Accept": accept})
            for urls in system.management_urls.values()
            for accept in ("text/plain", "application/openmetrics-text")
        ]
        assert "# {trace_id=" in metrics[-1].text
    return stored | {"metrics": "\n".join(answer.text for answer in metrics)}


async def _sign_in(party: RelyingParty, secrets: Secrets) -> None:
    """A wrong password, the right one, consent; what pages carry is secret too."""
    page = await party.start(scope=SCOPE, **KEPT_FOR_A_WHILE)
    assert party.person is not None
    for password in (WRONG["password"], party.person.password):
        fields = dict(form_of(page).fields)
        secrets.add(f"csrf token before {password}", fields["csrf_token"])
        secrets.add(f"interaction before {password}", fields["interaction"])
        answer = await party.browser.submit(page, username=party.person.username, password=password)
        page = await party.browser.follow(answer, within=party.issuer)
    assert (await party.browser.submit(page, action="allow")).is_redirect


async def _use(party: RelyingParty, wire: Wire, secrets: Secrets) -> None:
    """Codes and tokens, used well and badly, at every endpoint."""
    code = await party.authorize(scope=SCOPE, **KEPT_FOR_A_WHILE)
    _keep_code(code, secrets)
    await party.redeem(code, code_verifier=WRONG["verifier"])
    await party.redeem(code, code=WRONG["code"])
    impostor = replace(party, client=replace(party.client, client_secret=WRONG["secret"]))
    await impostor.redeem(code)
    await wire.form(f"/token?code={code.code}&client_secret={WRONG['secret']}", [("grant_type", "authorization_code")])
    first = await party.redeem(code)
    _keep_tokens("first", first, secrets)
    second = await party.refresh(first.refresh_token)
    _keep_tokens("second", second, secrets)
    await party.refresh(WRONG["token"])
    await impostor.refresh(second.refresh_token)
    for token in (second.access_token, second.refresh_token, second.body["id_token"], WRONG["token"]):
        await party.introspect(token)
        await party.userinfo(token)
        await wire.send("GET", f"/userinfo?access_token={token}")
        await wire.send("GET", f"/{token}")
        await wire.form(f"/introspect?token={token}", [("token", token)])
        await wire.send("POST", "/revoke", headers=[("Content-Type", "text/plain")], body=token.encode())
        await wire.send("GET", "/userinfo", headers=[("Authorization", f"Bearer {token}"), ("traceparent", token)])
    third = await party.refresh(second.refresh_token)
    _keep_tokens("third", third, secrets)
    assert (await party.refresh(first.refresh_token)).error == "invalid_grant"
    assert (await party.redeem(code)).error == "invalid_grant"
    for query in ("code", "password", "client_secret", "id_token_hint"):
        await party.browser.get(f"{party.issuer}/authorize", [(query, secrets.values["password"]), ("client_id", "x")])
    fourth = await party.log_in(scope=SCOPE)
    _keep_tokens("fourth", fourth, secrets)
    await party.revoke(fourth.access_token)
    await party.revoke(fourth.refresh_token)
    await party.start(prompt="none", id_token_hint=fourth.body["id_token"])


async def _carry_on_without_stores(fragile: Fragile, party: RelyingParty, secrets: Secrets) -> None:
    tokens, code = await party.log_in(scope=SCOPE), await party.authorize(scope=SCOPE)
    _keep_tokens("last", tokens, secrets)
    secrets.add("last code", code.code)
    secrets.add("last verifier", code.verifier)
    for name, value in party.browser.cookies.items():
        secrets.add(f"first cookie {name}", value)
    await party.log_out(tokens.body["id_token"])
    page = await party.start(scope=SCOPE)
    fragile.redis.kill()
    fragile.postgres.kill()
    answers = [
        await party.redeem(code),
        await party.refresh(tokens.refresh_token),
        await party.introspect(tokens.access_token),
        await party.userinfo(tokens.access_token),
        await party.revoke(tokens.refresh_token),
    ]
    assert [answer.status for answer in answers] == [503] * 5
    await party.sign_in(page)


def _keep_code(code: CodeResponse, secrets: Secrets) -> None:
    secrets.add("code", code.code)
    secrets.add("verifier", code.verifier)


def _keep_tokens(which: str, reply: Reply, secrets: Secrets) -> None:
    for name in ("access_token", "refresh_token", "id_token"):
        secrets.add(f"{which} {name}", reply.body[name])


PLACES = ("logs", "spans", "metrics", "Redis", "PostgreSQL")


@pytest.mark.requirement("security 51: no secret, code, token, verifier or password in logs, spans, metrics or stores")
@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_anywhere_but_where_it_belongs(story: Story, place: str) -> None:
    assert len(story.places[place]) > 1000
    assert len(story.secrets.values) > 30

    found = story.secrets.found_in(story.places[place])
    assert found == set()


@pytest.mark.requirement("security 51: no secret, code, token, verifier or password in logs, spans, metrics or stores")
def test_the_search_would_find_what_it_is_looking_for(story: Story) -> None:
    for value in story.secrets.values.values():
        assert story.secrets.found_in(f"x{value}x")
        assert story.secrets.found_in(f'{{"reason": "{value[len(value) // 2 :]}"}}')


@pytest.mark.requirement("security 49: the reason is for the log")
@pytest.mark.parametrize("reason", ["wrong or expired secret", "code is mismatched", "code is replayed", "refused"])
def test_the_log_says_what_the_answer_does_not(story: Story, reason: str) -> None:
    assert reason in story.places["logs"]


@pytest.mark.requirement("security 52: metric labels are bounded whatever a caller sends")
def test_nothing_that_was_sent_is_a_label(story: Story) -> None:
    labels = set(re.findall(r'(?:route|grant|error|method)[a-z_]*="([^"]*)"', story.places["metrics"]))

    assert "wr0ng" not in story.places["metrics"]
    # Every name that the product itself has, over all tests that ran in this process.
    assert len(labels) < 120
