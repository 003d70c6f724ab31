"""The account page while Redis is away: what is limited is refused, and changes nothing."""

from collections.abc import AsyncIterator, Iterator

import pytest

from support.account_page import send, visit
from support.email_party import CHANGED, change_link, make_person, new_address, person_of, press_link
from support.front_channel import heading
from support.movable_clock import MovableClock
from support.postbox import MAIL, Postbox
from support.second_factor import MakeSecond
from support.stores import create_migrated
from support.system import System
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def redis() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as started:
        yield started


@pytest.fixture(scope="module")
def mailing(postgres_server: EmbeddedPostgres, redis: EmbeddedRedis, clock: MovableClock) -> Iterator[System]:
    """A system that can send mail, whose Redis can be taken away."""
    create_migrated(postgres_server, "account_stores_away")
    dsn = postgres_server.dsn_of("account_stores_away")
    with System(dsn, redis.url, clock=clock, changes=MAIL | {"redis_timeout": "500ms"}) as system:
        system.run(system.administration.create_catalog())
        yield system


@pytest.fixture
async def postbox(mailing: System) -> AsyncIterator[Postbox]:
    async with Postbox.of(mailing) as opened:
        yield opened


@pytest.mark.requirement("account: what is limited is refused while nothing can be counted")
@pytest.mark.parametrize("action", ["verify", "change"])
async def test_no_mail_is_asked_for_while_redis_is_away(
    make_second: MakeSecond, mailing: System, redis: EmbeddedRedis, postbox: Postbox, action: str
) -> None:
    second = await make_person(make_second, mailing, email_verified=False)
    page = await visit(second, "/account/email")
    redis.stop()
    try:
        refused = await send(second, page, action, email=new_address(second))
    finally:
        redis.start()

    assert refused.status == 503
    assert await postbox.kinds(person_of(second)) == []


@pytest.mark.requirement("account: a link that was sent works without Redis")
async def test_a_link_works_while_redis_is_away(
    make_second: MakeSecond, mailing: System, redis: EmbeddedRedis, postbox: Postbox
) -> None:
    second = await make_person(make_second, mailing)
    link = await change_link(second, postbox)
    redis.stop()
    try:
        done = await press_link(second, link)
    finally:
        redis.start()

    assert heading(done) == CHANGED
