"""Client authentication: the method, the decoding, the decision."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.client.authentication.authenticate import (
    Methods,
    authenticate_client,
    discover,
    presented_credentials,
    require_confidential,
)
from valetkey.core.client.authentication.method import Method, PresentedCredentials
from valetkey.core.client.authentication.secret import generate_secret, secret_digest
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


def client(method: AuthenticationMethod | None, *secrets: ClientSecret, enabled: bool = True) -> Client:
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
        raw_basic(b"%zz:s"), raw_basic(b"%:s"), raw_basic(b"%ff:s"), raw_basic(b":secret"), raw_basic(b"w%0ab:s"),
        raw_basic(b"web:" + b"a" * 600), raw_basic(b"w" * 300 + b":s"), raw_basic(b"web:"), raw_basic(b"web:a\nb"),
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


@pytest.mark.requirement("RFC 6749 §2.3.1: secrets of clients that encode them, and of clients that do not")
@pytest.mark.parametrize(
    "text", ["plain-secret", "a+b", "a%b", "a:b", "50%", "a%41b", "+%:", "a b+c", "p/q=r&s", "%2B", "a%0ab", "%ff"]
)
@pytest.mark.parametrize("encodes", [True, False])
def test_a_secret_proves_its_client_whether_it_was_encoded_or_not(text: str, encodes: bool) -> None:
    registration = client(BASIC, secret(text))
    header = basic("web", text) if encodes else raw_basic(f"web:{text}".encode())

    presented = presented_credentials([header], Params.parse([]))

    assert presented.client_id == "web"
    assert authenticate_client(presented, registration, NOW) is registration
    with pytest.raises(InvalidClient):
        authenticate_client(presented, client(BASIC, secret("another")), NOW)
    assert text not in repr(presented).replace("plain", "")


@pytest.mark.requirement("security 24: either way of presenting a secret, unless exactly one is registered")
@pytest.mark.parametrize("used", AuthenticationMethod)
def test_a_client_with_a_secret_may_use_either_method(used: AuthenticationMethod) -> None:
    presented = PresentedCredentials("web", used, None if used is NONE else "s")
    registration = client(None, secret("s"))

    if used is NONE:
        with pytest.raises(InvalidClient, match="client used none, registered for client_secret_basic or client_sec"):
            authenticate_client(presented, registration, NOW)
    else:
        assert authenticate_client(presented, registration, NOW) is registration


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


@dataclass
class Certain:
    """A method as a module of its own would have it: a form parameter, and a value that proves it."""

    name: AuthenticationMethod = AuthenticationMethod.POST
    parameter: str | None = "client_assertion"
    scheme: str | None = None

    def present(self, client_id: str, value: str) -> PresentedCredentials:
        return PresentedCredentials(client_id, self.name, value)

    def proves(self, presented: PresentedCredentials, client: Client | None, now: datetime) -> bool:
        return (presented.secret, client, now) == ("proof", None, NOW)


def test_every_registered_method_is_one_that_is_found() -> None:
    assert sorted(method.name for method in discover()) == sorted(AuthenticationMethod)


def test_a_method_more_is_presented_and_proven_by_itself() -> None:
    methods = Methods([*(method for method in discover() if method.name is not POST), Certain()])
    pairs = [("client_id", "web"), ("client_assertion", "proof"), ("client_assertion_type", "of-a-kind")]

    presented = methods.present([], Params.parse(pairs))

    assert presented == PresentedCredentials("web", POST, "proof")
    assert methods.prove(presented, None, NOW)
    with pytest.raises(InvalidRequest):
        methods.present([basic("web", "s")], Params.parse(pairs))


@pytest.mark.parametrize(
    "methods",
    [[*discover(), Certain()], [method for method in discover() if method.name is not NONE]],
    ids=["the same name twice", "none for client_id alone"],
)
def test_methods_that_cannot_be_told_apart_are_refused(methods: list[Method]) -> None:
    with pytest.raises(ValueError, match="client authentication"):
        Methods(methods)


def test_two_methods_in_the_form_are_an_invalid_request() -> None:
    both = Methods([*(method for method in discover() if method.name is not BASIC), Certain(name=BASIC)])
    pairs = [("client_id", "web"), ("client_assertion", "proof"), ("client_secret", "s")]

    with pytest.raises(InvalidRequest):
        both.present([], Params.parse(pairs))


@pytest.mark.parametrize(
    ("authorization", "pairs", "reason"),
    [
        ([], [("client_assertion", "x"), ("client_secret", "s")], "client assertions are not accepted"),
        (["Basic eDp5", "Basic eDp5"], [], "several Authorization headers"),
        (["Basic eDp5"], [("client_secret", "s")], "client authenticated in the header and in the body"),
        (["Basic eDp5"], [("client_id", "web")], "client_id differs between the header and the body"),
        ([], [("client_secret", "s"), ("client_secret", "t"), ("client_assertion", "x")], "client_secret is repeated"),
        ([], [("client_secret", "s")], "client_id is missing"),
        ([], [], "no client authentication"),
        (["Bearer x"], [], "the Authorization header is not Basic"),
        ([], [("client_id", "\x7f")], "client_id breaks the grammar"),
        ([], [("client_id", "web"), ("client_secret", "\x7f")], "client_secret breaks the grammar"),
    ],
)
def test_a_refusal_has_its_reason(authorization: list[str], pairs: list[tuple[str, str]], reason: str) -> None:
    with pytest.raises(OAuthError, match=reason):
        presented_credentials(authorization, Params.parse(pairs))


@pytest.mark.requirement(
    "RFC 6749 §5.2: another method than registered is named to whoever has proven to be the client"
)
@pytest.mark.parametrize(
    ("registered", "used", "value", "told"),
    [
        (BASIC, POST, "s", "this client is registered for client_secret_basic and used client_secret_post."),
        (POST, BASIC, "s", "this client is registered for client_secret_post and used client_secret_basic."),
        (NONE, POST, "s", "this client is registered for none and used client_secret_post."),
        (NONE, BASIC, "wrong", "this client is registered for none and used client_secret_basic."),
        (BASIC, POST, "wrong", "Client authentication failed."),
        (BASIC, NONE, "", "Client authentication failed."),
        (POST, NONE, "", "Client authentication failed."),
        (BASIC, BASIC, "wrong", "Client authentication failed."),
    ],
)
def test_another_method_is_named_only_where_that_tells_nothing_secret(
    registered: AuthenticationMethod, used: AuthenticationMethod, value: str, told: str
) -> None:
    found = client(registered, *(() if registered is NONE else (secret("s"),)))

    with pytest.raises(InvalidClient) as refused:
        authenticate_client(PresentedCredentials("web", used, value or None), found, NOW)

    assert refused.value.description == told
