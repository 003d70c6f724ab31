"""``valetkey token inspect`` of hostile tokens."""

import base64
import json

import pytest
from click.testing import CliRunner, Result

from support.hostile_text import HOSTILE, hidden_in
from valetkey.cli.__main__ import cli
from valetkey.cli.exit_code import ExitCode

HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "k"}
DEEP = b"[" * 900 + b"]" * 900


def segment(content: bytes | object) -> str:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(header: bytes | object = HEADER, claims: bytes | object = b"{}") -> str:
    return f"{segment(header)}.{segment(claims)}.{segment(b'signature')}"


def inspect(value: str, *options: str) -> Result:
    return CliRunner().invoke(cli, ["token", "inspect", "--token-file", "-", *options], input=value)


READABLE = {
    "values": token(claims={"sub": HOSTILE, "exp": HOSTILE}),
    "names of claims": token(claims={HOSTILE: 1}),
    "nested names": token(claims={"act": {HOSTILE: [{HOSTILE: HOSTILE}]}}),
    "names in the header": token(HEADER | {HOSTILE: HOSTILE}),
    "the key's name": token(HEADER | {"kid": HOSTILE}),
    "a type that is a list": token(HEADER | {"typ": [HOSTILE]}),
    "a type that is an object": token(HEADER | {"typ": {HOSTILE: 1}}),
    "an algorithm that is an object": token(HEADER | {"alg": {HOSTILE: 1}}),
    "deep claims": token(claims=b'{"a":' + DEEP + b"}"),
    "a deep header": token(b'{"alg":"ES256","a":' + DEEP + b"}"),
    "no numbers": token(claims=b'{"exp":NaN,"iat":-Infinity,"nbf":1e999}'),
    "times beyond all measure": token(claims=b'{"exp":' + b"9" * 4000 + b',"iat":-' + b"9" * 30 + b"}"),
}


@pytest.mark.requirement("security 10: what came from outside is escaped, names of members included")
@pytest.mark.parametrize("value", READABLE.values(), ids=READABLE)
@pytest.mark.parametrize("form", ["table", "json"])
def test_nothing_in_a_token_reaches_the_terminal_unescaped(value: str, form: str) -> None:
    outcome = inspect(value, "-o", form)

    assert outcome.exit_code == ExitCode.OK, outcome
    assert not hidden_in(outcome.output)
    if form == "json":
        assert json.loads(outcome.stdout)["header"]


@pytest.mark.parametrize(
    "value",
    [
        token(claims=b'{"exp":' + b"9" * 5000 + b"}"),
        token(claims=b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
        token(b"[]"),
        token(claims=b"\xff"),
        token(HEADER | {"kid": [HOSTILE]}),
        "\x1b[2J.\u202e.x",
        HOSTILE.replace("\n", "").replace("\udcff\ud800", ""),
    ],
    ids=["a long number", "too deep", "no header", "not UTF-8", "a key's name that is a list", "controls", "no token"],
)
@pytest.mark.parametrize("form", ["table", "json"])
def test_what_is_no_token_is_told_as_such(value: str, form: str) -> None:
    outcome = inspect(value, "-o", form)

    assert outcome.exit_code == ExitCode.REFUSED, outcome
    assert not hidden_in(outcome.output)
