"""What an installation decides once for all of its clients."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InstallationRules:
    """``pkce_exceptions``: whether the registration of a confidential client may let it off PKCE.

    ``id_token_alg``: what signs ID tokens for clients that have registered none. OIDC Registration §2.
    """

    pkce_exceptions: bool = True
    id_token_alg: str = "RS256"  # noqa: S105 - an algorithm, not a secret


USUAL_RULES = InstallationRules()
