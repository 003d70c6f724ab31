"""A client and a user that exist for one check."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from uuid import uuid4

from valetkey.cli import ending
from valetkey.cli.check.login import Account
from valetkey.cli.failure import NotFound
from valetkey.cli.issuer_client import Credentials
from valetkey.cli.operator_audit import audited
from valetkey.cli.output import say
from valetkey.cli.password import generate_password, hash_password
from valetkey.cli.registration import new_client
from valetkey.cli.store import Publish, Stores
from valetkey.core.authentication.user import User
from valetkey.core.client.authentication.authenticate import generate_secret, secret_digest
from valetkey.core.client.client import AuthenticationMethod, ClientSecret, GrantType
from valetkey.storage.postgres.tables.clients import Clients
from valetkey.storage.postgres.tables.users import Users

REDIRECT_URI = "http://127.0.0.1/valetkey-check"
SCOPE = ("openid", "profile", "offline_access")


@asynccontextmanager
async def temporary_account(stores: Stores) -> AsyncIterator[Account]:
    """Register a client and a user for the block; whatever happens in it, both are gone afterwards.

    Redis is asked before anything is made, so that what was made can be ended. Raises what stores raise.
    """
    name = f"check-{secrets.token_hex(6)}"
    async with AsyncExitStack() as stack:
        publish = await stack.enter_async_context(stores.revoking())
        secret, password = generate_secret(), generate_password()
        stack.push_async_callback(_remove_client, stores, name, publish)
        await _add_client(stores, name, secret)
        user = await _new_user(stores, name)
        stack.push_async_callback(_remove_user, stores, user, publish)
        with audited("user.created", subject=str(user.subject)):
            await Users(stores.database).create(user, hash_password(password, (name,), stores.settings))
        credentials = Credentials(name, AuthenticationMethod.BASIC, secret)
        yield Account(credentials, REDIRECT_URI, SCOPE, name, password)


async def _add_client(stores: Stores, client_id: str, secret: str) -> None:
    grants = {GrantType.AUTHORIZATION_CODE.value, GrantType.REFRESH_TOKEN.value}
    fields = {"client_name": "valetkey check", "redirect_uris": (REDIRECT_URI,), "scope": SCOPE, "grant_types": grants}
    client = replace(new_client(client_id, fields), secrets=(ClientSecret(secret_digest(secret)),))
    with audited("client.created", client_id=client_id):
        await Clients(stores.database).insert(client, stores.clock())


async def _new_user(stores: Stores, username: str) -> User:
    now = stores.clock()
    return User(
        subject=uuid4(),
        username=username,
        email=None,
        email_verified=False,
        enabled=True,
        valid_since=now,
        updated_at=now,
        claims={},
    )


async def _remove_client(stores: Stores, client_id: str, publish: Publish) -> None:
    try:
        with audited("client.deleted", client_id=client_id):
            await ending.delete_client(stores, client_id, publish)
    except NotFound:
        return
    except BaseException:
        say(f"The client {client_id} could not be removed: `valetkey client delete {client_id}` does.")
        raise


async def _remove_user(stores: Stores, user: User, publish: Publish) -> None:
    try:
        with audited("user.deleted", subject=str(user.subject)):
            await ending.delete_user(stores, user.subject, publish)
    except NotFound:
        return
    except BaseException:
        say(f"The user {user.username} could not be removed: `valetkey user delete {user.username}` does.")
        raise
