"""The account page as a client of our own, so that its logins go the way of all others.

It is registered nowhere: nothing at /authorize or /token knows it, no registered name can be its own, and what it is
answered with is an address of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from valetkey.core.client.client import Client, ConsentPolicy, GrantType
from valetkey.core.message import Message
from valetkey.core.oauth.scope import OPENID
from valetkey.core.routes import (
    ACCOUNT,
    ACCOUNT_DELETE,
    ACCOUNT_EMAIL,
    ACCOUNT_EXPORT,
    ACCOUNT_PASSKEY,
    ACCOUNT_PASSWORD,
    ACCOUNT_PROFILE,
    ACCOUNT_TOTP,
)

if TYPE_CHECKING:
    from valetkey.core.routes import Route
    from valetkey.runtime.settings.settings import Settings

PAGES = (
    *(ACCOUNT, ACCOUNT_PASSWORD, ACCOUNT_TOTP, ACCOUNT_PASSKEY),
    *(ACCOUNT_PROFILE, ACCOUNT_EMAIL, ACCOUNT_EXPORT, ACCOUNT_DELETE),
)
# Says that a change, which the login has interrupted, is to be made once more.
AGAIN = f"{ACCOUNT.path}?news=again"
# A colon is in no ``client_id`` that can be registered.
CLIENT_ID = "valetkey:account"
UID = UUID(int=0)


def account_client(settings: Settings, routes: tuple[Route, ...]) -> Client:
    """What asks for the login; its redirect URIs are the pages of the account."""
    return Client(
        client_id=CLIENT_ID,
        uid=UID,
        client_name=Message("%(name)s account", name=settings.theme_name),
        token_endpoint_auth_method=None,
        grant_types=frozenset({GrantType.AUTHORIZATION_CODE}),
        redirect_uris=(f"{settings.issuer}{AGAIN}", *(f"{settings.issuer}{route.path}" for route in routes)),
        scope=(OPENID,),
        consent=ConsentPolicy.TRUSTED,
    )
