"""The demo's API, by itself: whatever is sent to it is a note or refused."""

import gzip
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from support.loopback_issuer import LoopbackIssuer
from support.rfc9068 import JSONValue
from valetkey.demo.resource_server import ResourceServerConfig, create_resource_server

RESOURCE = "https://api.example/"
NOTES = "/api/notes"
FAR_AWAY = 4_000_000_000


@pytest.fixture
async def issuer() -> AsyncIterator[LoopbackIssuer]:
    async with LoopbackIssuer() as running:
        yield running


@pytest.fixture
async def http(issuer: LoopbackIssuer) -> AsyncIterator[ClientSession]:
    """A connection to the API with a token that may read and write."""
    config = ResourceServerConfig(
        issuer=issuer.url, resource=RESOURCE, client_id="api", client_secret="secret", tour_url="http://127.0.0.1/"
    )
    token = token_of(issuer)
    async with (
        TestServer(create_resource_server(config), host="127.0.0.1") as server,
        ClientSession(str(server.make_url("")), headers={"Authorization": f"Bearer {token}"}) as session,
    ):
        yield session


def token_of(issuer: LoopbackIssuer, **changed: JSONValue) -> str:
    claims: dict[str, JSONValue] = {"aud": RESOURCE, "scope": "api:read api:write", "exp": FAR_AWAY, "iat": 1}
    return issuer.token(**(claims | changed))


@pytest.mark.requirement("RFC 9700 §4.15: a client is not the user whose name it has")
async def test_a_client_does_not_read_the_notes_of_a_person_of_its_name(
    http: ClientSession, issuer: LoopbackIssuer
) -> None:
    person = {"Authorization": f"Bearer {token_of(issuer, sub='ada', client_id='web', auth_time=1)}"}
    client = {"Authorization": f"Bearer {token_of(issuer, sub='ada', client_id='ada')}"}

    async with http.post(NOTES, json={"text": "of Ada's"}, headers=person) as response:
        of_the_person = (await response.json())["notes"]
    async with http.get(NOTES, headers=client) as response:
        of_the_client = (await response.json())["notes"]

    assert "of Ada's" in of_the_person
    assert "of Ada's" not in of_the_client


async def test_a_note_is_kept(http: ClientSession) -> None:
    async with http.post(NOTES, json={"text": "in the third row"}) as response:
        assert response.status == 201
        assert "in the third row" in (await response.json())["notes"]


MALFORMED = {
    "nothing": b"",
    "no JSON": b"text=x",
    "half of it": b'{"text": "x"',
    "a list": b'["text"]',
    "a number": b"7",
    "no text": b"{}",
    "another name": b'{"note": "x"}',
    "a number as text": b'{"text": 7}',
    "an object as text": b'{"text": {}}',
    "an empty text": b'{"text": "  "}',
    "a long text": json.dumps({"text": "x" * 201}).encode(),
    "deep lists": b'{"text": "x", "a": ' + b"[" * 8000 + b"]" * 8000 + b"}",
    "deep objects": b'{"a":' * 2700 + b"1" + b"}" * 2700,
    "deep and open": b"[" * 16_000,
    "a number of 5,000 digits": b'{"text": "x", "a": ' + b"9" * 5000 + b"}",
    "no number": b'{"text": "x", "a": NaN}',
    "bytes that are no text": b'{"text": "\xff"}',
    "NUL": b'{"text": "x"\0}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_malformed_is_told_so(http: ClientSession, body: bytes) -> None:
    async with http.post(NOTES, data=body, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 400
        assert "send" in (await response.json())["error"]


@pytest.mark.parametrize("charset", ["nonsense", "rot13", "utf-16", "undefined", "idna", "ascii", "punycode", '"'])
@pytest.mark.parametrize("body", [b"\xff\xfe\0", '{"text": "Zoë"}'.encode()])
async def test_no_charset_makes_it_fail(http: ClientSession, charset: str, body: bytes) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}"}
    async with http.post(NOTES, data=body, headers=headers) as response:
        assert response.status in {201, 400}


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", b"no gzip", {400}),
        ("deflate", b"\0\xff", {400}),
        ("gzip", gzip.compress(b" " * 10_000_000), {400, 413}),
        ("identity", b" " * 20_000, {413}),
    ],
    ids=["no gzip", "no deflate", "a compressed megabyte", "too long"],
)
async def test_what_cannot_be_read_is_refused(
    http: ClientSession, encoding: str, body: bytes, status: set[int]
) -> None:
    async with http.post(NOTES, data=body, headers={"Content-Encoding": encoding}, compress=None) as response:
        assert response.status in status


async def test_half_a_character_is_a_note_like_any_other(http: ClientSession) -> None:
    async with http.post(NOTES, data=rb'{"text": "\ud800 \u0000"}') as response:
        assert response.status == 201
        assert "\ud800 \0" in json.loads(await response.text())["notes"]
