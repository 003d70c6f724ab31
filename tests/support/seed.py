"""Clients and users as tests need them: whole, plain, and different where the test says so."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from argon2 import PasswordHasher

from valetkey.core.authentication.factor import Factor, Method
from valetkey.core.authentication.result import Authentication
from valetkey.core.authentication.session import Session
from valetkey.core.authentication.user import User
from valetkey.core.client.authentication.secret import secret_digest
from valetkey.core.client.client import AuthenticationMethod, Client, ClientSecret, GrantType
from valetkey.core.epoch import GrantEpochs
from valetkey.core.oauth.scope import EMAIL, OFFLINE_ACCESS, OPENID, PROFILE
from valetkey.core.oauth.stored_authorization import NewAuthorization
from valetkey.core.oidc.claims.request import NO_CLAIMS, ClaimsRequest

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
SCOPE = (OPENID, PROFILE, EMAIL, OFFLINE_ACCESS)

# The cheapest parameters that argon2id allows: what is tested is not how long a hash takes.
_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def make_client(client_id: str = "web", *, secret: str | None = "s" * 43, **changes: Any) -> Client:  # noqa: ANN401
    """A client for the code flow; confidential with one secret, or public where ``secret`` is None."""
    method = AuthenticationMethod.NONE if secret is None else AuthenticationMethod.BASIC
    metadata: dict[str, Any] = {
        "client_id": client_id,
        "uid": uuid4(),
        "client_name": f"The client {client_id}",
        "token_endpoint_auth_method": method,
        "grant_types": frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN}),
        "redirect_uris": (f"https://{client_id}.example/callback",),
        "post_logout_redirect_uris": (f"https://{client_id}.example/",),
        "scope": SCOPE,
        "secrets": () if secret is None else (ClientSecret(secret_digest(secret)),),
    }
    return Client(**metadata | changes)


def make_resource_server(resource: str = "https://api.example", **changes: Any) -> Client:  # noqa: ANN401
    """A client that is an API: it introspects the tokens made for ``resource``."""
    metadata: dict[str, Any] = {
        "client_id": "api",
        "secret": "r" * 43,
        "grant_types": frozenset[str](),
        "redirect_uris": (),
        "post_logout_redirect_uris": (),
        "scope": (),
        "resource": resource,
    }
    return make_client(**metadata | changes)


def make_user(username: str = "ada", *, claims: Mapping[str, object] | None = None, **changes: Any) -> User:  # noqa: ANN401
    """A user who has been there for long, with an e-mail address at example.org."""
    attributes: dict[str, Any] = {
        "subject": uuid4(),
        "username": username,
        "email": f"{username}@example.org",
        "email_verified": True,
        "enabled": True,
        "valid_since": LONG_AGO,
        "updated_at": LONG_AGO,
        "claims": {"name": username.capitalize()} if claims is None else claims,
    }
    return User(**attributes | changes)


def password_hash(password: str = PASSWORD) -> str:
    """The argon2id hash of a password, cheaply made."""
    return _HASHER.hash(password)


def make_session(user: User, auth_time: datetime, session_id: UUID | None = None) -> Session:
    """A login with a password."""
    return Session(session_id or uuid4(), user, (Factor(Method.PASSWORD, auth_time),))


def make_authorization(client: Client, session: Session, now: datetime, **changes: Any) -> NewAuthorization:  # noqa: ANN401
    """What the redemption of a code stores ``now``; bound to the session unless the test says otherwise.

    The code was made with the epochs of ``client`` and of the session's user, and that of a consent never withdrawn.
    """
    user = session.user
    claims: ClaimsRequest = NO_CLAIMS
    attributes: dict[str, Any] = {
        "authorization_id": uuid4(),
        "client_uid": client.uid,
        "authentication": Authentication(
            session.user.subject,
            session.strength.auth_time,
            session.strength.acr,
            session.strength.amr,
            session.session_id,
        ),
        "scope": (OPENID, PROFILE),
        "resources": (),
        "claims": claims,
        "bound_to_session": True,
        "agreed_at": now,
        "issued_at": now,
        "expires_at": now + timedelta(days=90),
        "idle_seconds": 14 * 86400,
        "epochs": GrantEpochs(client.installation_epoch, client.epoch, user.epoch, consent=0),
    }
    return NewAuthorization(**attributes | changes)
