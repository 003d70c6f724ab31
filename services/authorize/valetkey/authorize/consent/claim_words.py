"""The standard claims in the words of the consent page. OIDC Core §5.1."""

from __future__ import annotations

from valetkey.core.message import Message
from valetkey.core.oidc.claims.registry import CLAIMS

_OF_THE_LOGIN = {
    "sub": Message("Your account identifier"),
    "auth_time": Message("When you last signed in"),
    "acr": Message("How strongly you signed in"),
    "amr": Message("The ways in which you signed in"),
}
_WORDS = {claim.name: claim.words for claim in CLAIMS} | _OF_THE_LOGIN


def claim_words(name: str) -> str:
    """What a user reads for a claim that was requested by itself. OIDC Core §5.5."""
    return _WORDS.get(name) or Message("Your “%(name)s”", name=name)
