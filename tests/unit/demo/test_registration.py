"""Who is registered in the demo, and how that is told to programs and to people."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from valetkey.core.client.authentication.secret import secret_digest
from valetkey.core.client.registration import client_problems
from valetkey.core.oauth.redirect_uri import match_redirect_uri
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer
from valetkey.demo.demo_error import DemoError
from valetkey.demo.demo_file import demo_document, demo_file
from valetkey.demo.password import make_password
from valetkey.demo.registration import Addresses, Registration, register
from valetkey.demo.run_secrets import RunSecrets, keep_secrets, read_secrets
from valetkey.demo.summary import summary

ADDRESSES = Addresses(
    issuer="http://127.0.0.1:8080",
    tour="http://127.0.0.1:8081",
    api="http://127.0.0.1:8082",
    inbox="http://127.0.0.1:8083",
)
EXTRA = "https://app.example/cb"


@pytest.fixture
def registration() -> Registration:
    return register(ADDRESSES, [EXTRA])


def test_every_client_could_have_been_registered_by_an_operator(registration: Registration) -> None:
    builtin = [RegisteredScope(name, name) for name in ("openid", "profile", "email", "groups", "offline_access")]
    catalog = Catalog(
        scopes={scope.name: scope for scope in [*builtin, *registration.scopes]},
        resources={ADDRESSES.resource: ResourceServer(ADDRESSES.resource, "Notes API")},
    )

    problems = {name: client_problems(each.client, catalog) for name, each in registration.clients.items()}

    assert problems == {"web": [], "spa": [], "machine": [], "api": []}


def test_the_document_has_exactly_the_promised_members(registration: Registration) -> None:
    document = json.loads(json.dumps(demo_document(registration)))

    assert list(document) == ["issuer", "user", "clients"]
    assert list(document["user"]) == ["username", "password"]
    assert {name: list(client) for name, client in document["clients"].items()} == {
        "web": ["client_id", "client_secret", "redirect_uris", "scope"],
        "spa": ["client_id", "redirect_uris", "scope"],
        "machine": ["client_id", "client_secret", "scope"],
        "api": ["client_id", "client_secret", "resource"],
    }
    assert document["issuer"] == ADDRESSES.issuer
    assert document["user"]["username"] == "ada"
    assert document["clients"]["web"]["scope"] == "openid profile email groups offline_access api:read api:write"
    assert document["clients"]["api"]["resource"] == "http://127.0.0.1:8082/"


@pytest.mark.parametrize("name", ["web", "spa"])
def test_clients_of_users_take_answers_at_the_tour_on_any_loopback_port_and_where_asked(
    registration: Registration, name: str
) -> None:
    client = registration.clients[name].client
    own = "/callback" if name == "web" else "/spa/callback"

    assert match_redirect_uri(f"{ADDRESSES.tour}{own}", client.redirect_uris)
    assert match_redirect_uri("http://127.0.0.1:45678/callback", client.redirect_uris)
    assert match_redirect_uri(EXTRA, client.redirect_uris)
    assert {f"{ADDRESSES.tour}/signed-out", "https://app.example/"} <= set(client.post_logout_redirect_uris)


def test_a_redirect_uri_that_is_there_already_is_not_registered_twice() -> None:
    registered = register(ADDRESSES, [f"{ADDRESSES.tour}/callback"]).clients["web"].client.redirect_uris

    assert len(registered) == len(set(registered))


def test_secrets_and_passwords_are_new_in_every_run(registration: Registration) -> None:
    other = register(ADDRESSES)

    for name in ("web", "machine", "api"):
        assert registration.clients[name].secret != other.clients[name].secret
    assert {user.password for user in registration.users}.isdisjoint(user.password for user in other.users)


def test_a_run_that_keeps_its_data_has_the_same_secrets_and_passwords(tmp_path: Path) -> None:
    kept = RunSecrets()
    first = register(ADDRESSES, run=kept)
    key = kept.key("cookie")
    keep_secrets(tmp_path, kept)

    found = read_secrets(tmp_path)
    second = register(ADDRESSES, run=found)

    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert [each.secret for each in second.clients.values()] == [each.secret for each in first.clients.values()]
    assert [user.password for user in second.users] == [user.password for user in first.users]
    assert found.key("cookie") == key
    assert key not in repr(found)


@pytest.mark.parametrize("content", ["", "[]", '{"user ada": 1}', "{"])
def test_kept_secrets_that_cannot_be_read_are_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.json").write_text(content, encoding="utf-8")

    with pytest.raises(DemoError, match="begin anew"):
        read_secrets(tmp_path)


def test_only_the_digest_of_a_secret_is_registered(registration: Registration) -> None:
    for registered in registration.clients.values():
        digests = [secret.digest for secret in registered.client.secrets]

        assert digests == ([] if registered.secret is None else [secret_digest(registered.secret)])


def test_nothing_secret_prints_by_accident(registration: Registration) -> None:
    printed = repr(registration)

    assert not [user for user in registration.users if user.password in printed]
    assert not [each for each in registration.clients.values() if each.secret and each.secret in printed]


def test_a_password_can_be_typed() -> None:
    assert re.fullmatch(r"([bdfghjklmnprstvz][aeiou]){2}(-([bdfghjklmnprstvz][aeiou]){2}){2}", make_password())


def test_the_file_is_ours_alone_and_there_only_inside_the_block(tmp_path: Path, registration: Registration) -> None:
    with demo_file(tmp_path, registration) as path:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = json.loads(path.read_text(encoding="utf-8"))
        entries = [entry.name for entry in tmp_path.iterdir()]

    assert mode == 0o600
    assert content == demo_document(registration)
    assert entries == ["demo.json"]
    assert not list(tmp_path.iterdir())


def test_the_summary_names_every_address_and_every_credential(registration: Registration) -> None:
    text = "\n".join(summary(registration, Path(".demo")))

    assert "DEMO" in text.splitlines()[1]
    wanted = [ADDRESSES.issuer, f"{ADDRESSES.tour}/", ADDRESSES.resource, ".demo/demo.json"]
    wanted += [value for user in registration.users for value in (user.username, user.password)]
    wanted += [each.secret for each in registration.clients.values() if each.secret]
    assert not [value for value in wanted if value not in text]


def test_the_columns_of_the_summary_line_up_whatever_the_port(registration: Registration) -> None:
    longer = replace(
        registration, addresses=Addresses(issuer="http://127.0.0.1", tour="http://127.0.0.1:65535", api="x", inbox="x")
    )

    for each in (registration, longer):
        rows = [line for line in summary(each, Path(".demo")) if line.startswith("  ") and "Ctrl" not in line]
        starts = {len(line) - len(line[16:].lstrip()) for line in rows}
        assert starts == {17}, rows
