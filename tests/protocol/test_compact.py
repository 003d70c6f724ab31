"""All services in one process: each request gets the answer that it gets where they are three behind a front door."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import asyncpg
import pytest

from support.browser import Browser
from support.fleet import Fleet
from support.systems import running_system
from support.whole_flow import require_whole_flow
from valetkey.core.routes import ROUTES, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.browser import Answer
    from support.system import System
    from support.systems import StartSystem
    from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

METHODS = ("GET", "HEAD", "POST", "PUT", "OPTIONS")
ORIGINS = (None, "https://app.example")
NOWHERE = ("/nothing", "/token/", "/jwks/x", "//", "/.well-known/x", "/static/")
# Traces, addresses, keys, and what tests register beside these; what is left says which endpoint answered, and how.
VARYING = re.compile(
    r"[0-9a-f]{32}|127\.0\.0\.1:\d+|(?<=:\")[\w-]{22,}(?=\")"
    r"|(?<=interaction=)[\w-]+|vk_browser[\w-]*=[\w-]+"
    r"|(?<=\"scopes_supported\": \[)[^]]*|(?<=\"claims_supported\": \[)[^]]*"
)
NOT_COMPARED = {"date", "x-trace-id", "content-length", "last-modified", "etag"}


@pytest.fixture(scope="module")
def fleet(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[Fleet]:
    """Two replicas that are every service each."""
    with running_system(postgres_server, migrated_template, compact=True, replicas=2) as system:
        yield Fleet(system, system.run(system.administration.create_catalog()))


@pytest.fixture
def compact(fleet: Fleet) -> System:
    return fleet.system


def shape_of(answer: Answer) -> tuple[int, dict[str, str], list[str]]:
    """What is the same whenever the same endpoint answers the same request."""
    headers = {name.lower(): VARYING.sub("", value) for name, value in answer.headers.items()}
    return (
        answer.status,
        {name: value for name, value in headers.items() if name not in NOT_COMPARED},
        # A JWK Set has its keys in the order of their names.
        sorted(re.split("[{}]", VARYING.sub("", answer.text))),
    )


@pytest.mark.requirement("operations: one process that is every service answers as three do")
@pytest.mark.usefixtures("resource_servers")
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_a_route_answers_as_its_own_service_does(system: System, compact: System, route: Route) -> None:
    path = route.path.format(name="valetkey.css")
    asked = [(method, origin) for method in METHODS for origin in ORIGINS]

    async def ask(at: System, method: str, origin: str | None) -> Answer:
        headers = {} if origin is None else {"Origin": origin, "Access-Control-Request-Method": "POST"}
        async with Browser() as browser:
            return await browser.request(method, f"{at.urls[route.service][0]}{path}", headers=headers)

    here = {each: shape_of(await ask(compact, *each)) for each in asked}
    there = {each: shape_of(await ask(system, *each)) for each in asked}

    assert here == there


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_where_there_is_nothing_the_answer_is_that_behind_a_front_door(
    system: System, compact: System, method: str, path: str
) -> None:
    async with Browser() as browser:
        here = await browser.request(method, f"{compact.issuer}{path}")
        there = await browser.request(method, f"{system.issuer}{path}")

    assert shape_of(here) == shape_of(there)
    assert here.status == 404


@pytest.mark.requirement("operations: a whole login, each endpoint, at one process")
@pytest.mark.parametrize("replica", [0, 1])
async def test_a_whole_login_goes_through_one_process(fleet: Fleet, replica: int) -> None:
    await require_whole_flow(fleet, replica)


@pytest.fixture
def below_a_path(start_system: StartSystem) -> System:
    return start_system(compact=True, issuer_path="/identity")


@pytest.mark.requirement("RFC 8414 §3.1, OIDC Discovery §4.1: metadata of an issuer with a path")
async def test_an_issuer_with_a_path_is_served_below_it(below_a_path: System) -> None:
    origin, issuer = below_a_path.origin, below_a_path.issuer

    async with Browser() as browser:
        inserted = await browser.get(f"{origin}/.well-known/openid-configuration/identity")
        keys = await browser.get(f"{issuer}/jwks")
        refused = await browser.request("POST", f"{issuer}/token")
        page = await browser.get(f"{issuer}/login")

    assert json.loads(inserted.body)["issuer"] == issuer
    assert keys.status == 200
    assert (refused.status, json.loads(refused.body)["error"]) == (400, "invalid_request")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_there_is_one_pool_and_one_listener_in_a_role_of_its_own(compact: System) -> None:
    connection = await asyncpg.connect(compact.postgres_dsn)

    rows = await connection.fetch(
        "SELECT usename, application_name, count(*) AS number FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name LIKE 'valetkey %' GROUP BY 1, 2"
    )

    await connection.close()
    found = {row["application_name"]: (row["usename"], row["number"]) for row in rows}
    assert {name: role for name, (role, _) in found.items()} == {
        "valetkey compact": "valetkey_compact",
        "valetkey compact listener": "valetkey_compact",
    }
    assert found["valetkey compact listener"][1] == compact.replicas
