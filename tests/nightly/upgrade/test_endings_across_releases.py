"""What one release has made ends by the word of either, while replicas of both run side by side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.issued_state import at
from support.release import Release, install_previous_release, this_release
from support.rolling_installation import RollingInstallation
from support.stores import create_empty
from support.system import SERVICES
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.storage.postgres.tables.revocation_lifetime import IN_FLIGHT

if TYPE_CHECKING:
    from support.relying_party import CodeResponse, RelyingParty, Reply

DATABASE = "valetkey"
SCOPE = "openid offline_access api:read"
REPLICAS = 2

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.requirement("operations: two versions always overlap, and what one ends the other refuses"),
]


@dataclass(frozen=True, slots=True)
class Ending:
    """What an operator types, and what brings back what can be brought back."""

    words: Sequence[str]
    again: Sequence[str] = ()
    is_of_the_machine: bool = False


# A file that was applied owns them.
UPDATE = ("client", "update", "--force")
ENDINGS: Mapping[str, Ending] = {
    "client": Ending((*UPDATE, "demo-web", "--disable"), (*UPDATE, "demo-web", "--enable")),
    "machine": Ending(
        (*UPDATE, "demo-machine", "--disable"), (*UPDATE, "demo-machine", "--enable"), is_of_the_machine=True
    ),
    "user": Ending(("user", "disable", "ada"), ("user", "enable", "ada")),
    "password": Ending(("user", "set-password", "ada", "--password-file", "{password}")),
    "consent": Ending(("consent", "withdraw", "ada", "demo-web")),
}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RollingInstallation, Mapping[str, Release]]]:
    """Two replicas of each service: the first of this release, the second of the previous one, on the new schema."""
    directory = tmp_path_factory.mktemp("mixed")
    previous, new = install_previous_release(directory / "release"), this_release()
    with EmbeddedPostgres() as postgres, EmbeddedRedis() as redis:
        create_empty(postgres, DATABASE)
        with RollingInstallation(postgres.dsn_of(DATABASE), redis.url, previous, directory) as installation:
            installation.run(installation.operate(new, "migration", "migrate", "up"))
            for name in SERVICES:
                installation.run(installation.replace(name, 0, new))
            yield installation, {"this release": new, "the previous release": previous}


@dataclass(frozen=True, slots=True)
class Made:
    """By the replicas of one number: tokens, a code, and a machine's token."""

    tokens: Reply
    code: CodeResponse
    machine_token: str


async def make(mixed: RollingInstallation, number: int, web: RelyingParty, machine: RelyingParty) -> Made:
    browser, client = at(web, mixed.urls["authorize"][number]), at(web, mixed.urls["token"][number])
    tokens = await client.redeem(await browser.authorize(scope=SCOPE))
    assert tokens.status == 200, tokens.body
    reply = await at(machine, mixed.urls["token"][number]).token("client_credentials")
    return Made(tokens, await browser.authorize(scope=SCOPE), reply.access_token)


async def alive(mixed: RollingInstallation, made: Made, web: RelyingParty, api: RelyingParty) -> dict[str, list[bool]]:
    """Of each thing, whether each replica takes it for good. The code is used up."""
    introspecting = [at(api, url) for url in mixed.urls["introspection"]]
    clients = [at(web, url) for url in mixed.urls["token"]]
    return {
        "access token": [(await each.introspect(made.tokens.access_token)).active for each in introspecting],
        "machine token": [(await each.introspect(made.machine_token)).active for each in introspecting],
        "refresh token": [(await each.refresh(made.tokens.refresh_token)).status == 200 for each in clients],
        "code": [(await each.redeem(made.code)).status == 200 for each in clients],
    }


@pytest.mark.parametrize("by", ["this release", "the previous release"])
@pytest.mark.parametrize("what", ENDINGS)
async def test_what_either_release_has_made_ends_on_both_by_the_word_of_either(
    mixed: tuple[RollingInstallation, Mapping[str, Release]], what: str, by: str, tmp_path: Path
) -> None:
    installation, releases = mixed
    ending, operator = ENDINGS[what], releases[by]
    parties = web, machine, api = [installation.party(name) for name in ("web", "machine", "api")]
    made = [await make(installation, number, web, machine) for number in range(REPLICAS)]

    await _type(installation, operator, ending.words, tmp_path)

    dead = [False] * REPLICAS
    for number, each in enumerate(made):
        found = await alive(installation, each, web, api)
        of_the_user = [found[name] for name in ("access token", "refresh token", "code")]
        assert (found["machine token"] == dead) is ending.is_of_the_machine, (number, found)
        # What was not ended is used up by the first who asks for it.
        assert (of_the_user == [dead] * 3) is not ending.is_of_the_machine, (number, found)
    if ending.again:
        await _type(installation, operator, ending.again, tmp_path)
    for each in made:
        found = await alive(installation, each, web, api)
        assert (found["machine token"] == dead) is ending.is_of_the_machine
    for number in range(REPLICAS):
        await _works_again(installation, number, api)
    for party in parties:
        await party.browser.close()


async def _type(installation: RollingInstallation, release: Release, words: Sequence[str], directory: Path) -> None:
    password = directory / "password"
    password.write_text((installation._directory / "demo-user-password").read_text(), encoding="utf-8")  # noqa: SLF001
    typed = [word.format(password=password) for word in words]
    await asyncio.wrap_future(
        asyncio.run_coroutine_threadsafe(installation.operate(release, "operator", *typed), installation._loop)  # noqa: SLF001
    )


async def _works_again(installation: RollingInstallation, number: int, api: RelyingParty) -> None:
    """What is made now is good on both, soon: the previous release refuses what is made while tokens are in flight."""
    until = time.monotonic() + 2 * IN_FLIGHT.total_seconds()
    web, machine = installation.party("web"), installation.party("machine")
    while True:
        made = await make(installation, number, web, machine)
        found = await alive(installation, made, web, api)
        # The replica may have yet to hear that its client is there again.
        if found["access token"] == found["machine token"] == [True] * REPLICAS:
            break
        assert time.monotonic() < until, found
        await asyncio.sleep(0.5)
    for party in (web, machine):
        await party.browser.close()
