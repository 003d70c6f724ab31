"""The boundary: where rows become values. Columns that need a word of explanation get it here, once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import cast

from asyncpg import Record

from valetkey.core.authentication.factor import Factor, Method
from valetkey.core.authentication.result import Authentication
from valetkey.core.authentication.session import Session
from valetkey.core.authentication.user import User
from valetkey.core.client.client import AuthenticationMethod, Client, ClientSecret
from valetkey.core.client.metadata import FIELD, document_metadata
from valetkey.core.epoch import TokenEpochs
from valetkey.core.jose.keys import KeyState, PublicKey
from valetkey.core.oauth.consent import Consent
from valetkey.core.oauth.revocation import Revocation, RevocationKind, RevocationTarget
from valetkey.core.oauth.stored_authorization import GrantedAuthorization
from valetkey.core.oidc.claims.request import ClaimsRequest

_DEVICE_BOUND = " device_bound"
_AUTH_METHOD = FIELD["token_endpoint_auth_method"]
_ID_TOKEN_ALG = FIELD["id_token_signed_response_alg"]


def to_json(value: Mapping[str, object]) -> str:
    """The text that asyncpg takes for a jsonb parameter."""
    return json.dumps(value, ensure_ascii=False)


def floor_to_millisecond(moment: datetime) -> datetime:
    """The millisecond a moment lies in: the resolution in which revocations and tokens are compared."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def client_from(row: Record) -> Client:
    """A client with its secrets, the newest first; they come as ``secret_digests`` and ``secret_expiries``.

    Thousands of them are kept, so those that are registered alike share what is equal.
    """
    # Release 0.2 writes no document; what its columns have too is read there until the contract step.
    document: dict[str, object] = {} if row["metadata"] == "{}" else json.loads(row["metadata"])
    secrets = zip(row["secret_digests"] or (), row["secret_expiries"] or (), strict=True)
    return Client(
        client_id=row["client_id"],
        uid=row["uid"],
        client_name=row["client_name"],
        token_endpoint_auth_method=_method(row["token_endpoint_auth_method"], document),
        grant_types=_shared_set(*row["grant_types"]),
        redirect_uris=tuple(row["redirect_uris"]),
        post_logout_redirect_uris=tuple(row["post_logout_redirect_uris"]),
        scope=_shared(*row["scope"]),
        resources=_shared_set(*row["resources"]),
        resource=row["resource"],
        secrets=tuple(ClientSecret(digest, expires_at) for digest, expires_at in secrets),
        id_token_signed_response_alg=_ID_TOKEN_ALG.from_column(intern(row["id_token_signed_response_alg"]), document),
        default_max_age=row["default_max_age"],
        client_uri=row["client_uri"],
        policy_uri=row["policy_uri"],
        tos_uri=row["tos_uri"],
        enabled=row["enabled"],
        epoch=row["client_epoch"],
        installation_epoch=row["installation_epoch"],
        **document_metadata(document),
    )


def _method(column: str, document: Mapping[str, object]) -> AuthenticationMethod | None:
    name = _AUTH_METHOD.from_column(column, document)
    return None if name is None else AuthenticationMethod(name)


@lru_cache(1024)
def _shared(*values: str) -> tuple[str, ...]:
    return values


@lru_cache(1024)
def _shared_set(*values: str) -> frozenset[str]:
    return frozenset(values)


def user_from(row: Record) -> User:
    """A user. What other tables call the same comes as ``user_enabled``, ``user_claims`` and ``user_updated_at``.

    ``user_groups`` come from ``groups_of`` of migration 0006.
    """
    return User(
        subject=row["subject"],
        username=row["username"],
        email=row["email"],
        email_verified=row["email_verified"],
        enabled=row["user_enabled"],
        valid_since=row["valid_since"],
        updated_at=row["user_updated_at"],
        claims=cast("dict[str, object]", json.loads(claims)) if (claims := row["user_claims"]) != "{}" else {},
        epoch=row["user_epoch"],
        installation_epoch=row["installation_epoch"],
        groups=tuple(row["user_groups"]),
        given_sub=row["sub"],
    )


def session_from(row: Record) -> Session:
    """A session with its user."""
    kept = row["factors"]
    factors = (Factor(Method.PASSWORD, row["auth_time"]),) if kept is None else tuple(map(_factor, kept))
    return Session(row["session_id"], user_from(row), factors, row["is_kept"])


def factors_text(factors: Sequence[Factor]) -> list[str] | None:
    """The column ``factors`` of a session: None for a password alone, whose time is ``auth_time``."""
    if len(factors) == 1 and factors[0].method is Method.PASSWORD:
        return None
    return [
        f"{factor.method} {factor.at.isoformat()}{_DEVICE_BOUND if factor.is_device_bound else ''}"
        for factor in factors
    ]


def _factor(text: str) -> Factor:
    method, at, *more = text.split(" ")
    return Factor(Method(method), datetime.fromisoformat(at), bool(more))


def consent_from(row: Record, prefix: str = "") -> Consent:
    """What a user has agreed to; ``prefix`` is before the names of its columns, where others are called like them."""
    return Consent(*(frozenset(row[f"{prefix}{name}"]) for name in ("scope", "resources", "claims")))


def granted_authorization_from(row: Record) -> GrantedAuthorization:
    """An authorization with its user as he is now."""
    return GrantedAuthorization(
        authorization_id=row["id"],
        generation=row["generation"],
        epochs=TokenEpochs(row["installation_epoch"], row["client_epoch"], row["user_epoch"]),
        user=user_from(row),
        authentication=Authentication(
            row["subject"], row["auth_time"], row["acr"], tuple(row["amr"]), row["session_id"]
        ),
        scope=tuple(row["scope"]),
        resources=tuple(row["resources"]),
        claims=ClaimsRequest(userinfo=tuple(row["userinfo_claims"]), id_token=tuple(row["id_token_claims"])),
    )


def revocation_from(row: Record) -> Revocation:
    """A revocation."""
    target = RevocationTarget(RevocationKind(row["kind"]), row["target"])
    return Revocation(target, row["revoked_at"], row["expires_at"], row["epoch"])


def public_key_from(row: Record) -> PublicKey:
    """A signing key without its private part."""
    return PublicKey(
        kid=row["kid"],
        alg=row["alg"],
        state=KeyState(row["state"]),
        jwk=cast("dict[str, str]", json.loads(row["jwk"])),
        created_at=row["created_at"],
        activated_at=row["activated_at"],
        retired_at=row["retired_at"],
        retire_until=row["retire_until"],
    )
