"""One sign-in under way: what is remembered between sending the browser away and its return."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from valetkey.demo.relying_party.config import RelyingPartyConfig


class LoginRefusedError(Exception):
    """The sign-in did not succeed; the message is for the person who tried."""


@dataclass(frozen=True, slots=True)
class Login:
    """Three unguessable values: one binds the browser, one the ID token, one the code. RFC 9700 §2.1."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    code_verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def code_challenge(self) -> str:
        """The S256 challenge of the verifier. RFC 7636 §4.2."""
        digest = hashlib.sha256(self.code_verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def parameters(self, config: RelyingPartyConfig) -> tuple[tuple[str, str], ...]:
        """The authorization request. OAuth 2.1 §4.1.1, OIDC Core §3.1.2.1."""
        return (
            ("response_type", "code"),
            ("client_id", config.client_id),
            ("redirect_uri", config.redirect_uri),
            ("scope", config.scope),
            ("state", self.state),
            ("nonce", self.nonce),
            ("code_challenge", self.code_challenge),
            ("code_challenge_method", "S256"),
        )

    def require_code(self, answer: Mapping[str, str], issuer: str) -> str:
        """The code, once ``state`` and ``iss`` are what they must be. OAuth 2.1 §4.1.2, RFC 9207 §2.4.

        Raises ``LoginRefusedError``.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), self.state.encode()):
            raise LoginRefusedError("The answer carries another state than the one sent, so it was ignored.")
        if answer.get("iss") != issuer:
            raise LoginRefusedError("The answer does not come from the issuer that was asked, so it was ignored.")
        if "error" in answer:
            raise LoginRefusedError(_refusal(answer["error"]))
        if not answer.get("code"):
            raise LoginRefusedError("The answer carries no code.")
        return answer["code"]


def with_query(endpoint: str, parameters: tuple[tuple[str, str], ...]) -> str:
    """The address a browser is sent to."""
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"


def _refusal(error: str) -> str:
    if error == "access_denied":
        return "You said no, so there are no tokens (error access_denied)."
    # An incoming error is untrusted text: only what looks like a registered code is repeated.
    code = error if error.isascii() and error.replace("_", "").isalpha() and len(error) <= 40 else "unknown"  # noqa: PLR2004
    return f"The issuer refused (error {code})."
