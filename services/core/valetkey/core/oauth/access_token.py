"""JWT access tokens. RFC 9068."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from valetkey.core.client.client import AccessTokenTyp
from valetkey.core.encoding import b64url_decode, b64url_encode
from valetkey.core.epoch import TokenEpochs
from valetkey.core.jose.verify_own import verify_typed
from valetkey.core.oauth.errors import InvalidToken
from valetkey.core.oauth.scope import Scope, format_scope, parse_scope
from valetkey.core.oidc.claims.release import access_token_user_claims

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valetkey.core.jose.verify_own import KeySet
    from valetkey.core.oauth.authorization import Authorization

TYP = AccessTokenTyp.AT_JWT
# A private claim (RFC 8725 §3.12) of access tokens whose ``typ`` is that of ID tokens, which never have it.
TOKEN_USE, ACCESS = "token_use", "access"
_TYPES = frozenset(AccessTokenTyp)
# A private claim (RFC 7519 §4.3): epochs of the installation, the client and, where there is one, the user. Not in the
# ``jti``, which release 0.1.0 reads to the last byte.
EPOCHS = "epochs"
_MACHINE_EPOCHS, _USER_EPOCHS = 2, 3
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID_BYTES, _TIME_BYTES, _SERIAL_BYTES = 16, 6, 6


class TokenId(NamedTuple):
    """A ``jti``: the authorization the token belongs to, the millisecond it was issued in, and a serial.

    The exact time is what release 0.1.0 compares with endings; this release compares ``EPOCHS``.
    """

    authorization_id: UUID
    issued_at: datetime
    serial: bytes

    @classmethod
    def generate(cls, authorization_id: UUID, now: datetime) -> TokenId:
        """A new identifier, never seen before."""
        return cls(authorization_id, now, os.urandom(_SERIAL_BYTES))

    @classmethod
    def parse(cls, jti: str) -> TokenId:
        """Read a ``jti`` of ours; ``InvalidToken`` if it is not one."""
        try:
            data = b64url_decode(jti)
        except ValueError as error:
            raise InvalidToken("jti is not ours") from error
        if len(data) != _ID_BYTES + _TIME_BYTES + _SERIAL_BYTES:
            raise InvalidToken("jti is not ours")
        milliseconds = int.from_bytes(data[_ID_BYTES:-_SERIAL_BYTES], "big")
        try:
            issued_at = _EPOCH + milliseconds * _MILLISECOND
        except OverflowError as error:
            raise InvalidToken("jti is not ours") from error
        return cls(UUID(bytes=data[:_ID_BYTES]), issued_at, data[-_SERIAL_BYTES:])

    def __str__(self) -> str:
        milliseconds = (self.issued_at - _EPOCH) // _MILLISECOND
        return b64url_encode(self.authorization_id.bytes + milliseconds.to_bytes(_TIME_BYTES, "big") + self.serial)


def access_token_claims(
    authorization: Authorization,
    token_id: TokenId,
    *,
    issuer: str,
    lifetime: timedelta,
) -> dict[str, object]:
    """The claims of an access token. RFC 9068 §2.2. A single audience is a string, several are a list.

    What the protocol says wins over what the client's policy says.
    """
    issued_at = int(token_id.issued_at.timestamp())
    audience = authorization.audience(issuer)
    claims = access_token_user_claims(authorization)
    claims |= {
        "iss": issuer,
        "sub": authorization.subject,
        "aud": audience[0] if len(audience) == 1 else list(audience),
        "client_id": authorization.client.client_id,
        "exp": issued_at + int(lifetime.total_seconds()),
        "iat": issued_at,
        "jti": str(token_id),
        "scope": format_scope(authorization.scope),
        EPOCHS: [epoch for epoch in authorization.epochs if epoch is not None],
    }
    if authorization.authentication is not None:
        login = authorization.authentication
        claims["auth_time"] = int(login.auth_time.timestamp())
        claims["acr"] = login.acr
        claims["amr"] = list(login.amr)
    if authorization.access_token_typ is not TYP:
        claims[TOKEN_USE] = ACCESS
    if authorization.claims.userinfo:
        claims["userinfo_claims"] = list(authorization.claims.userinfo)
    return claims


def verify_access_token(token: str, key_set: KeySet) -> dict[str, object]:
    """The claims of an access token that one of our keys signed, of either ``typ``; else ``InvalidToken``. RFC 9068 §4.

    Says nothing about time, audience or revocation.
    """
    typ, claims = verify_typed(token, key_set, _TYPES)
    if typ != TYP and claims.get(TOKEN_USE) != ACCESS:
        raise InvalidToken("an ID token is no access token")
    return claims


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token of ours whose signature has been checked. Times are UTC.

    ``has_user``: a login left an ``auth_time``. RFC 9068 §5: a client's identifier may read like a user's.
    ``epochs`` are None in what release 0.1.0 made.
    """

    token_id: TokenId
    subject: str
    client_id: str
    audience: frozenset[str]
    scope: Scope
    expires_at: datetime
    userinfo_claims: tuple[str, ...]
    has_user: bool
    epochs: TokenEpochs | None = None

    @classmethod
    def from_claims(cls, claims: Mapping[str, object]) -> AccessToken:
        """Read the claims of a token that we signed; ``InvalidToken`` where they are not what we write.

        Thousands of them are kept, so those that are alike share what is equal.
        """
        audience, expires_at = claims.get("aud"), claims.get("exp")
        extra = claims.get("userinfo_claims", [])
        listed = [audience] if isinstance(audience, str) else audience
        if not isinstance(listed, list) or not isinstance(expires_at, int) or not isinstance(extra, list):
            raise InvalidToken("access token claims are not ours")
        return cls(
            token_id=TokenId.parse(_text(claims, "jti")),
            subject=_text(claims, "sub"),
            client_id=_text(claims, "client_id"),
            audience=_audience(*map(str, listed)),
            scope=_scope(_text(claims, "scope")),
            expires_at=datetime.fromtimestamp(expires_at, UTC),
            userinfo_claims=tuple(str(name) for name in extra),
            has_user="auth_time" in claims,
            epochs=_epochs(claims),
        )


@lru_cache(256)
def _audience(*values: str) -> frozenset[str]:
    return frozenset(values)


@lru_cache(256)
def _scope(text: str) -> Scope:
    return parse_scope(text or None)


def _epochs(claims: Mapping[str, object]) -> TokenEpochs | None:
    listed = claims.get(EPOCHS)
    if listed is None:
        return None
    if not isinstance(listed, list) or len(listed) != (_USER_EPOCHS if "auth_time" in claims else _MACHINE_EPOCHS):
        raise InvalidToken("epochs are not ours")
    if not all(type(epoch) is int for epoch in listed):
        raise InvalidToken("epochs are not ours")
    return _shared_epochs(*listed)


@lru_cache(256)
def _shared_epochs(*epochs: int) -> TokenEpochs:
    return TokenEpochs(*epochs)


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise InvalidToken(f"access token has no {name}")
    return value
