"""Where an issuer is looked for, and which one is believed."""

import pytest

from valetkey.resource_server import AuthorizationServer, IssuerUnavailable
from valetkey.resource_server.metadata import metadata_urls, read_metadata
from valetkey.resource_server.url import require_url

ISSUER = "https://login.example/tenant"


@pytest.mark.requirement("RFC 8414 §3.1, §5: well-known locations, with and without a path")
def test_the_metadata_of_an_issuer_with_a_path_is_looked_for_in_three_places() -> None:
    assert metadata_urls(ISSUER) == (
        "https://login.example/.well-known/oauth-authorization-server/tenant",
        "https://login.example/.well-known/openid-configuration/tenant",
        "https://login.example/tenant/.well-known/openid-configuration",
    )


@pytest.mark.parametrize("issuer", ["https://login.example", "https://login.example/"])
def test_the_metadata_of_an_issuer_without_a_path_is_looked_for_in_two_places(issuer: str) -> None:
    assert metadata_urls(issuer) == (
        "https://login.example/.well-known/oauth-authorization-server",
        "https://login.example/.well-known/openid-configuration",
    )


@pytest.mark.requirement("RFC 8414 §3.3: the issuer in the metadata is identical to the configured one")
@pytest.mark.parametrize(
    "named", [None, "", ISSUER + "/", "https://login.example", "https://LOGIN.example/tenant", [ISSUER]]
)
def test_metadata_of_another_issuer_is_refused(named: object) -> None:
    with pytest.raises(IssuerUnavailable):
        read_metadata({"issuer": named, "jwks_uri": "https://login.example/jwks"}, ISSUER)


@pytest.mark.parametrize("member", ["jwks_uri", "introspection_endpoint"])
def test_metadata_with_an_endpoint_that_is_no_string_is_refused(member: str) -> None:
    with pytest.raises(IssuerUnavailable):
        read_metadata({"issuer": ISSUER, member: 1}, ISSUER)


@pytest.mark.requirement("security 45: https only, except on loopback")
@pytest.mark.parametrize(
    "url",
    [
        "http://login.example",
        "http://10.0.0.1",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "http://[::ffff:10.0.0.1]",
        "ftp://login.example",
        "file:///etc/passwd",
        "login.example",
        "https://",
        "https://user@login.example",
        "https://user:pass@login.example",
        "https://login.example/#fragment",
        "https://login.example/\nx",
        "https://login.example/ x",
        "https://login.éxample",
        "",
    ],
)
def test_a_url_that_is_not_https_is_not_fetched(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        require_url(url, plain_loopback=True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/x", "http://[::1]:8080", "http://localhost", "http://127.8.9.1"]
)
def test_plain_http_is_for_loopback_and_only_where_the_issuer_is_there_too(url: str) -> None:
    assert require_url(url, plain_loopback=True).scheme == "http"
    with pytest.raises(ValueError, match="https"):
        require_url(url, plain_loopback=False)


@pytest.mark.parametrize(
    "issuer", ["http://login.example", "https://login.example/?tenant=1", "https://login.example/?"]
)
def test_an_issuer_that_cannot_be_one_is_refused_at_once(issuer: str) -> None:
    with pytest.raises(ValueError, match=r"issuer|https"):
        AuthorizationServer(issuer)
