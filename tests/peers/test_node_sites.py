"""Sites with libraries from npm, over cleartext."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.peer import Installation, listening, visitor_of
from support.relying_party import Person
from valetkey.demo.free_port import LOOPBACK, free_port

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

SCOPE = "openid profile email groups"


async def user_of_site(
    node_modules: Path, program: str, installation: Installation, person: Person, *options: str,
    arguments: tuple[str, ...] = (), start: str = "/login", callback: str = "/callback",
) -> Any:  # noqa: ANN401 - JSON  # fmt: skip
    """Who the site believes has signed in."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    client = await installation.register(f"{url}{callback}", *options, scope=SCOPE)
    command = ("node", program, installation.issuer, client.client_id, client.client_secret or "", str(port))
    log = node_modules / f"{program}.{port}.log"
    async with (
        listening(port, *command, *arguments, log=log, cwd=node_modules),
        visitor_of(installation, person) as visitor,
    ):
        page = await visitor.visit(f"{url}{start}", form=start != "/login")
        if page.url != f"{url}/user":
            page = await visitor.visit(f"{url}/user")
    assert (page.status, page.url) == (200, f"{url}/user"), f"{page.text[:500]}\n{log.read_text()}"
    return json.loads(page.text)


@pytest.mark.requirement("passport-openidconnect: login of a client that need not use PKCE")
@pytest.mark.parametrize(("nonce", "pkce"), [(True, "optional"), (False, "optional_without_nonce")])
async def test_passport_openidconnect_signs_in(
    node_modules: Path, http_installation: Installation, nonce: bool, pkce: str
) -> None:
    person = await http_installation.system.administration.create_user()

    user = await user_of_site(
        node_modules, "passport_openidconnect.mjs", http_installation, person, "--pkce", pkce,
        arguments=("nonce",) if nonce else (),
    )  # fmt: skip

    assert user == {"sub": person.subject, "email": f"{person.username}@example.com"}


@pytest.mark.requirement("openid-client 5: its strategy for passport, ID token with groups, UserInfo, refresh")
async def test_openid_client_5_signs_in(node_modules: Path, http_installation: Installation) -> None:
    person, groups = await http_installation.create_member("editors", "admins")

    user = await user_of_site(node_modules, "openid_client_5.mjs", http_installation, person)

    assert user["claims"]["sub"] == user["userInfo"]["sub"] == person.subject
    assert user["claims"]["groups"] == user["userInfo"]["groups"] == sorted(groups)
    assert user["renewed"]


@pytest.mark.requirement("Auth.js: login, with the profile and groups of the ID token")
async def test_auth_js_signs_in(node_modules: Path, http_installation: Installation) -> None:
    person, groups = await http_installation.create_member("editors", "admins")

    session = await user_of_site(
        node_modules, "auth_js.mjs", http_installation, person,
        start="/auth/signin", callback="/auth/callback/valetkey",
    )  # fmt: skip

    assert session["sub"] == person.subject
    assert session["user"]["email"] == f"{person.username}@example.com"
    assert session["groups"] == sorted(groups)
