"""Which spellings mean the issuer, and that no resource server can have one of them."""

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.client.client import AuthenticationMethod, Client
from valetkey.core.client.registration import client_problems
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer, is_resource_identifier
from valetkey.core.oauth.uri_equivalence import is_same_uri

ISSUER = "https://id.example.com/tenant-1"
SAME = [
    "https://id.example.com/tenant-1",
    "https://id.example.com/tenant-1/",
    "https://id.example.com/tenant-1//",
    "HTTPS://id.example.com/tenant-1",
    "https://ID.Example.COM/tenant-1",
    "https://id.example.com:443/tenant-1",
    "https://id.example.com:/tenant-1",
    "https://id.example.com:0443/tenant-1",
    "https://id.example.com./tenant-1",
    "https://user@id.example.com/tenant-1",
    "https://id.example.com/ten%61nt-1",
    "https://id.example.com/tenant%2d1",
    "https://id.example.com/tenant%2D1/%2E/",
    "https://%69d.example.com/tenant-1",
    "https://id%2Eexample.com/tenant-1",
    "https://id.example.com/./tenant-1",
    "https://id.example.com/x/../tenant-1",
    "https://id.example.com/../../tenant-1",
    "https://id.example.com/x/%2e%2e/tenant-1/.",
    "https://id.example.com/tenant-1/y/..",
    "https://id.example.com/tenant-1?",
]
OTHERS = [
    "http://id.example.com/tenant-1",
    "https://id.example.com",
    "https://id.example.com/",
    "https://id.example.com/tenant-2",
    "https://id.example.com/Tenant-1",
    "https://id.example.com/tenant-1/api",
    "https://id.example.com/tenant-1%2Fapi",
    "https://id.example.com/tenant-1?api",
    "https://id.example.com:8443/tenant-1",
    "https://id.example.com.evil.example/tenant-1",
    "https://api.example.com/tenant-1",
    "https://example.com/tenant-1",
    "urn:id.example.com:tenant-1",
    "https://[::1/tenant-1",
    "https://id.example.com:99999/tenant-1",
    "",
]
API = Client("api", uuid4(), "API", AuthenticationMethod.BASIC, frozenset())


@pytest.mark.requirement("RFC 3986 §6.2.2, §6.2.3: spellings that are equivalent")
@pytest.mark.parametrize("uri", SAME)
def test_another_spelling_is_the_same(uri: str) -> None:
    assert is_same_uri(uri, ISSUER)
    assert is_same_uri(ISSUER, uri)


@pytest.mark.parametrize("uri", OTHERS)
def test_another_uri_is_another(uri: str) -> None:
    assert not is_same_uri(uri, ISSUER)
    assert not is_same_uri(ISSUER, uri)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("http://127.0.0.1", "http://127.0.0.1:80/"),
        ("http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080"),
        ("https://id.example", "https://id.example/."),
    ],
)
def test_an_issuer_without_a_path_has_other_spellings_too(one: str, other: str) -> None:
    assert is_same_uri(one, other)


@given(st.text(max_size=80) | st.from_regex(r"https?://[a-z%0-9:.@\[\]]{0,20}[/.%2eE?]{0,20}", fullmatch=True))
def test_any_text_can_be_compared(text: str) -> None:
    assert is_same_uri(text, text)
    assert is_same_uri(text, ISSUER) == is_same_uri(ISSUER, text)


@pytest.mark.requirement("RFC 9068 §3: the issuer as the audience means no resource server")
@pytest.mark.parametrize("uri", [uri for uri in SAME if is_resource_identifier(uri)])
def test_no_resource_server_may_be_called_by_the_issuers_name(uri: str) -> None:
    problems = client_problems(replace(API, resource=uri), Catalog({}, {}), ISSUER)

    assert [problem for problem in problems if "names the issuer" in problem]


@pytest.mark.parametrize("uri", [uri for uri in OTHERS if is_resource_identifier(uri)])
def test_any_other_name_is_free(uri: str) -> None:
    assert not client_problems(replace(API, resource=uri), Catalog({}, {}), ISSUER)


@pytest.mark.parametrize("uri", SAME[:2])
def test_where_the_issuer_is_not_known_nothing_is_found(uri: str) -> None:
    assert not client_problems(replace(API, resource=uri), Catalog({}, {}))


def test_a_resource_server_of_the_issuers_name_is_none_to_requests() -> None:
    catalog = Catalog(
        {
            "openid": RegisteredScope("openid", "d"),
            "api:read": RegisteredScope("api:read", "d", "https://api.example"),
            "id:read": RegisteredScope("id:read", "d", ISSUER),
        },
        {uri: ResourceServer(uri, "API") for uri in ("https://api.example", ISSUER)},
    )

    left = catalog.without_issuer(ISSUER)

    assert left.scopes.keys() == {"openid", "api:read"}
    assert left.resources.keys() == {"https://api.example"}
    assert left.without_issuer(ISSUER) is left
