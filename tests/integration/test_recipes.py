"""``deploy/recipes``: the client of each page is registered, and is what the page and the tool's configuration say."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from support.browser import Browser
from support.command_line import find_command
from support.front_channel import response_of
from support.operator_cli import Operator, environment_of
from support.recipe import RECIPES, Recipe, RecipeClient, recipes
from support.relying_party import ClientIdentity, CodeResponse, Person, RelyingParty
from support.repository import ROOT
from support.system import System
from support.systems import StartSystem
from support.tokens import claims_of, header_of

SECTIONS = ["Client", "Configuration", "What it sends and reads", "Try it", "If it does not work"]
ROWS = [
    *("Redirect URI", "Scope", "Authenticates with", "PKCE", "Response mode", "ID token", "UserInfo", "Logout"),
    "Relaxed",
]
OPTIONAL_ROWS = ["Resource", "Access token"]
GROUP = "platform"
LONGEST = 115
# What an operator has to allow, by field: the value that is strict.
STRICT = {
    "pkce": "required",
    "access_token_typ": "at+jwt",
    "application_type": "web",
    "audience_parameter": "refuse",
    "consent": None,
}


@dataclass(frozen=True)
class Said:
    """Where the configuration of a tool says what it sends: patterns, each of which must be found.

    ``adds`` are scopes that the tool asks for without being told. ``callback`` is what follows ``base`` where the tool
    makes the redirect URI itself, or all of it.
    """

    client_id: str
    scope: str
    redirect_uri: str | None = None
    base: str | None = None
    callback: str = ""
    adds: tuple[str, ...] = ()
    secret: str | None = None
    pkce: str | None = None


_PROXY = Said(
    'client_id = "(.+)"', '^scope = "(.+)"', 'redirect_url = "(.+)"', pkce='code_challenge_method = "S256"',
    secret="client_secret_file = .*/(.+)[.]secret",
)  # fmt: skip
CONFIGURED = {
    "argocd": Said(
        "clientID: (.+)", r"requestedScopes: \[(.+)\]", base="^  url: (.+)", callback="/auth/callback",
        pkce="enablePKCEAuthentication: true", secret=r"cat (.+?)[.]secret",
    ),
    "argocd-cli": Said(
        "cliClientID: (.+)", r"requestedScopes: \[(.+)\]", callback="http://localhost:8085/auth/callback",
    ),
    "kubernetes": Said(
        r"--oidc-client-id=(\S+)", r"--oidc-extra-scope=(\S+)", callback="http://localhost:8000", adds=("openid",),
    ),
    "grafana": Said(
        "^client_id = (.+)", "^scopes = (.+)", base="root_url = (.+)", callback="/login/generic_oauth",
        pkce="use_pkce = true", secret="/(\\w+)[.]secret}",
    ),
    "oauth2-proxy": _PROXY,
    "nginx": _PROXY,
    "envoy-gateway": Said(
        "clientID: (.+)", r"scopes: \[(.+)\]", "redirectURL: (.+)", secret="client-secret=(.+)[.]secret",
    ),
    "vault": Said(
        'oidc_client_id="(.+)"', 'oidc_scopes="(.+)"', 'allowed_redirect_uris="(.+)"', adds=("openid",),
        secret="oidc_client_secret=@(.+)[.]secret",
    ),
    "harbor": Said(
        '"oidc_client_id": "(.+)"', '"oidc_scope": "(.+)"', base="(https://.+)/api/v2.0/configurations",
        callback="/c/oidc/callback", secret="content of `?(.+?)[.]secret",
    ),
    "gitea": Said(
        "--key (.+?) ", "--scopes (.+?)(?: |$)", base="ROOT_URL = (.+)/", callback="/user/oauth2/valetkey/callback",
        adds=("openid",), secret="cat (.+)[.]secret",
    ),
    "jenkins": Said(
        "clientId: (.+)", "scopesOverride: (.+)", base='url: "(.+)/"', callback="/securityRealm/finishLogin",
        pkce=r"properties: \[pkce\]", secret="/(\\w+)[.]secret}",
    ),
    "spring-app": Said(
        "client-id: (.+)", "^      scope: (.+)", callback="https://shop.example.com/login/oauth2/code/valetkey",
    ),
    "aspnet-app": Said(
        'ClientId = "(.+)"', '"(.+)".Split', callback="https://app.example.com/signin-oidc", secret="cat (.+)[.]secret",
    ),
    "authjs-app": Said(
        "AUTH_VALETKEY_ID=(.+)", 'scope: "(.+)"', base="AUTH_URL=(.+)", callback="/callback/valetkey",
        pkce='checks: .*"pkce"', secret="content of `?(.+?)[.]secret",
    ),
    "spa": Said('client_id: "(.+)"', 'scope: "(.+)"', '^  redirect_uri: "(.+)"'),
    "flask-app": Said(
        'client_id="(.+)"', '"scope": "(.+?)"', base='BASE_URL = "(.+)"', callback="/callback",
        pkce='"code_challenge_method": "S256"', secret='Path."(.+)[.]secret"',
    ),
    "django-site": Said(
        'OIDC_RP_CLIENT_ID = "(.+)"', 'OIDC_RP_SCOPES = "(.+)"', callback="https://django.example.com/oidc/callback/",
        pkce="OIDC_USE_PKCE = True", secret='BASE_DIR / "(.+)[.]secret"',
    ),
    "allauth-site": Said(
        '"client_id": "(.+)"', r'"scope": \[(.+)\]', pkce='"oauth_pkce_enabled": True',
        callback="https://django.example.com/accounts/oidc/valetkey/login/callback/",
        secret='BASE_DIR / "(.+)[.]secret"',
    ),
    "httpd": Said("OIDCClientID (.+)", 'OIDCScope "(.+)"', "OIDCRedirectURI (.+)", pkce="OIDCPKCEMethod S256"),
    "msal-app": Said('clientId: "(.+)"', r"defaultScopes: \[(.+)\]", 'redirectUri: "(.+)"'),
    "assistant": Said('client_id="(.+?)"', '"scope": "(.+?)"', r'"redirect_uris": \["(.+?)"\]'),
}  # fmt: skip


PAGES = recipes()
CLIENTS = {name: RecipeClient(page, name, rows) for page in PAGES.values() for name, rows in page.columns.items()}
each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
each_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)


def test_the_index_lists_every_recipe_and_nothing_else() -> None:
    links = re.findall(r"^\| \[.+?\]\((.+?)\.md\)", (RECIPES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(links) == sorted(PAGES)
    assert set(CONFIGURED) == set(CLIENTS)
    assert "(deploy/recipes/README.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@each_page
def test_pages_have_one_shape_and_are_short(page: Recipe) -> None:
    troubles = [line for line in page.sections["If it does not work"].splitlines() if line.startswith("| ")]

    assert list(page.sections) == SECTIONS
    assert re.search(r"^Read for: .*\d", page.text, re.MULTILINE)
    assert len(page.text.splitlines()) <= LONGEST
    assert len(troubles) > 2
    for rows in page.columns.values():
        assert [row for row in rows if row not in OPTIONAL_ROWS] == ROWS


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.md")), ids=lambda path: path.stem)
def test_commands_that_a_page_names_can_be_typed(path: Path) -> None:
    for command in re.findall(r"(?:^ *|`)(valetkey [^`\n]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        words = shlex.split(command)[1:]
        found, used = find_command(words)
        parser = found.make_parser(click.Context(found))

        _, left, _ = parser.parse_args(words[used:])

        assert used, command
        assert not left, command


@each_client
def test_the_table_says_what_is_registered(client: RecipeClient) -> None:
    declared, signed_out = client.declared, client.declared.get("post_logout_redirect_uris", [])

    assert {word for word in client.words("Redirect URI") if "://" in word} == set(declared["redirect_uris"])
    assert set(client.scope) == set(declared["scope"].split())
    assert client.is_public == (client.methods == ["none"])
    assert set(client.words("Logout")) & set(signed_out) == set(signed_out[:1])


@each_client
def test_what_is_relaxed_is_said_and_nothing_else_is(client: RecipeClient) -> None:
    others = [each for each in client.recipe.declared.values() if "resource" in each]
    relaxed = {
        f"{name}: {each[name]}"
        for each in (client.declared, *others)
        for name, strict in STRICT.items()
        if each.get(name, strict) != strict
    }
    if client.is_public and "id_token_claims" in client.declared:
        relaxed.add(f"id_token_claims: {client.declared['id_token_claims']}")

    assert {word for word in client.words("Relaxed") if ": " in word} == relaxed
    assert (client.rows["Relaxed"] == "nothing") == (not relaxed)


@each_client
def test_the_configuration_of_the_tool_says_the_same(client: RecipeClient) -> None:
    said, uris = CONFIGURED[client.client_id], set(client.declared["redirect_uris"])
    scope = {word for found in client.configured(said.scope) for word in re.split(r"[\s,\"']+", found) if word}

    assert set(client.configured(said.client_id)) == {client.client_id}
    assert scope | set(said.adds) == set(client.scope)
    if said.redirect_uri is not None:
        assert set(client.configured(said.redirect_uri)) <= uris
    elif said.base is not None:
        assert {f"{base}{said.callback}" for base in client.configured(said.base)} <= uris
    else:
        assert said.callback in uris
    assert (said.pkce is None) or client.configured(said.pkce)
    assert (said.secret is None) or set(client.configured(said.secret)) == {client.client_id}
    assert "https://id.example.com" in client.recipe.configuration


@pytest.fixture(scope="module")
def installation(start_system: StartSystem) -> System:
    """A system of this module's own, whose registrations are those of the recipes."""
    return start_system()


@pytest.fixture(scope="module")
def secrets_of(installation: System, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every recipe, applied as its page says; the secrets that were generated, by client."""
    directory = tmp_path_factory.mktemp("recipes")
    operator = Operator(environment_of(installation.settings_of("operator")))
    operator.succeed("group", "create", GROUP)
    apply = ("client", "apply", "-f")
    for name, page in PAGES.items():
        file = directory / f"{name}.yaml"
        file.write_text(page.file, encoding="utf-8")
        operator.succeed(*apply, str(file), "--owner", name, "--secrets-directory", str(directory), "--yes")
    return {path.stem: path.read_text(encoding="utf-8") for path in directory.glob("*.secret")}


@pytest.fixture(scope="module")
def ada(installation: System, secrets_of: dict[str, str]) -> Person:
    """A member of the group that the pages speak of."""
    assert secrets_of
    administration = installation.administration

    async def create() -> Person:
        person = await administration.create_user()
        await administration.put_into(GROUP, person)
        return person

    return installation.run(create())


@each_client
async def test_a_login_as_the_tool_does_it_brings_the_claims_that_the_page_promises(
    client: RecipeClient, installation: System, secrets_of: dict[str, str], ada: Person
) -> None:
    async with Browser() as browser:
        for redirect_uri in spellings(client):
            for method in client.methods:
                identity = ClientIdentity(client.client_id, secrets_of.get(client.client_id), redirect_uri, method)
                party = RelyingParty(installation.issuer, identity, ada, browser)

                tokens = await log_in(client, party)

                assert tokens["token_type"] == "Bearer"
                await look_for_claims(client, party, tokens)
                await log_out(client, party, tokens)


async def log_in(client: RecipeClient, party: RelyingParty) -> dict[str, Any]:
    """The token response, by a request with the scope, the mode and the proofs that the tool sends."""
    pkce, (mode,) = client.rows["PKCE"], client.words("Response mode")
    resource = client.words("Resource")[0] if "Resource" in client.rows else None
    changes: dict[str, str | None] = {
        "scope": " ".join(client.scope),
        "response_mode": None if mode == "query" else mode,
        "nonce": secrets.token_urlsafe(16) if "a nonce" in pkce else None,
        "resource": resource,
    }
    verifier: str | None = secrets.token_urlsafe(48)
    if not pkce.startswith("S256"):
        verifier, changes = None, {**changes, "code_challenge": None, "code_challenge_method": None}
    response = response_of(await party.walk(await party.start(verifier, **changes)), party.client.redirect_uri)
    assert (response.response_mode, response.params["iss"]) == (mode, party.issuer)

    reply = await party.redeem(CodeResponse(response.params, verifier or ""), code_verifier=verifier, resource=resource)

    assert reply.status == 200, reply.body
    assert set(reply.body["scope"].split()) == set(client.scope)
    assert ("refresh_token" in reply.body) == ("refresh_token" in client.declared.get("grant_types", ()))
    return reply.body


async def look_for_claims(client: RecipeClient, party: RelyingParty, tokens: dict[str, Any]) -> None:
    """Each claim that the page names is where it says, and groups are the group."""
    assert ("id_token" in tokens) == ("openid" in client.scope)
    id_token = claims_of(tokens["id_token"]) if client.claims("ID token") else {}
    user_info = (await party.userinfo(tokens["access_token"])).body if client.claims("UserInfo") else {}

    assert set(client.claims("ID token")) <= set(id_token)
    assert set(client.claims("UserInfo")) <= set(user_info)
    for claims in (id_token, user_info):
        assert claims.get("groups", [GROUP]) == [GROUP]
    if "Access token" in client.rows:
        audience, typ = client.words("Access token")
        assert claims_of(tokens["access_token"])["aud"] in (audience, [audience])
        assert header_of(tokens["access_token"])["typ"] == typ


async def log_out(client: RecipeClient, party: RelyingParty, tokens: dict[str, Any]) -> None:
    """Where the page promises a way back from Valetkey's logout, the browser gets there."""
    for uri in client.declared.get("post_logout_redirect_uris", ()):
        hints = [("id_token_hint", tokens["id_token"]), ("post_logout_redirect_uri", uri)]

        answer = await party.browser.get(f"{party.issuer}/logout", hints)

        assert answer.is_redirect, answer.text[:300]
        assert answer.headers["Location"] == uri


def spellings(client: RecipeClient) -> Iterator[str]:
    """Every redirect URI; a native application may come back to another port."""
    for uri in client.declared["redirect_uris"]:
        yield uri
        if client.declared.get("application_type") == "native":
            yield re.sub(r"(localhost|127\.0\.0\.1)(:\d+)?", r"\1:54321", uri)
