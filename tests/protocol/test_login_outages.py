"""What the pages do while a store is away: nothing they should not, and they say so."""

from collections.abc import AsyncIterator, Iterator

import pytest

from support.browser import form_of, query_of
from support.front_channel import require_shown
from support.relying_party import RelyingParty
from support.system import System
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis

AWAY = "We cannot do this right now"


@pytest.fixture
def fragile(disposable_postgres: EmbeddedPostgres, disposable_redis: EmbeddedRedis) -> Iterator[System]:
    """A system whose stores may be stopped."""
    changes = {"postgres_timeout": "1s", "redis_timeout": "500ms"}
    with System(disposable_postgres.dsn_of("valetkey"), disposable_redis.url, changes=changes) as system:
        yield system


@pytest.fixture
async def party(fragile: System) -> AsyncIterator[RelyingParty]:
    """A confidential client and its user."""
    await fragile.administration.create_catalog()
    client = await fragile.administration.create_web_client()
    party = RelyingParty(fragile.issuer, client, await fragile.administration.create_user())
    yield party
    await party.browser.close()


@pytest.mark.requirement("security 55: dependencies away: 503 with Retry-After")
async def test_without_redis_no_user_signs_in_and_clients_are_told(
    party: RelyingParty, disposable_redis: EmbeddedRedis
) -> None:
    login = await party.start()
    await party.authorize()
    page = await party.start(prompt="login")
    disposable_redis.stop()

    shown = await party.browser.get(page.url)
    posted = await party.sign_in(page)
    asked = await party.start(prompt="login", state="s")
    silent = await party.start(prompt="none")

    assert login.status == 200
    for answer in (shown, posted):
        assert require_shown(answer, 503) == AWAY
        assert int(answer.headers["Retry-After"]) > 0
    assert query_of(asked.location)["error"] == "temporarily_unavailable"
    assert query_of(asked.location)["state"] == "s"
    assert query_of(silent.location)["error"] == "temporarily_unavailable"


@pytest.mark.requirement("security 55: dependencies away: 503 with Retry-After")
async def test_without_postgresql_no_user_signs_in(party: RelyingParty, disposable_postgres: EmbeddedPostgres) -> None:
    login = await party.start()
    disposable_postgres.stop()

    answer = await party.sign_in(login)

    assert require_shown(answer, 503) == AWAY
    assert "vk_session" not in party.browser.cookies


async def test_a_login_goes_on_when_postgresql_is_back(
    party: RelyingParty, disposable_postgres: EmbeddedPostgres
) -> None:
    login = await party.start()
    disposable_postgres.stop()
    await party.sign_in(login)
    disposable_postgres.start()

    answer = await party.walk(await party.sign_in(login))

    assert form_of(login).method == "POST"
    assert "code" in query_of(answer.location)
