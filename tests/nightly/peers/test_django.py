"""Libraries for Django, from PyPI, over cleartext: with their own settings, and with PKCE turned on."""

import json
from pathlib import Path

import pytest

from support.peer import PEERS, Installation, listening, visitor_of
from valetkey.demo.free_port import LOOPBACK, free_port

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

# How each begins a login, and where the browser comes back to.
PATHS = {
    "mozilla_django_oidc": ("/oidc/authenticate/", "/oidc/callback/"),
    "django_allauth": ("/accounts/oidc/valetkey/login/", "/accounts/oidc/valetkey/login/callback/"),
    "social_core": ("/login", "/complete/oidc/"),
}
# None of the three uses PKCE unless told. The first and the last send a nonce instead.
WITHOUT_PKCE = {
    "mozilla_django_oidc": "optional",
    "django_allauth": "optional_without_nonce",
    "social_core": "optional",
}


async def user_of_site(
    python: Path, library: str, installation: Installation, folder: Path, *, pkce: bool
) -> tuple[str, dict[str, str]]:
    """The subject that signed in, and who the site believes it is."""
    port = free_port()
    start, callback = (f"http://{LOOPBACK}:{port}{path}" for path in PATHS[library])
    person = await installation.system.administration.create_user()
    client = await installation.register(callback, *(() if pkce else ("--pkce", WITHOUT_PKCE[library])))
    command = (
        *(python, PEERS / f"python/{library}_site.py", installation.issuer),
        *(client.client_id, client.client_secret or "", str(port), *(("pkce",) if pkce else ())),
    )
    log = folder / "log"
    async with listening(port, *command, log=log, cwd=folder), visitor_of(installation, person) as visitor:
        page = await visitor.visit(start, form=library == "social_core")
    assert (page.status, page.url) == (200, f"http://{LOOPBACK}:{port}/user"), f"{page.text[:500]}\n{log.read_text()}"
    user = json.loads(page.text)
    assert user["email"] == f"{person.username}@example.com"
    return person.subject, user


@pytest.mark.requirement("mozilla-django-oidc: login")
@pytest.mark.parametrize("pkce", [True, False])
async def test_mozilla_django_oidc_signs_in(
    python_with_peers: Path, http_installation: Installation, tmp_path: Path, pkce: bool
) -> None:
    await user_of_site(python_with_peers, "mozilla_django_oidc", http_installation, tmp_path, pkce=pkce)


@pytest.mark.requirement("django-allauth: login")
@pytest.mark.parametrize("pkce", [True, False])
async def test_django_allauth_signs_in(
    python_with_peers: Path, http_installation: Installation, tmp_path: Path, pkce: bool
) -> None:
    subject, user = await user_of_site(python_with_peers, "django_allauth", http_installation, tmp_path, pkce=pkce)

    assert user["sub"] == subject


@pytest.mark.requirement("social-auth-core: login")
@pytest.mark.parametrize("pkce", [True, False])
async def test_social_core_signs_in(
    python_with_peers: Path, http_installation: Installation, tmp_path: Path, pkce: bool
) -> None:
    subject, user = await user_of_site(python_with_peers, "social_core", http_installation, tmp_path, pkce=pkce)

    assert user["sub"] == subject
