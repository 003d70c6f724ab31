"""Client authentication: the method, the decoding, the decision."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.client.authentication.authenticate import (
    PresentedCredentials,
    authenticate_client,
    generate_secret,
    presented_credentials,
    require_confidential,
    secret_digest,
)
from valetkey.core.client.client import AuthenticationMethod, Client, ClientSecret
from valetkey.core.oauth.errors import InvalidClient, InvalidRequest, OAuthError
from valetkey.core.oauth.params import Params

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASIC, POST, NONE = AuthenticationMethod.BASIC, AuthenticationMethod.POST, AuthenticationMethod.NONE


def basic(client_id: str, secret: str) -> str:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + b64encode(pair.encode()).decode()


def raw_basic(data: bytes) -> str:
    return "Basic " + b64encode(data).decode()


def client(method: AuthenticationMethod, *secrets: ClientSecret, enabled: bool = True) -> Client:
    return Client("web", uuid4(), "Web", method, frozenset(), secrets=secrets, enabled=enabled)


def secret(text: str, expires_at: datetime | None = None) -> ClientSecret:
    return ClientSecret(secret_digest(text), expires_at)


@pytest.mark.requirement("RFC 6749 §2.3.1: both parts of Basic are form-urlencoded")
def test_basic_credentials_are_form_decoded() -> None:
    found = presented_credentials([basic("a:b c", "p+%&é".encode("ascii", "ignore").decode())], Params.parse([]))

    assert (found.client_id, found.secret, found.method) == ("a:b c", "p+%&", BASIC)


@pytest.mark.requirement("security 24: one method per request; two is invalid_request")
@pytest.mark.parametrize(
    ("authorization", "pairs"),
    [
        ([basic("web", "s")], [("client_id", "web"), ("client_secret", "s")]),
        ([basic("web", "s")], [("client_secret", "s")]),
        ([basic("web", "s")], [("client_id", "other")]),
        ([basic("web", "s"), basic("web", "s")], []),
        ([], [("client_secret", "s")]),
        ([], [("client_id", "web"), ("client_id", "web")]),
        ([], [("client_id", "web"), ("client_secret", "s"), ("client_secret", "t")]),
    ],
)
def test_two_methods_at_once_are_an_invalid_request(authorization: list[str], pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidRequest):
        presented_credentials(authorization, Params.parse(pairs))


@pytest.mark.requirement("security 25: Basic is decoded strictly")
@pytest.mark.parametrize(
    "header",
    [
        "Basic", "Basic ", "Basic !!!!", "Basic d2Vi", "Bearer x", "Digest x", "basic", "",
        raw_basic(b"no-colon"), raw_basic(b"web:\xff\xfe"), raw_basic(b"web:s\x00"), raw_basic(b"we\x00b:s"),
        raw_basic(b"web:%zz"), raw_basic(b"web:%"), raw_basic(b"%ff:s"), raw_basic(b":secret"),
        raw_basic(b"web:" + b"a" * 600), raw_basic(b"w" * 300 + b":s"), raw_basic(b"web:a%0ab"), raw_basic(b"web:"),
        raw_basic(b"web:ab") + "====", raw_basic(b"web:abc").rstrip("="), "Basic d2ViOmFi=", "Basic d2ViOmFiYx==",
    ],
)  # fmt: skip
def test_a_basic_header_that_cannot_be_read_is_an_invalid_client(header: str) -> None:
    with pytest.raises(InvalidClient):
        presented_credentials([header], Params.parse([]))


@pytest.mark.requirement("security 26: a request without credentials is not authenticated")
@pytest.mark.parametrize("pairs", [[], [("client_assertion", "x"), ("client_id", "web")]])
def test_a_request_without_credentials_is_an_invalid_client(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidClient):
        presented_credentials([], Params.parse(pairs))


@pytest.mark.requirement("security 24: the method must be the registered one")
@pytest.mark.parametrize("registered", AuthenticationMethod)
@pytest.mark.parametrize("used", AuthenticationMethod)
def test_only_the_registered_method_authenticates(registered: AuthenticationMethod, used: AuthenticationMethod) -> None:
    presented = PresentedCredentials("web", used, None if used is NONE else "s")
    registration = client(registered, secret("s"))

    if used is registered:
        assert authenticate_client(presented, registration, NOW) is registration
    else:
        with pytest.raises(InvalidClient):
            authenticate_client(presented, registration, NOW)


@pytest.mark.requirement("RFC 6749 §2.3.1: two secrets may overlap, and an expired one no longer counts")
@pytest.mark.parametrize(
    ("text", "holds"), [("old", True), ("new", True), ("expired", False), ("", False), ("OLD", False)]
)
def test_secrets_overlap_until_they_expire(text: str, holds: bool) -> None:
    later = NOW + timedelta(hours=1)
    registration = client(BASIC, secret("old", later), secret("new"), secret("expired", NOW))
    presented = PresentedCredentials("web", BASIC, text)

    if holds:
        assert authenticate_client(presented, registration, NOW) is registration
    else:
        with pytest.raises(InvalidClient):
            authenticate_client(presented, registration, NOW)


@pytest.mark.requirement("security 31: unknown, disabled and secretless clients look like a wrong secret")
@pytest.mark.parametrize("found", [None, client(BASIC, secret("s"), enabled=False), client(BASIC)])
def test_failed_authentication_always_gets_the_same_answer(found: Client | None) -> None:
    with pytest.raises(InvalidClient) as refused:
        authenticate_client(PresentedCredentials("web", BASIC, "s"), found, NOW)

    assert refused.value.description == InvalidClient.description


@pytest.mark.requirement("security 26: client_id alone does not authenticate")
def test_a_public_client_is_not_confidential() -> None:
    with pytest.raises(InvalidClient):
        require_confidential(client(NONE))


@pytest.mark.requirement("security 51: a secret never prints")
def test_the_secret_is_not_in_the_repr() -> None:
    assert "canary" not in repr(PresentedCredentials("web", POST, "canary"))


def test_generated_secrets_have_256_bits_and_differ() -> None:
    first, second = generate_secret(), generate_secret()

    assert first != second
    assert len(first) == 43


@given(st.text(max_size=80), st.dictionaries(st.sampled_from(["client_id", "client_secret"]), st.text(max_size=20)))
def test_no_header_breaks_the_parser(header: str, pairs: dict[str, str]) -> None:
    try:
        presented_credentials([header], Params.parse(pairs.items()))
    except OAuthError as refused:
        assert refused.error in {"invalid_client", "invalid_request"}  # noqa: PT017 - anything else propagates


@given(st.binary(max_size=80))
def test_no_basic_payload_breaks_the_parser(payload: bytes) -> None:
    try:
        found = presented_credentials([raw_basic(payload)], Params.parse([]))
    except InvalidClient:
        return
    assert found.method is BASIC
