"""An API that demands a strong or a recent login, spoken to over HTTP. RFC 9470."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from support.loopback_issuer import LoopbackIssuer
from valetkey.resource_server import Protection, Verifier, protect, requires_login

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MFA, PHR = "urn:valetkey:acr:mfa", "phr"


@requires_login(MFA, PHR)
async def strong(_: web.Request) -> web.Response:
    return web.Response(text="strong")


@requires_login(max_age=timedelta(minutes=5), clock=lambda: NOW)
async def recent(_: web.Request) -> web.Response:
    return web.Response(text="recent")


@requires_login(PHR, max_age=timedelta(seconds=90), clock=lambda: NOW)
async def both(_: web.Request) -> web.Response:
    return web.Response(text="both")


def ago(seconds: int) -> int:
    return int(NOW.timestamp()) - seconds


@pytest.mark.requirement("RFC 9470 §3, §4: a login that is too weak or too old is refused with what is demanded")
@pytest.mark.parametrize(
    ("path", "login", "demanded"),
    [
        ("/strong", {"acr": MFA, "auth_time": ago(9999)}, None),
        ("/strong", {"acr": PHR, "auth_time": ago(9999)}, None),
        ("/strong", {"acr": "urn:valetkey:acr:password", "auth_time": ago(0)}, {"acr_values": f"{MFA} {PHR}"}),
        ("/strong", {}, {"acr_values": f"{MFA} {PHR}"}),
        ("/strong", {"acr": [MFA]}, {"acr_values": f"{MFA} {PHR}"}),
        ("/recent", {"auth_time": ago(299)}, None),
        ("/recent", {"auth_time": ago(302)}, {"max_age": "300"}),
        ("/recent", {}, {"max_age": "300"}),
        ("/both", {"acr": PHR, "auth_time": ago(30)}, None),
        ("/both", {"acr": MFA, "auth_time": ago(30)}, {"acr_values": PHR, "max_age": "90"}),
        ("/both", {"acr": PHR, "auth_time": ago(100)}, {"acr_values": PHR, "max_age": "90"}),
    ],
    ids=str,
)
async def test_a_login_is_strong_and_young_enough_or_not(
    issuer: LoopbackIssuer, verifier: Verifier, path: str, login: dict[str, Any], demanded: dict[str, str] | None
) -> None:
    app = web.Application()
    for each, handler in (("/strong", strong), ("/recent", recent), ("/both", both)):
        app.router.add_get(each, handler)
    protect(app, Protection("jwt", verifier=verifier))

    async with TestClient(TestServer(app)) as client:
        answer = await client.get(path, headers={"Authorization": f"Bearer {issuer.token(**login)}"})
        text = await answer.text()

    if demanded is None:
        assert (answer.status, text) == (200, path[1:])
        return
    body = json.loads(text)
    assert answer.status == 401
    assert body["error"] == "insufficient_user_authentication"
    assert demanded.items() <= body.items()
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="')
    assert all(f'{name}="{value}"' in challenge for name, value in demanded.items())
    assert ("acr_values" in challenge, "max_age" in challenge) == ("acr_values" in demanded, "max_age" in demanded)


@pytest.mark.parametrize(
    ("acr_values", "max_age"),
    [
        ((), None),
        (("two words",), None),
        (('a"b',), None),
        (("",), None),
        ((PHR,), timedelta(0)),
        ((PHR,), -timedelta(9)),
    ],
    ids=str,
)
def test_what_cannot_be_demanded_is_refused_at_once(acr_values: tuple[str, ...], max_age: timedelta | None) -> None:
    with pytest.raises(ValueError, match=r"name authentication|at least a second"):
        requires_login(*acr_values, max_age=max_age)


async def test_a_route_without_the_middleware_is_a_mistake() -> None:
    app = web.Application()
    app.router.add_get("/strong", strong)

    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/strong")).status == 500
