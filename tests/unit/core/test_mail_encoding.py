"""What a mail says as it is kept until it is sent: read by this release and the ones beside it."""

import json

import pytest

from valetkey.core.mail.address import MailRefused
from valetkey.core.mail.content import PasswordReset
from valetkey.core.mail.encoding import decode, encode
from valetkey.mailer.examples import EXAMPLES

RESET = {"name": "Ada", "link": "/reset", "minutes": 30}


@pytest.mark.parametrize("content", EXAMPLES, ids=lambda content: content.kind)
def test_every_kind_comes_back_as_it_was(content: object) -> None:
    assert decode(content.kind, encode(content)).content == content  # type: ignore[arg-type, attr-defined] # an example


def test_a_member_of_a_later_release_is_left_out_and_a_missing_one_has_its_default() -> None:
    kept = json.dumps(RESET | {"language": "de"}).encode()

    assert decode("password_reset", kept).content == PasswordReset(name="Ada", link="/reset", minutes=30)


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("password_reset", b""),
        ("password_reset", b"[]"),
        ("password_reset", b"{}"),
        ("password_reset", json.dumps(RESET | {"minutes": "30"}).encode()),
        ("password_reset", json.dumps(RESET | {"link": "https://evil.example"}).encode()),
        ("factor_added", b'{"name":"Ada","factor":"telepathy","at":"2026-05-04T12:00:00+00:00"}'),
        ("factor_added", b'{"name":"Ada","factor":"passkey","at":"yesterday"}'),
        ("of_the_future", b"{}"),
    ],
)
def test_what_no_release_has_written_is_refused(kind: str, kept: bytes) -> None:
    with pytest.raises(MailRefused):
        decode(kind, kept)


@pytest.mark.parametrize("language", ["", "de", "pt-BR"])
def test_the_language_comes_back(language: str) -> None:
    reset = PasswordReset(name="Ada", link="/reset", minutes=30)

    assert decode("password_reset", encode(reset, language)) == (reset, language)


@pytest.mark.parametrize("language", [7, None, ["de"], "../de", "x" * 40])
def test_what_is_no_language_is_left_out(language: object) -> None:
    kept = json.dumps(RESET | {"language": language}).encode()

    assert decode("password_reset", kept).language == ""
