"""How the parts of a protection fit together."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from support.rfc9068 import AUDIENCE, ISSUER, NOW, claims
from valetkey.resource_server import AuthorizationServer, Introspector, InvalidToken, Protection, Verifier, requires
from valetkey.resource_server.claims import read_access_token
from valetkey.resource_server.introspector import basic_authorization
from valetkey.resource_server.protection import Mode, agreement

SERVER = AuthorizationServer(ISSUER)
TOKEN = read_access_token(claims(), audience=AUDIENCE, now=NOW, leeway=timedelta(0))


def introspector(audience: str = AUDIENCE) -> Introspector:
    return Introspector(SERVER, audience=audience, client_id="api", client_secret="secret")


@pytest.mark.parametrize("mode", ["jwt", "introspect", "both"])
def test_a_mode_without_the_parts_it_needs_is_refused_at_once(mode: Mode) -> None:
    with pytest.raises(ValueError, match="needs"):
        Protection(mode)


def test_parts_for_different_audiences_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="audience"):
        Protection(
            "both",
            verifier=Verifier(SERVER, audience=AUDIENCE),
            introspector=introspector("https://other.example"),
        )


@pytest.mark.parametrize("algorithms", [set(), {"none"}, {"HS256"}, {"ES256", "HS256"}])
def test_an_allow_list_with_what_is_no_signature_is_refused_at_once(algorithms: set[str]) -> None:
    with pytest.raises(ValueError, match="algorithms"):
        Verifier(SERVER, audience=AUDIENCE, algorithms=frozenset(algorithms))


def test_where_token_and_answer_agree_the_narrower_scope_counts() -> None:
    agreed = agreement(TOKEN, replace(TOKEN, scope=frozenset({"read", "admin"})))

    assert agreed.scope == {"read"}


@pytest.mark.parametrize("changed", [{"subject": "other"}, {"client_id": "other"}, {"jti": "other"}])
def test_where_token_and_answer_disagree_the_token_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken):
        agreement(TOKEN, replace(TOKEN, **changed))


@pytest.mark.requirement("RFC 9700 §4.15, RFC 9068 §5: tokens of people and of clients are told apart")
@pytest.mark.parametrize("answered", [{}, {"auth_time": 1}])
def test_what_the_issuer_signed_says_whether_a_person_signed_in(answered: dict[str, Any]) -> None:
    person = replace(TOKEN, claims={**TOKEN.claims, "auth_time": 1})

    assert agreement(person, replace(TOKEN, claims={**TOKEN.claims, **answered})).is_user
    assert not agreement(TOKEN, replace(TOKEN, claims={**TOKEN.claims, **answered})).is_user


@pytest.mark.requirement("RFC 6749 §2.3.1: client_id and client_secret are form-urlencoded before Basic")
def test_basic_credentials_are_form_urlencoded_first() -> None:
    assert basic_authorization("a:b c", "é/+%") == "Basic YSUzQWIrYzolQzMlQTklMkYlMkIlMjU="


@pytest.mark.requirement("security 55: fail closed")
async def test_a_scope_without_the_middleware_is_a_fault_and_not_an_open_door() -> None:
    @requires("read")
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="secret")

    with pytest.raises(RuntimeError, match="bearer_middleware"):
        await handler(make_mocked_request("GET", "/"))


@pytest.mark.parametrize("scope", ["", "read write", 'a"b', "a\nb", "é"])
def test_what_is_no_scope_token_cannot_be_required(scope: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        requires(scope)


def test_a_route_must_require_something() -> None:
    with pytest.raises(ValueError, match="scope"):
        requires()
