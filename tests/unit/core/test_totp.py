"""One-time passwords. RFC 6238 Appendix B has the values, of which the last six digits are ours."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from support.authenticator import AuthenticatorApp
from valetkey.core.authentication.totp import code_at, generate_secret, matching_step, otpauth_uri, secret_text

SECRET = b"12345678901234567890"
NOW = datetime(2026, 1, 1, 12, 0, 10, tzinfo=UTC)
STEP = int(NOW.timestamp()) // 30


@pytest.mark.requirement("RFC 6238 Appendix B: test vectors")
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_values_of_the_specification(seconds: int, code: str) -> None:
    assert code_at(SECRET, seconds // 30) == code[-6:]


@pytest.mark.parametrize("steps", range(-3, 4))
def test_a_clock_may_be_one_step_off(steps: int) -> None:
    code = AuthenticatorApp(SECRET).code(NOW, steps)

    assert matching_step(SECRET, code, NOW) == (STEP + steps if abs(steps) <= 1 else None)


def test_spaces_between_digits_do_not_matter() -> None:
    code = AuthenticatorApp(SECRET).code(NOW)

    assert matching_step(SECRET, f" {code[:3]} {code[3:]} ", NOW) == STEP


@pytest.mark.parametrize(
    "typed", ["", "abcdef", "12345", "1234567", "١٢٣٤٥٦", "²" * 6, "-12345", "0x1234", "1" * 10_000]
)
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    assert matching_step(SECRET, typed, NOW) is None


def test_nothing_fails_at_the_beginning_of_time() -> None:
    assert matching_step(SECRET, code_at(SECRET, 0), datetime(1970, 1, 1, tzinfo=UTC)) == 0


def test_secrets_are_random_and_long_enough() -> None:
    secrets = {generate_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {20}


def test_an_app_is_told_whose_code_it_is() -> None:
    uri = otpauth_uri(SECRET, "Ärger: AG", "ada:x@example.com")

    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parts.path == "/%C3%84rger%20%20AG%3Aada%20x%40example.com"
    assert parse_qs(parts.query) == {"secret": [secret_text(SECRET)], "issuer": ["Ärger  AG"]}


def test_a_clock_that_moves_shows_other_codes() -> None:
    app = AuthenticatorApp(SECRET)

    assert len({app.code(NOW + timedelta(seconds=30 * step)) for step in range(50)}) > 45
