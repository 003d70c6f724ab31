"""What the application was given when it was registered with the issuer."""

from __future__ import annotations

from dataclasses import dataclass, field

from yarl import URL


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingPartyConfig:
    """The client's own registration, and where it and the API live. URLs of ours have no trailing slash."""

    base_url: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str
    api_url: str

    @property
    def redirect_uri(self) -> str:
        """Where the issuer sends the browser back to. OAuth 2.1 §2.3."""
        return f"{self.base_url}/callback"

    @property
    def post_logout_redirect_uri(self) -> str:
        """Where the issuer sends the browser after a logout. OIDC RP-Initiated Logout §3.1."""
        return f"{self.base_url}/signed-out"

    @property
    def issuer_origin(self) -> str:
        """Scheme, host and port of the issuer. RFC 6454 §6.2."""
        return str(URL(self.issuer).origin())

    @property
    def host(self) -> str:
        """What a request to this application has in ``Host``."""
        return URL(self.base_url).authority
