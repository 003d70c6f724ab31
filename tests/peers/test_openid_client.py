"""openid-client, from npm, against the demo."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]


@pytest.mark.requirement("openid-client: code + PKCE, refresh, client credentials, introspection, revocation, userinfo")
@pytest.mark.parametrize("client", ["web", "spa"])
async def test_openid_client_walks_through_everything(node_modules: Path, visitor: Any, client: str) -> None:  # noqa: ANN401
    process = await asyncio.create_subprocess_exec(
        "node", "openid_client.mjs", str(visitor.file), client,
        cwd=node_modules, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    line = await process.stdout.readline()
    url = json.loads(line)["authorize"] if line else ""
    callback = await visitor.answer(url) if url else ""

    output, complaints = await process.communicate(callback.encode() + b"\n")
    assert process.returncode == 0, complaints.decode()
    result = json.loads(output)
    end = await visitor.browser.get(result["end"])
    silent = await visitor.browser.get(f"{url}&prompt=none")

    assert result["user"]["sub"] == result["claims"]["sub"]
    assert result["user"]["email"] == "ada@example.com"
    assert result["before"]["active"] is True
    assert result["after"] == {"active": False}
    assert result["spent"] == "invalid_grant"
    assert result["rotated"] is True
    assert result["introspected"]["client_id"] == "machine"
    assert end.is_redirect
    assert "error=login_required" in silent.location
