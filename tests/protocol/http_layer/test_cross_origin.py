import pytest
from aiohttp import ClientSession

from support.http_layer import Start


@pytest.mark.requirement("security 8: CORS only where scripts are meant to call")
async def test_scripts_may_call_only_the_paths_that_are_named(start: Start, http: ClientSession) -> None:
    server = await start(cross_origin={"/token": ("POST",)})
    origin = {"Origin": "https://spa.example"}

    async with http.options(
        f"{server.url}/token", headers={**origin, "Access-Control-Request-Method": "POST"}
    ) as preflight:
        assert preflight.status == 204
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"
        assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
        allowed = preflight.headers["Access-Control-Allow-Headers"].lower().split(", ")
        # What clients of MCP send, and whatever comes next; the wildcard does not stand for Authorization.
        assert {"*", "authorization", "content-type", "mcp-protocol-version"} <= set(allowed)
        assert "Access-Control-Allow-Credentials" not in preflight.headers
    async with http.post(f"{server.url}/token", data={"outcome": "refused"}, headers=origin) as refused:
        assert refused.headers["Access-Control-Allow-Origin"] == "*"
        assert "X-Trace-Id" in refused.headers["Access-Control-Expose-Headers"]
    for path in ("/userinfo", "/echo/x", "/nowhere"):
        async with http.get(server.url + path, headers=origin) as closed:
            assert "Access-Control-Allow-Origin" not in closed.headers


@pytest.mark.requirement("RFC 9111 §4: what a shared cache keeps serves scripts too, of any origin")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_is_read_may_be_read_by_scripts_whoever_asks(start: Start, http: ClientSession, method: str) -> None:
    server = await start(cross_origin={"/echo/x": ("GET", "HEAD"), "/token": ("POST",)})

    async with http.request(method, f"{server.url}/echo/x") as read:
        assert read.headers["Access-Control-Allow-Origin"] == "*"
        assert "Vary" not in read.headers
    async with http.post(f"{server.url}/token", data={}) as posted:
        assert "Access-Control-Allow-Origin" not in posted.headers
