"""pac4j, on which the plugin oic-auth of Jenkins stands, from Maven's registry: set up as the plugin does it."""

import shutil

import pytest

from support.browser import query_of
from support.peer import PEERS, Installation, prepare, require, sign_in_for, visitor_of

pytestmark = [pytest.mark.peer, pytest.mark.timeout(1800)]

REDIRECT_URI = "http://127.0.0.1:5557/securityRealm/finishLogin"
SIGNED_OUT = "http://127.0.0.1:5557/"
SCOPE = "openid profile email groups"
BUILD = ("mvn", "-q", "-B", "compile", "dependency:build-classpath", "-Dmdep.outputFile=classpath")


@pytest.fixture(scope="module")
def class_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program, compiled, and what it stands on."""
    require("mvn", "javac")
    folder = tmp_path_factory.mktemp("pac4j") / "program"
    shutil.copytree(PEERS / "java/pac4j", folder)
    prepare(BUILD, folder)
    return f"{folder / 'target/classes'}:{(folder / 'classpath').read_text(encoding='utf-8')}"


@pytest.mark.requirement("pac4j: code flow with PKCE and nonce, ID token and UserInfo with groups, refresh, logout")
async def test_pac4j_signs_in_and_out(class_path: str, http_installation: Installation) -> None:
    person, groups = await http_installation.create_member("admins", "developers")
    client = await http_installation.register(REDIRECT_URI, "--post-logout-redirect-uri", SIGNED_OUT, scope=SCOPE)
    program = ("java", "-XX:TieredStopAtLevel=1", "-cp", class_path, "peer.Pac4j", http_installation.issuer)
    arguments = (client.client_id, client.client_secret or "", REDIRECT_URI, SCOPE, SIGNED_OUT)

    async with visitor_of(http_installation, person) as visitor:
        answer = await sign_in_for(visitor, REDIRECT_URI, *program, *arguments)
        signed_out = await visitor.browser.get(answer["logout"])

    assert (answer["sub"], answer["username"]) == (person.subject, person.username)
    assert answer["email"] == f"{person.username}@example.com"
    assert answer["groups"] == sorted(groups)
    assert answer["renewed"]
    assert "id_token_hint" in query_of(answer["logout"])
    assert signed_out.location == SIGNED_OUT
