"""Claims about the user: which scope opens which, and what may never be overridden. OIDC Core §5.1, §5.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.core.oauth.scope import EMAIL, PROFILE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.scope import Scope

PROFILE_CLAIMS = frozenset(
    {
        "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
        "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    },
)  # fmt: skip
EMAIL_CLAIMS = frozenset({"email", "email_verified"})
USER_CLAIMS = PROFILE_CLAIMS | EMAIL_CLAIMS

# These come from columns of their own; a user's free attributes cannot set them.
_OWN = frozenset({"preferred_username", "updated_at"}) | EMAIL_CLAIMS
ATTRIBUTE_CLAIMS = PROFILE_CLAIMS - _OWN


def user_claims(user: User, names: Iterable[str]) -> dict[str, object]:
    """The values of these claims, without those the user has none for. Reserved claims cannot be reached from here."""
    wanted = sorted(set(names))
    if not wanted:
        return {}
    known: dict[str, object] = {name: value for name, value in user.claims.items() if name in ATTRIBUTE_CLAIMS}
    known["preferred_username"] = user.username
    known["updated_at"] = int(user.updated_at.timestamp())
    if user.email is not None:
        known["email"] = user.email
        known["email_verified"] = user.email_verified
    return {name: known[name] for name in wanted if name in known}


def claims_of_scope(scope: Scope) -> frozenset[str]:
    """The claims that ``profile`` and ``email`` open at the UserInfo endpoint. OIDC Core §5.4."""
    return (PROFILE_CLAIMS if PROFILE in scope else frozenset()) | (EMAIL_CLAIMS if EMAIL in scope else frozenset())


def userinfo_claims(user: User, scope: Scope, requested: Iterable[str]) -> dict[str, object]:
    """The UserInfo response. OIDC Core §5.3.2."""
    return user_claims(user, claims_of_scope(scope) | frozenset(requested)) | {"sub": str(user.subject)}
