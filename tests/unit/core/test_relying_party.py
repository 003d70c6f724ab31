"""Whom passkeys are for: the issuer's host or a domain it is in, and one origin."""

import pytest

from valetkey.core.authentication.relying_party import RelyingParty, RelyingPartyError, is_domain, relying_party


@pytest.mark.requirement("WebAuthn §13.4.9: the origin is the issuer's")
@pytest.mark.parametrize(
    ("origin", "rp_id"),
    [
        ("https://id.example.com", "id.example.com"),
        ("https://id.example.com:8443", "id.example.com"),
        ("http://localhost:8080", "localhost"),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_the_relying_party_is_the_issuer(origin: str, rp_id: str) -> None:
    assert relying_party(origin) == RelyingParty(rp_id, origin)


@pytest.mark.parametrize("rp_id", ["id.eu.example.com", "eu.example.com", "example.com"])
def test_it_may_be_a_domain_that_the_issuer_is_in(rp_id: str) -> None:
    assert relying_party("https://id.eu.example.com", rp_id) == RelyingParty(rp_id, "https://id.eu.example.com")


@pytest.mark.requirement("WebAuthn §5.1.3: the RP ID is the host or a domain with it, by whole labels")
@pytest.mark.parametrize(
    "rp_id",
    [
        "com",
        "ample.com",
        "xample.com",
        "other.com",
        "login.id.example.com",
        "badexample.com",
        ".example.com",
        "example.com.",
        "EXAMPLE.com",
        "id.example.com:443",
        "https://example.com",
        "0.1",
    ],
)
def test_nothing_else_is_an_rp_id(rp_id: str) -> None:
    with pytest.raises(RelyingPartyError, match=r"must be the issuer's host id\.example\.com"):
        relying_party("https://id.example.com", rp_id)


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:8080", "http://[::1]:8080", "https://10.0.0.1"])
def test_an_address_has_no_passkeys(issuer: str) -> None:
    with pytest.raises(RelyingPartyError, match="use a host name"):
        relying_party(issuer)


def test_a_domain_of_an_address_is_none() -> None:
    assert not is_domain("127.0.0.1")
    assert not is_domain("")
    assert is_domain("localhost")
