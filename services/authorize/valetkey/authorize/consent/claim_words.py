"""The standard claims in the words of the consent page. OIDC Core §5.1."""

from __future__ import annotations

_WORDS = {
    "name": "Your full name",
    "given_name": "Your given name",
    "family_name": "Your family name",
    "middle_name": "Your middle name",
    "nickname": "Your nickname",
    "preferred_username": "Your user name",
    "profile": "The address of your profile page",
    "picture": "Your profile picture",
    "website": "The address of your website",
    "email": "Your e-mail address",
    "email_verified": "Whether your e-mail address has been verified",
    "gender": "Your gender",
    "birthdate": "Your date of birth",
    "zoneinfo": "Your time zone",
    "locale": "Your language and region",
    "phone_number": "Your phone number",
    "phone_number_verified": "Whether your phone number has been verified",
    "address": "Your postal address",
    "updated_at": "When your details were last changed",
    "sub": "Your account identifier",
    "auth_time": "When you last signed in",
    "acr": "How strongly you signed in",
    "amr": "The ways in which you signed in",
}


def claim_words(name: str) -> str:
    """What a user reads for a claim that was requested by itself. OIDC Core §5.5."""
    return _WORDS.get(name, f"Your “{name}”")
