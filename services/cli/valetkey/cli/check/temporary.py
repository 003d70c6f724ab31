"""A client and a user that exist for one check."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from valetkey.administration.clients import NewClient, delete_client, register_client
from valetkey.administration.errors import NotFound
from valetkey.administration.installation import Installation, Publish
from valetkey.administration.passwords import generate_password
from valetkey.administration.registration import new_client
from valetkey.administration.users import create_user, delete_user, new_user, password_hash_for
from valetkey.cli.check.login import Account
from valetkey.cli.credentials import Credentials
from valetkey.cli.output import say
from valetkey.core.authentication.user import User
from valetkey.core.client.authentication.secret import generate_secret, secret_digest
from valetkey.core.client.client import AuthenticationMethod, ClientSecret, GrantType

REDIRECT_URI = "http://127.0.0.1/valetkey-check"
SCOPE = ("openid", "profile", "offline_access")


@asynccontextmanager
async def temporary_account(installation: Installation) -> AsyncIterator[Account]:
    """Register a client and a user for the block; whatever happens in it, both are gone afterwards.

    Redis is asked before anything is made, so that what was made can be ended. Raises what stores raise.
    """
    name = f"check-{secrets.token_hex(6)}"
    async with AsyncExitStack() as stack:
        publish = await stack.enter_async_context(installation.revoking())
        secret, password = generate_secret(), generate_password()
        stack.push_async_callback(_remove_client, installation, name, publish)
        await register_client(installation, _new_client(name, secret))
        user = new_user(installation, name)
        stack.push_async_callback(_remove_user, installation, user, publish)
        await create_user(installation, user, password_hash_for(installation, user, password))
        credentials = Credentials(name, AuthenticationMethod.BASIC, secret)
        yield Account(credentials, REDIRECT_URI, SCOPE, name, password)


def _new_client(client_id: str, secret: str) -> NewClient:
    grants = {GrantType.AUTHORIZATION_CODE.value, GrantType.REFRESH_TOKEN.value}
    fields = {"client_name": "valetkey check", "redirect_uris": (REDIRECT_URI,), "scope": SCOPE, "grant_types": grants}
    return NewClient(replace(new_client(client_id, fields), secrets=(ClientSecret(secret_digest(secret)),)), secret)


async def _remove_client(installation: Installation, client_id: str, publish: Publish) -> None:
    try:
        await delete_client(installation, client_id, publish)
    except NotFound:
        return
    except BaseException:
        say(f"The client {client_id} could not be removed: `valetkey client delete {client_id}` does.")
        raise


async def _remove_user(installation: Installation, user: User, publish: Publish) -> None:
    try:
        await delete_user(installation, user.subject, publish)
    except NotFound:
        return
    except BaseException:
        say(f"The user {user.username} could not be removed: `valetkey user delete {user.username}` does.")
        raise
