"""Spring Boot, from Maven's registry: a login and an API made from properties alone, over cleartext."""

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from peers.matrix import SPRING_BOOT
from support.peer import PEERS, Installation, listening, prepare, require, visitor_of
from support.relying_party import Person
from valetkey.demo.free_port import LOOPBACK, free_port

pytestmark = [pytest.mark.peer, pytest.mark.timeout(1800)]

API = "https://spring.example/"
BUILD = ("mvn", "-q", "-B", "compile", "dependency:build-classpath", "-Dmdep.outputFile=classpath")


@dataclass(frozen=True, slots=True)
class Application:
    """Where it listens, and who may sign in."""

    url: str
    installation: Installation
    person: Person
    groups: tuple[str, ...]


@pytest.fixture(scope="module", params=SPRING_BOOT)
def version(request: pytest.FixtureRequest) -> str:
    """A version of Spring Boot."""
    return str(request.param)


@pytest.fixture(scope="module")
def built(version: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the application, compiled for it."""
    require("mvn", "javac")
    folder = tmp_path_factory.mktemp("spring") / "boot"
    shutil.copytree(PEERS / "java/spring-boot", folder)
    project = folder / "pom.xml"
    project.write_text(project.read_text().replace("VERSION", version))
    prepare(BUILD, folder)
    return folder


@pytest.fixture
async def application(version: str, built: Path, http_installation: Installation) -> AsyncIterator[Application]:
    """It runs; tokens for its API have the typ that Spring's default decoder knows."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    person, groups = await http_installation.create_member("editors", "admins")
    await http_installation.create_api(API, "spring:read", "--access-token-typ", "JWT")
    scope = "openid email groups spring:read"
    client = await http_installation.register(f"{url}/login/oauth2/code/valetkey", *SPRING_BOOT[version], scope=scope)
    security = "--spring.security.oauth2"
    registration = f"{security}.client.registration.valetkey"
    command = (
        *("java", "-XX:TieredStopAtLevel=1", "-cp", f"target/classes:{(built / 'classpath').read_text()}", "peer.Peer"),
        *(f"--server.port={port}", f"--server.address={LOOPBACK}"),
        f"{registration}.client-id={client.client_id}",
        f"{registration}.client-secret={client.client_secret}",
        f"{registration}.scope={scope.replace(' ', ',')}",
        f"{security}.client.provider.valetkey.issuer-uri={http_installation.issuer}",
        f"{security}.resourceserver.jwt.issuer-uri={http_installation.issuer}",
        f"{security}.resourceserver.jwt.audiences={API}",
        f"{security}.resourceserver.jwt.jws-algorithms=ES256",
    )
    async with listening(port, *command, log=built / "log", cwd=built):
        yield Application(url, http_installation, person, groups)


@pytest.mark.requirement("Spring Boot: oauth2Login over cleartext, and an API that takes the access token")
async def test_spring_boot_signs_in_and_its_api_takes_the_token(application: Application) -> None:
    async with visitor_of(application.installation, application.person) as visitor:
        page = await visitor.visit(f"{application.url}/user")
        assert page.url.startswith(f"{application.url}/user"), f"{page.url} {page.text}"
        user = json.loads(page.text)
        bearer = {"Authorization": f"Bearer {user['access_token']}", "Cookie": ""}
        admitted = await visitor.browser.request("GET", f"{application.url}/api/whose", headers=bearer)
        forged = {"Authorization": f"Bearer {user['access_token'][:-8]}AAAAAAAA", "Cookie": ""}
        refused = await visitor.browser.request("GET", f"{application.url}/api/whose", headers=forged)

    assert user["name"] == application.person.subject
    assert user["email"] == f"{application.person.username}@example.com"
    assert user["groups"] == sorted(application.groups)
    assert admitted.status == 200, admitted.headers
    whose = json.loads(admitted.text)
    assert (whose["sub"], whose["aud"]) == (application.person.subject, [API])
    assert refused.status == 401
