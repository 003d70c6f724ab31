"""Everything that people, clients and APIs do in a day, and what goes wrong for them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from redis.asyncio import Redis

from support.administration import Administration
from support.authenticator import read_off
from support.browser import query_of
from support.eventually import eventually
from support.mail_world import notice
from support.raw_connection import RawConnection
from support.relying_party import Person, RelyingParty
from support.smtp_server import SmtpMailbox, smtp_server
from valetkey.administration.installation import Installation
from valetkey.administration.reset_links import new_reset_link, store_reset_link
from valetkey.administration.users import get_user
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.mail_outbox import MailOutbox
from valetkey.storage.postgres.tables.mail_records import MailRecords
from valetkey.storage.redis.kept.keyspace import INTERACTION, REVOCATIONS_LOADED

SCOPE = "openid offline_access api:read"
_TRIES = 4
_FLOOD = 1000
# A store that starts takes its time on a busy machine.
_STORE_SECONDS = 60


async def a_day_at(issuer: str, administration: Administration) -> None:
    """Logins, tokens, refreshes, introspections and revocations; wrong passwords, secrets and codes; replays and reuse.

    The installation wants a ``refresh_grace`` of nothing and few ``login_attempts_per_account``.
    """
    api_client = (await administration.create_catalog())["api"]
    web = await administration.create_web_client()
    person = await administration.create_user()
    party = RelyingParty(issuer, web, person)
    api = RelyingParty(issuer, api_client)
    machine = RelyingParty(issuer, await administration.create_machine())
    try:
        response = await party.authorize(scope=SCOPE)
        tokens = await party.redeem(response)
        assert (await api.introspect(tokens.access_token)).active
        assert (await party.userinfo(tokens.access_token)).status == 200
        refreshed = await party.refresh(tokens.refresh_token)
        assert (await party.refresh(tokens.refresh_token)).error == "invalid_grant"
        assert not (await api.introspect(refreshed.access_token)).active
        assert (await party.redeem(response)).error == "invalid_grant"
        again = await party.log_in(scope=SCOPE)
        assert (await party.revoke(again.refresh_token)).status == 200
        assert (await machine.token("client_credentials")).status == 200
        assert not (await api.introspect("nothing")).active
        assert not (await machine.introspect(again.access_token)).active
        assert (await party.get_json("/jwks")).status == 200
        await _go_wrong(party, person)
    finally:
        for each in (party, api, machine):
            await each.browser.close()


async def a_day_of_factors_at(issuer: str, administration: Administration) -> None:
    """An app that is set up, asked for and removed; passwords that are forgotten. The installation can send mail."""
    person = await administration.create_user()
    party = RelyingParty(issuer, await administration.create_web_client(), person)
    try:
        page = await party.browser.follow(await party.browser.get(f"{issuer}/account/totp"), within=issuer)
        page = await party.sign_in(page)
        app = read_off(page)
        # Each step counts once: that of half a minute ago is still good, and that of half a minute later already.
        assert (await party.browser.submit(page, code=app.code(administration.clock(), -1))).status == 200
        asked = await party.sign_in(await party.start(prompt="login"))
        assert (await party.browser.submit(asked, code="000000")).status == 403
        assert (await party.browser.submit(asked, code=app.code(administration.clock(), 1))).is_redirect
        await _remove_the_app(party)
        for name in (person.username, "a stranger"):
            await party.browser.post(f"{issuer}/recover", [("username", name)])
        for link in (await _reset_link(administration, person), f"{issuer}/recover/password?token=dead"):
            page = await party.browser.get(link)
            if page.status == 200:
                words = "a new password of many words"
                assert (await party.browser.submit(page, password=words, again=words)).status == 200
    finally:
        await party.browser.close()


async def _remove_the_app(party: RelyingParty) -> None:
    account = await party.browser.get(f"{party.issuer}/account")
    for form in account.page.find_all("form"):
        fields = {each.attributes["name"]: each.attributes["value"] for each in form.find_all("input")}
        if fields.get("action") == "remove":
            assert (await party.browser.post(f"{party.issuer}/account", list(fields.items()))).is_redirect
            return
    raise AssertionError(f"there is nothing to remove: {account.text}")


async def _reset_link(administration: Administration, person: Person) -> str:
    """As an operator makes one."""
    async with administration.database() as database:
        installation = Installation(administration.settings, database, administration.clock, "an operator")
        link = new_reset_link(installation)
        await store_reset_link(installation, await get_user(installation, person.username), link)
    return link.url


async def an_outage_at(issuer: str, administration: Administration, take_redis_away: Callable[[], None]) -> None:
    """What is tried while Redis is away."""
    party = RelyingParty(issuer, await administration.create_web_client(), await administration.create_user())
    try:
        tokens = await party.log_in(scope=SCOPE)
        response = await party.authorize(scope=SCOPE)
        take_redis_away()
        answer = await party.start(prompt="login")
        assert query_of(answer.location)["error"] == "temporarily_unavailable"
        assert (await party.redeem(response)).status == 503
        assert (await party.userinfo(tokens.access_token)).status == 200
    finally:
        await party.browser.close()


async def a_full_redis_at(issuer: str, administration: Administration, set_limit: Callable[[int], None]) -> None:
    """A login that begins while only the reserve of Redis is left; afterwards there is room again."""
    party = RelyingParty(issuer, await administration.create_web_client())

    async def is_refused() -> bool:
        return (await party.start()).status == 503

    async def is_accepted() -> bool:
        return not await is_refused()

    try:
        for limit, becomes_true in ((1 << 20, is_refused), (1 << 30, is_accepted)):
            set_limit(limit)
            await eventually(becomes_true)
    finally:
        await party.browser.close()


async def an_altered_value_at(issuer: str, administration: Administration) -> None:
    """A login that a writer to Redis has altered while it waited for its user."""
    party = RelyingParty(issuer, await administration.create_web_client(), await administration.create_user())
    try:
        page = await party.start()
        async with Redis.from_url(administration.settings.redis_url.reveal()) as redis:
            async for key in redis.scan_iter(match=f"{INTERACTION.prefix}*", count=1000):
                await redis.set(key, b"of another's making", keepttl=True)
        assert not (await party.sign_in(page)).is_redirect
    finally:
        await party.browser.close()


async def a_flood_of_logins_at(authorize: str, administration: Administration) -> None:
    """One address behind a proxy, of its own, begins logins until it may begin none. ``authorize`` trusts us."""
    party = RelyingParty(authorize, await administration.create_web_client())
    query = urlencode(party.request_params(secrets.token_urlsafe(48), state="s" * 4000))
    headers = {"X-Forwarded-For": "192.0.2.1", "Cookie": ""}
    try:
        for _ in range(_FLOOD):
            answer = await party.browser.request("GET", f"{authorize}/authorize?{query}", headers=headers)
            if answer.status == 429:
                return
    finally:
        await party.browser.close()
    raise AssertionError(f"{_FLOOD} logins were begun")


async def a_lost_redis_at(issuer: str, administration: Administration, lose: Callable[[], None]) -> None:
    """Redis comes back empty, and is given the revocations again."""
    party = RelyingParty(issuer, await administration.create_web_client(), await administration.create_user())
    try:
        tokens = await party.log_in(scope=SCOPE)
        await asyncio.to_thread(lose)
        async with Redis.from_url(administration.settings.redis_url.reveal()) as redis:

            async def is_loaded() -> bool:
                assert (await party.userinfo(tokens.access_token)).status == 200
                return bool(await redis.exists(REVOCATIONS_LOADED.prefix))

            await eventually(is_loaded, _STORE_SECONDS)
    finally:
        await party.browser.close()


async def a_lost_postgres_at(
    issuer: str,
    administration: Administration,
    kill: Callable[[], None],
    start: Callable[[], None],
    noticed: Callable[[], bool],
) -> None:
    """PostgreSQL dies and comes back, after services have ``noticed``."""
    party = RelyingParty(issuer, await administration.create_web_client(), await administration.create_user())
    try:
        tokens = await party.log_in(scope=SCOPE)
        await asyncio.to_thread(kill)
        assert (await party.refresh(tokens.refresh_token)).status == 503

        async def is_noticed() -> bool:
            return noticed()

        await eventually(is_noticed, _STORE_SECONDS)
        await asyncio.to_thread(start)

        async def works() -> bool:
            return (await party.refresh(tokens.refresh_token)).status == 200

        await eventually(works, _STORE_SECONDS)
    finally:
        await party.browser.close()


async def many_connections_at(url: str, most: int) -> None:
    """One connection more than the ``most`` that a service holds."""
    connections = [await RawConnection.open(url) for _ in range(most + 1)]
    try:
        assert await connections[-1].status() == 503
    finally:
        for connection in connections:
            connection.abort()


async def _go_wrong(party: RelyingParty, person: Person) -> None:
    impostor = RelyingParty(party.issuer, replace(party.client, client_secret="wrong"))
    signed_out = RelyingParty(party.issuer, party.client)
    try:
        assert (await impostor.refresh("nothing")).status == 401
        assert (await signed_out.start(redirect_uri="https://elsewhere.example/")).status == 400
        assert (await signed_out.start(scope="unheard-of")).is_redirect
        for _ in range(_TRIES):
            await signed_out.sign_in(await signed_out.start(), Person(person.username, "wrong"))
    finally:
        await impostor.browser.close()
        await signed_out.browser.close()


async def a_day_of_mail_at(settings: Settings) -> None:
    """Mails that are taken, put off and refused; then the server is away while one waits."""
    replies = {"full@example.com": "452 4.2.2 mailbox full", "gone@example.com": "550 5.1.1 no such user"}
    mailbox = SmtpMailbox(settings.mail_port, to_recipient=replies.get)
    async with Database(settings.postgres_dsn.reveal(), max_size=2) as database:
        outbox, records = MailOutbox.from_settings(settings, database), MailRecords(database)
        async with smtp_server(mailbox):
            for recipient in ("ada@example.com", *replies):
                await outbox.put(notice(recipient))

            async def all_are_tried() -> bool:
                return all(record.attempts for record in await records.list())

            await eventually(all_are_tried, 30)
        await outbox.put(notice("late@example.com"))

        async def the_server_is_missed() -> bool:
            return any(record.last_error and "connect" in record.last_error.lower() for record in await records.list())

        await eventually(the_server_is_missed, 30)
