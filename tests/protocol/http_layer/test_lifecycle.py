import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from support.http_layer import CANARY, SETTINGS, post
from valetkey.runtime.http.app import HEALTH, create_app
from valetkey.runtime.http.server import RunningServer, start_app


async def test_health_tells_about_this_process_only(server: RunningServer, http: ClientSession) -> None:
    health = server.app[HEALTH]
    seen = []
    for health.started, health.draining in ((False, False), (True, False), (True, True)):
        async with (
            http.get(f"{server.management_url}/readyz") as ready,
            http.get(f"{server.management_url}/livez") as live,
        ):
            seen.append((ready.status, live.status))

    assert seen == [(503, 200), (200, 200), (503, 200)]


@pytest.mark.requirement("security 50: metrics and health are not on the public port")
@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz"])
async def test_management_is_not_on_the_public_port(server: RunningServer, http: ClientSession, path: str) -> None:
    async with http.get(server.url + path) as public, http.get(server.management_url + path) as management:
        assert (public.status, management.status) == (404, 200)


async def test_a_request_in_flight_is_finished_before_the_server_closes(
    server: RunningServer, http: ClientSession
) -> None:
    slow = asyncio.create_task(post(http, server, outcome="slow"))
    await asyncio.sleep(0.1)

    await server.close()

    response = await slow
    assert response.status == 200
    assert response.headers["Connection"] == "close"


async def test_nothing_is_left_running_when_start_up_fails(http: ClientSession) -> None:
    app = create_app(SETTINGS)

    async def fail(_app: web.Application) -> None:
        raise RuntimeError("no store")

    app.on_startup.append(fail)
    before = asyncio.all_tasks()

    with pytest.raises(RuntimeError, match="no store"):
        await start_app(app, SETTINGS)

    assert not app[HEALTH].ready
    assert asyncio.all_tasks() == before


PROGRAM = """
import asyncio, sys
from aiohttp import web
from valetkey.runtime.http.app import create_app
from valetkey.runtime.http.server import serve

async def slow(request):
    await asyncio.sleep(0.5)
    return web.Response(text="done")

sys.exit(serve("migrate", lambda settings, tracing: create_app(settings, tracing=tracing, routes=[web.get("/", slow)])))
"""


def environ(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VALETKEY_")}
    return {**kept, **{f"VALETKEY_{name.upper()}": value for name, value in settings.items()}}


async def test_sigterm_turns_readiness_off_serves_on_and_finishes_what_is_in_flight(
    http: ClientSession, tmp_path: Path
) -> None:
    settings = environ(
        postgres_dsn="postgresql://x", port="0", management_port="0", drain_delay="600ms", log_format="json"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, env=settings, cwd=tmp_path, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    listening = json.loads(await asyncio.wait_for(process.stderr.readline(), 20))

    process.send_signal(signal.SIGTERM)
    draining = json.loads(await asyncio.wait_for(process.stderr.readline(), 5))
    async with http.get(f"{listening['management_url']}/readyz") as ready:
        ready_status = ready.status
    async with http.get(listening["url"]) as late:
        late_body = await late.text()

    assert (listening["message"], draining["message"]) == ("listening", "draining")
    assert ready_status == 503
    assert late_body == "done"
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_process_without_usable_settings_lists_every_problem_and_exits_with_78(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        env=environ(port="x", prt="1", postgres_dsn=f"postgres:{CANARY}"),
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
    )

    _, errors = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 78
    assert [line.split()[1] for line in errors.decode().splitlines()[1:]] == [
        "VALETKEY_PRT",
        "VALETKEY_PORT",
        "VALETKEY_POSTGRES_DSN",
    ]
    assert CANARY not in errors.decode()
