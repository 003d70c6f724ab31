"""Tokens as an independent resource server reads them: with PyJWT, the published keys and no code of the services."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import jwt

from support.rfc9068 import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.relying_party import RelyingParty


def header_of(token: str) -> dict[str, Any]:
    """The header, unverified."""
    return _part(token, 0)


def claims_of(token: str) -> dict[str, Any]:
    """The claims, unverified."""
    return _part(token, 1)


async def verified_claims(party: RelyingParty, token: str, *, alg: str, audience: str) -> dict[str, Any]:
    """The claims, if a published key for ``alg`` signed them for this audience."""
    header = header_of(token)
    (jwk,) = [key for key in (await party.get_json("/jwks")).body["keys"] if key["kid"] == header["kid"]]
    assert jwk["alg"] == header["alg"] == alg
    claims: dict[str, Any] = jwt.decode(
        token, jwt.PyJWK(jwk).key, algorithms=[alg], audience=audience, issuer=party.issuer
    )
    return claims


def altered(token: str, header: Mapping[str, Any] | None = None, claims: Mapping[str, Any] | None = None) -> str:
    """The token with other members in its header or claims, and its old signature."""
    _, _, signature = token.split(".")
    return (
        f"{encode(header_of(token) | dict(header or {}))}.{encode(claims_of(token) | dict(claims or {}))}.{signature}"
    )


def _part(token: str, index: int) -> dict[str, Any]:
    part = token.split(".")[index]
    document: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return document
