"""The demo with an https issuer, for tools that take nothing else: its certificate, and who trusts it."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientConnectorCertificateError, ClientSession, CookieJar, TCPConnector

from support.demo_process import DemoProcess
from support.demo_tour import Tour
from valetkey.demo import certificate as certificates
from valetkey.demo.certificate import KEY_NAME, certificate_in, serving, trusting
from valetkey.demo.free_port import LOOPBACK, free_port
from valetkey.runtime.lifecycle.clock import system_clock

FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).status)"


async def test_the_whole_tour_works_over_https_and_what_is_told_to_trust_it_does(tmp_path: Path) -> None:
    issuer = f"https://{LOOPBACK}:{free_port()}"
    demo = DemoProcess.start(tmp_path, "--issuer", issuer)
    certificate = tmp_path / ".demo" / "certificate.pem"
    try:
        assert demo.wait_until_ready().document["issuer"] == issuer
        assert demo.document["certificate"] == str(certificate)
        assert stat.S_IMODE(certificate.with_name(KEY_NAME).stat().st_mode) == 0o600
        connector = TCPConnector(ssl=trusting(certificate))
        async with ClientSession(cookie_jar=CookieJar(unsafe=True), connector=connector) as http:
            tour = Tour(demo, http)
            await tour.sign_in()
            outcomes = [await tour.take(action) for action in ("userinfo", "read-notes", "read-carefully", "refresh")]
        trusted = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", FETCH, f"{issuer}/jwks"),
            env={"SSL_CERT_FILE": str(certificate)},
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await trusted.communicate()
        async with ClientSession() as stranger:
            with pytest.raises(ClientConnectorCertificateError):
                await stranger.get(f"{issuer}/jwks")
        log = (tmp_path / ".demo" / "log").read_text(encoding="utf-8").splitlines()
    finally:
        said = demo.end(signal.SIGTERM)

    assert outcomes == [["200 OK"]] * 4
    assert printed.decode().strip() == "200"
    assert f"SSL_CERT_FILE={certificate} before a command" in said
    assert not [line for line in log if json.loads(line)["level"] == "error"]
    assert {path.name for path in (tmp_path / ".demo").iterdir()} == {"lock", "log", "audit"}


def test_a_certificate_is_kept_until_it_is_about_to_expire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = certificate_in(tmp_path).read_bytes()
    again = certificate_in(tmp_path).read_bytes()
    monkeypatch.setattr(certificates, "system_clock", lambda: system_clock() + timedelta(days=364, hours=1))
    in_a_year = certificate_in(tmp_path).read_bytes()

    assert first == again != in_a_year


@pytest.mark.parametrize("broken", ["certificate.pem", KEY_NAME])
def test_a_certificate_that_cannot_be_used_is_made_again(tmp_path: Path, broken: str) -> None:
    first = certificate_in(tmp_path).read_bytes()
    (tmp_path / broken).unlink()

    assert certificate_in(tmp_path).read_bytes() != first
    serving(tmp_path / "certificate.pem")
