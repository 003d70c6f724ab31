import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.runtime.telemetry.redaction import is_sensitive, one_line, redact

CANARY = "c4n4ry5f2d9c0a1b"


@pytest.mark.requirement("security 51: no secret, code, token, verifier or password in logs")
@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Basic {CANARY}",
        f"authorization: bearer {CANARY}",
        f"token vk_rt_{CANARY}",
        f"eyJhbGciOiJub25lIn0.{CANARY}.{CANARY}",
        f"POST /token?client_secret={CANARY}&a=1",
        f"code={CANARY}",
        f"{{'code_verifier': '{CANARY}'}}",
        f'{{"password": "{CANARY}"}}',
        f"refresh_token={CANARY}",
        f"cannot reach postgresql://valetkey:{CANARY}@db/valetkey",
        f"cannot reach redis://:{CANARY}@cache:6379",
    ],
)
def test_what_looks_like_a_credential_is_masked(text: str) -> None:
    assert CANARY not in redact(text)


@pytest.mark.parametrize(
    "text", ["code was issued to another client", "status_code=400", "invalid_client", "https://id.example.com:8443/x"]
)
def test_what_an_operator_needs_stays(text: str) -> None:
    assert redact(text) == text


def test_long_text_is_cut_in_linear_time() -> None:
    assert len(redact("eyJ" + "a." * 500_000)) < 5000


@pytest.mark.parametrize(
    "name", ["password", "client_secret", "code", "code_verifier", "access_token", "user_password"]
)
def test_fields_with_a_telling_name_are_masked_whole(name: str) -> None:
    assert is_sensitive(name)


@pytest.mark.parametrize("name", ["error_code", "status_code", "client_id", "grant", "reason"])
def test_other_fields_are_shown(name: str) -> None:
    assert not is_sensitive(name)


@pytest.mark.requirement("security 51: CR/LF in a user name cannot forge a log line")
@given(st.text(max_size=100))
def test_a_value_never_spans_lines(text: str) -> None:
    line = one_line(text)

    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line


@pytest.mark.requirement("security 10: what came from outside cannot look like other text")
@pytest.mark.parametrize("category", ["Cc", "Cf", "Cs", "Co", "Zl", "Zp"])
def test_no_character_that_shows_nothing_is_left(category: str) -> None:
    hidden = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == category]

    line = one_line("".join(hidden[:3000]))

    assert line.isascii()
    assert line.isprintable()
    assert line.count("\\") == len(hidden[:3000])


def test_text_that_can_be_read_is_left_alone() -> None:
    text = "Zoë 和平 שלום 🙂 a\\b"

    assert one_line(text) == text


def test_a_character_beyond_the_first_plane_has_eight_digits() -> None:
    assert one_line("a\U000e0041b\u202e") == "a\\U000e0041b\\u202e"
