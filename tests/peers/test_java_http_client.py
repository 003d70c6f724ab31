"""The HTTP client of the JDK, which asks for h2c with each request over cleartext and sends the body after the head."""

import asyncio
import json
import shutil
from pathlib import Path
from urllib.parse import urlencode

import pytest

from support.administration import Administration
from support.system import System

PROGRAM = Path(__file__).parent / "java/ClientCredentials.java"
pytestmark = pytest.mark.peer


@pytest.mark.requirement("RFC 9110 §7.8: a server may ignore Upgrade, and then serves the request")
async def test_a_client_of_java_gets_its_tokens_over_cleartext(system: System, administration: Administration) -> None:
    if shutil.which("javac") is None:
        pytest.skip("there is no JDK on PATH")
    machine = await administration.create_machine("client_secret_post")
    form = urlencode(
        {
            "grant_type": "client_credentials",
            "client_id": machine.client_id,
            "client_secret": machine.client_secret or "",
        }
    )

    # Past the front door too: what is in front of the services elsewhere may pass Upgrade on.
    for url in (f"{system.urls['token'][0]}/token", f"{system.issuer}/token"):
        process = await asyncio.create_subprocess_exec(
            "java", "-XX:TieredStopAtLevel=1", str(PROGRAM), url, form, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()

        answers = output.decode().splitlines()
        assert [answer.split(" ")[:2] for answer in answers] == [["200", "HTTP_1_1"]] * 2
        assert all("access_token" in json.loads(answer.split(" ", 2)[2]) for answer in answers)
