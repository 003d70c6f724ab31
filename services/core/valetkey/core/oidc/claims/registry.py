"""The table of claims about the user: one row per claim. OIDC Core §5.1, §5.4.

Derived from it: what scopes open, what the ``claims`` parameter, ID tokens and UserInfo know, what discovery says, what
operators may set and how it is checked, and the words of the consent page. ``table.py`` adds custom attributes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.core.message import Message
from valetkey.core.oauth.scope import ADDRESS, EMAIL, GROUPS, PHONE, PROFILE
from valetkey.core.oidc.claims import check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from valetkey.core.authentication.user import User


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim, the scope that opens it, and what the consent page says where it is requested by itself.

    ``check`` says how a value is to be written, None for a good one. ``column`` gives the value where it is not one of
    the user's attributes, and None where the user has none; operators do not set it as an attribute. ``attribute`` is
    the name of the attribute where that is not the claim's. ``is_list`` where every value is a list of texts.
    ``is_editable`` where an installation may leave it to its users, because it proves nothing and is a text.
    """

    name: str
    scope: str
    words: str
    check: Callable[[object], str | None] = check.text
    column: Callable[[User], object] | None = None
    attribute: str = ""
    is_list: bool = False
    is_editable: bool = False

    @property
    def attribute_name(self) -> str:
        """What operators set."""
        return self.attribute or self.name

    def value(self, user: User) -> object:
        """The value for this user, None where there is none."""
        return user.claims.get(self.attribute or self.name) if self.column is None else self.column(user)


CLAIMS: tuple[Claim, ...] = (
    Claim("name", PROFILE, Message("Your full name"), is_editable=True),
    Claim("given_name", PROFILE, Message("Your given name"), is_editable=True),
    Claim("family_name", PROFILE, Message("Your family name"), is_editable=True),
    Claim("middle_name", PROFILE, Message("Your middle name"), is_editable=True),
    Claim("nickname", PROFILE, Message("Your nickname"), is_editable=True),
    Claim("preferred_username", PROFILE, Message("Your user name"), column=lambda user: user.username),
    Claim("profile", PROFILE, Message("The address of your profile page"), check.web_address, is_editable=True),
    Claim("picture", PROFILE, Message("Your profile picture"), check.web_address, is_editable=True),
    Claim("website", PROFILE, Message("The address of your website"), check.web_address, is_editable=True),
    Claim("gender", PROFILE, Message("Your gender"), is_editable=True),
    Claim("birthdate", PROFILE, Message("Your date of birth"), check.birthdate, is_editable=True),
    Claim("zoneinfo", PROFILE, Message("Your time zone"), check.zoneinfo, is_editable=True),
    Claim("locale", PROFILE, Message("Your language and region"), check.locale, is_editable=True),
    Claim(
        "updated_at",
        PROFILE,
        Message("When your details were last changed"),
        column=lambda user: int(user.updated_at.timestamp()),
    ),
    Claim("email", EMAIL, Message("Your e-mail address"), check.email, lambda user: user.email),
    Claim(
        "email_verified",
        EMAIL,
        Message("Whether your e-mail address has been verified"),
        check.flag,
        lambda user: None if user.email is None else user.email_verified,
    ),
    Claim("address", ADDRESS, Message("Your postal address"), check.address),
    Claim("phone_number", PHONE, Message("Your phone number"), check.phone_number),
    Claim("phone_number_verified", PHONE, Message("Whether your phone number has been verified"), check.flag),
    # No standard claim. Clients of platform teams read a JSON array of strings, also where there is one.
    Claim(
        "groups",
        GROUPS,
        Message("The groups you belong to"),
        column=lambda user: list(user.groups) or None,
        is_list=True,
    ),
)
CLAIM: Mapping[str, Claim] = {claim.name: claim for claim in CLAIMS}
EDITABLE_CLAIMS = tuple(claim.name for claim in CLAIMS if claim.is_editable)


def parse_attribute(claim: Claim, text: str) -> object:
    """A value as an operator types it, as it is stored. Raises ``ValueError``, which says what to write.

    Texts are typed as they are, true and false and objects as JSON has them.
    """
    problem = claim.check
    if problem(text) is None:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    if (words := problem(value)) is not None or isinstance(value, str):
        raise ValueError(f"{claim.attribute_name}: {words or problem(text)}")
    return value
