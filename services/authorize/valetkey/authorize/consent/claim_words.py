"""The standard claims in the words of the consent page. OIDC Core §5.1."""

from __future__ import annotations

from valetkey.core.oidc.claims.registry import CLAIMS

_OF_THE_LOGIN = {
    "sub": "Your account identifier",
    "auth_time": "When you last signed in",
    "acr": "How strongly you signed in",
    "amr": "The ways in which you signed in",
}
_WORDS = {claim.name: claim.words for claim in CLAIMS} | _OF_THE_LOGIN


def claim_words(name: str) -> str:
    """What a user reads for a claim that was requested by itself. OIDC Core §5.5."""
    return _WORDS.get(name, f"Your “{name}”")
