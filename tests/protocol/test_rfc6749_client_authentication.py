"""RFC 6749 §2.3 and §5.2: who may say that it is which client, at every endpoint that asks."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

import pytest

from support.administration import Administration
from support.browser import Answer
from support.eventually import eventually
from support.refusal import require_refusal
from support.relying_party import ClientIdentity
from support.system import System
from support.systems import MakeParty
from support.wire import Headers, Pairs, Wire, basic, credentials_of
from valetkey.core.client.authentication.secret import generate_secret, secret_digest
from valetkey.core.client.client import ClientSecret

ENDPOINTS = ("/token", "/revoke", "/introspect")
METHODS = ("client_secret_basic", "client_secret_post", "none")
# What each endpoint is asked; only an authenticated client gets the answer to it.
QUESTIONS: dict[str, Pairs] = {
    "/token": [("grant_type", "refresh_token"), ("refresh_token", "x")],
    "/revoke": [("token", "x")],
    "/introspect": [("token", "x")],
}
WRONG = "w" * 43


def presented(name: str, client: ClientIdentity, other: ClientIdentity) -> tuple[Headers, Pairs]:
    """One way of presenting oneself."""
    secret = client.client_secret or WRONG
    own_id, own_secret = ("client_id", client.client_id), ("client_secret", secret)
    ways: dict[str, tuple[Headers, Pairs]] = {
        "basic": ([basic(client.client_id, secret)], []),
        "basic, wrong secret": ([basic(client.client_id, WRONG)], []),
        "basic, empty secret": ([basic(client.client_id, "")], []),
        "basic, another's secret": ([basic(client.client_id, other.client_secret or "")], []),
        "basic and the same client_id": ([basic(client.client_id, secret)], [own_id]),
        "basic and another client_id": ([basic(client.client_id, secret)], [("client_id", other.client_id)]),
        "another's basic and client_id": ([basic(other.client_id, other.client_secret or "")], [own_id]),
        "body": ([], [own_id, own_secret]),
        "body, wrong secret": ([], [own_id, ("client_secret", WRONG)]),
        "body, empty secret": ([], [own_id, ("client_secret", "")]),
        "body, another's secret": ([], [own_id, ("client_secret", other.client_secret or "")]),
        "body, secret alone": ([], [own_secret]),
        "basic and body": ([basic(client.client_id, secret)], [own_id, own_secret]),
        "body and a Bearer decoy": ([("Authorization", "Bearer x")], [own_id, own_secret]),
        "body and an empty decoy": ([("Authorization", "")], [own_id, own_secret]),
        "client_id": ([], [own_id]),
        "client_id and a Bearer decoy": ([("Authorization", "Bearer x")], [own_id]),
        "client_id and an empty decoy": ([("Authorization", "")], [own_id]),
        "basic twice": ([basic(client.client_id, secret)] * 2, []),
        "basic and Bearer": ([basic(client.client_id, secret), ("Authorization", "Bearer x")], []),
        "assertion": (
            [],
            [
                own_id,
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", "eyJhbGciOiJub25lIn0.e30."),
            ],
        ),
        "basic and an assertion": ([basic(client.client_id, secret)], [("client_assertion", "x")]),
        "nothing": ([], []),
    }
    return ways[name]


ACCEPTED = {
    "client_secret_basic": {"basic", "basic and the same client_id"},
    "client_secret_post": {"body"},
    "none": {"client_id", "body, empty secret"},
}
TWO_METHODS = {
    "basic and another client_id",
    "another's basic and client_id",
    "basic and body",
    "body and a Bearer decoy",
    "body and an empty decoy",
    "basic twice",
    "basic and Bearer",
    "body, secret alone",
}
WAYS = (
    "basic",
    "basic, wrong secret",
    "basic, empty secret",
    "basic, another's secret",
    "basic and the same client_id",
    "body",
    "body, wrong secret",
    "body, empty secret",
    "body, another's secret",
    "client_id",
    "client_id and a Bearer decoy",
    "client_id and an empty decoy",
    "assertion",
    "basic and an assertion",
    "nothing",
    *sorted(TWO_METHODS),
)


@pytest.fixture(scope="module")
def clients(system: System) -> dict[str, ClientIdentity]:
    """One client per method, and ``other``, a confidential one."""
    administration = system.administration
    made = {method: system.run(administration.create_web_client(method)) for method in METHODS}
    return made | {"other": system.run(administration.create_machine())}


def require_let_in(endpoint: str, answer: Answer) -> None:
    """The answer to the question, which was about nothing that exists."""
    if endpoint == "/token":
        require_refusal(answer, "invalid_grant")
    else:
        assert answer.status == 200
        assert answer.body == (b'{"active":false}' if endpoint == "/introspect" else b"")


@pytest.mark.requirement("security 24: one method per request, and it must be the registered one")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("way", WAYS)
async def test_a_client_is_who_it_says_only_by_the_method_it_registered(
    clients: dict[str, ClientIdentity], wire: Wire, endpoint: str, method: str, way: str
) -> None:
    headers, fields = presented(way, clients[method], clients["other"])

    answer = await wire.form(endpoint, [*QUESTIONS[endpoint], *fields], headers)

    if way in TWO_METHODS:
        require_refusal(answer, "invalid_request")
    elif way not in ACCEPTED[method] or (endpoint == "/introspect" and method == "none"):
        require_refusal(answer, "invalid_client")
    else:
        require_let_in(endpoint, answer)


@pytest.mark.requirement("RFC 6749 §5.2: invalid_client is 401 with a challenge")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("way", ["basic, wrong secret", "body, wrong secret", "client_id", "nothing"])
async def test_who_is_not_believed_is_told_how_to_authenticate(
    clients: dict[str, ClientIdentity], wire: Wire, endpoint: str, way: str
) -> None:
    headers, fields = presented(way, clients["client_secret_basic"], clients["other"])

    answer = await wire.form(endpoint, [*QUESTIONS[endpoint], *fields], headers)

    assert answer.status == 401
    assert answer.headers.getall("WWW-Authenticate") == ['Basic realm="valetkey", charset="UTF-8"']


@pytest.mark.requirement("security 31: unknown client and wrong secret look the same")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_an_unknown_a_disabled_and_an_unproven_client_look_the_same(
    make_party: MakeParty, administration: Administration, wire: Wire, endpoint: str
) -> None:
    known, disabled = (await make_party()).client, (await make_party()).client
    await administration.disable_client(disabled)
    await eventually(lambda: _is_refused(wire, disabled))
    refused = [
        basic("unknown", WRONG),
        basic(known.client_id, WRONG),
        basic(disabled.client_id, disabled.client_secret or ""),
        basic(disabled.client_id, WRONG),
    ]

    answers = [await wire.form(endpoint, QUESTIONS[endpoint], [header]) for header in refused]

    assert len({_without_chance(answer) for answer in answers}) == 1
    require_refusal(answers[0], "invalid_client")


@pytest.mark.requirement("security 21: a disabled client is refused everywhere")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("method", METHODS)
async def test_a_disabled_client_is_refused_until_it_is_enabled_again(
    make_party: MakeParty, administration: Administration, wire: Wire, endpoint: str, method: str
) -> None:
    party = await make_party(method=method)
    headers, fields = credentials_of(party)
    question = [*QUESTIONS[endpoint], *fields]
    await wire.form(endpoint, question, headers)

    await administration.disable_client(party.client)

    async def is_refused() -> bool:
        return (await wire.form(endpoint, question, headers)).status == 401

    await eventually(is_refused)
    if (endpoint, method) == ("/introspect", "none"):
        return
    await administration.enable_client(party.client)

    async def is_let_in() -> bool:
        return not await is_refused()

    await eventually(is_let_in)


@pytest.mark.requirement("security 25: Basic is decoded strictly")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic %%%",
        "Basic bm8tY29sb24=",
        "Basic bm8tY29sb24",
        "Basic OnM=",
        "Basic Y2xpZW50Og==",
        "Basic //8=",
        "Basic " + b64encode(b"%FF:s").decode(),
        "Basic " + b64encode(b"%:s").decode(),
        "Basic " + b64encode(b"%00:s").decode(),
        "Basic " + b64encode(b"a\x00b:s").decode(),
        "Basic " + b64encode(b"a%0d%0ab:s").decode(),
        "Basic " + b64encode(b"a" * 300 + b":s").decode(),
        "Basic " + b64encode(b"a:" + b"s" * 600).decode(),
        "Basic YTpi, Basic YTpi",
        "Basic username=a, password=b",
        "Digest YTpi",
        "YTpi",
        "",
    ],
)
async def test_a_header_that_cannot_be_read_does_not_authenticate(wire: Wire, endpoint: str, header: str) -> None:
    answer = await wire.form(endpoint, QUESTIONS[endpoint], [("Authorization", header)])

    require_refusal(answer, "invalid_client")


@pytest.mark.requirement("RFC 6749 §2.3.1: identifier and secret are form-urlencoded before they are joined")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
async def test_escapes_in_the_basic_header_are_undone(
    clients: dict[str, ClientIdentity], wire: Wire, endpoint: str, scheme: str
) -> None:
    client = clients["client_secret_basic"]
    pair = "".join(f"%{ord(character):02x}" for character in client.client_id) + f":{client.client_secret}"

    answer = await wire.form(
        endpoint, QUESTIONS[endpoint], [("Authorization", f"{scheme} {b64encode(pair.encode()).decode()}")]
    )

    require_let_in(endpoint, answer)


@pytest.mark.requirement("OAuth 2.1 §2.4: two overlapping secrets per client")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_both_secrets_of_a_client_count_until_the_older_has_expired(
    make_party: MakeParty, administration: Administration, wire: Wire, endpoint: str, method: str
) -> None:
    newer, older, expired = generate_secret(), generate_secret(), generate_secret()
    now = administration.clock()
    client = await administration.create_web_client(
        method,
        secrets=(
            ClientSecret(secret_digest(newer)),
            ClientSecret(secret_digest(older), now + timedelta(minutes=5)),
            ClientSecret(secret_digest(expired), now - timedelta(milliseconds=1)),
        ),
    )

    answers = {}
    for name, secret in {"newer": newer, "older": older, "expired": expired}.items():
        party = await make_party(replace(client, client_secret=secret))
        headers, fields = credentials_of(party)
        answers[name] = await wire.form(endpoint, [*QUESTIONS[endpoint], *fields], headers)

    require_let_in(endpoint, answers["newer"])
    require_let_in(endpoint, answers["older"])
    require_refusal(answers["expired"], "invalid_client")


async def _is_refused(wire: Wire, client: ClientIdentity) -> bool:
    header = basic(client.client_id, client.client_secret or "")
    statuses = {(await wire.form(endpoint, QUESTIONS[endpoint], [header])).status for endpoint in ENDPOINTS}
    return statuses == {401}


def _without_chance(answer: Answer) -> tuple[int, str, str]:
    """The answer without what is different every time."""
    headers = {name: value for name, value in answer.headers.items() if name not in {"Date", "X-Trace-Id"}}
    body = {name: value for name, value in json.loads(answer.body).items() if name != "reference"}
    return answer.status, json.dumps(headers, sort_keys=True), json.dumps(body, sort_keys=True)
