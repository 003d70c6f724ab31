"""Client authentication: which method was used, and does it hold. OAuth 2.1 §2.4, RFC 6749 §2.3."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from valetkey.core.client.client import AuthenticationMethod, Client
from valetkey.core.encoding import b64url_encode
from valetkey.core.oauth.errors import InvalidClient, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from valetkey.core.oauth.params import Params

MAX_CLIENT_ID_LENGTH = 256
MAX_SECRET_LENGTH = 512
SECRET_BYTES = 32
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PRINTABLE = re.compile(r"[\x20-\x7e]+")  # RFC 6749 Appendix A.1, A.2: VSCHAR
_NOBODYS_DIGEST = hashlib.sha256(secrets.token_bytes(SECRET_BYTES)).digest()


@dataclass(frozen=True, slots=True)
class PresentedCredentials:
    """What a request offered to authenticate its client with. The secret never prints."""

    client_id: str
    method: AuthenticationMethod
    secret: str | None = field(default=None, repr=False)


def generate_secret() -> str:
    """A new client secret of 256 bits, as base64url."""
    return b64url_encode(secrets.token_bytes(SECRET_BYTES))


def secret_digest(secret: str) -> bytes:
    """What is stored of a client secret. One SHA-256 suffices: the secrets are generated with 256 bits."""
    return hashlib.sha256(secret.encode()).digest()


def presented_credentials(authorization: Sequence[str], params: Params) -> PresentedCredentials:
    """The one method a request uses; ``authorization`` holds the values of every Authorization header sent.

    Raises ``InvalidRequest`` for two methods at once or none that names a client, ``InvalidClient`` for a header that
    cannot be read. RFC 6749 §2.3.
    """
    client_id, secret = params.get("client_id"), params.get("client_secret")
    if "client_assertion" in params or "client_assertion_type" in params:
        raise InvalidClient("client assertions are not accepted")
    if len(authorization) > 1:
        raise InvalidRequest("several Authorization headers")
    if authorization:
        if secret is not None:
            raise InvalidRequest("client authenticated in the header and in the body")
        basic = _decode_basic(authorization[0])
        if client_id is not None and client_id != basic.client_id:
            raise InvalidRequest("client_id differs between the header and the body")
        return basic
    if client_id is None:
        if secret is not None:
            raise InvalidRequest("client_secret without client_id")
        raise InvalidClient("no client authentication")
    method = AuthenticationMethod.NONE if secret is None else AuthenticationMethod.POST
    return _bounded(client_id, method, secret)


def _decode_basic(header: str) -> PresentedCredentials:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("the Authorization header is not Basic")
    encoded = encoded.strip(" ")
    try:
        raw = binascii.a2b_base64(encoded, strict_mode=True)
        decoded = raw.decode("utf-8")
    except (binascii.Error, ValueError) as error:
        raise InvalidClient("the Basic header cannot be decoded") from error
    if binascii.b2a_base64(raw, newline=False).decode("ascii") != encoded:
        raise InvalidClient("the Basic header is not canonical Base64")
    client_id, colon, secret = decoded.partition(":")
    if not colon:
        raise InvalidClient("the Basic header has no colon")
    # RFC 6749 §2.3.1: both parts are form-urlencoded before they are joined.
    return _bounded(_form_decode(client_id), AuthenticationMethod.BASIC, _form_decode(secret))


def _form_decode(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise InvalidClient("the Basic header is not form-urlencoded")
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidClient("the Basic header is not UTF-8") from error


def _bounded(client_id: str, method: AuthenticationMethod, secret: str | None) -> PresentedCredentials:
    if len(client_id) > MAX_CLIENT_ID_LENGTH or not _PRINTABLE.fullmatch(client_id):
        raise InvalidClient("client_id breaks the grammar")
    if secret is not None and (len(secret) > MAX_SECRET_LENGTH or not _PRINTABLE.fullmatch(secret)):
        raise InvalidClient("client_secret breaks the grammar")
    return PresentedCredentials(client_id, method, secret)


def authenticate_client(presented: PresentedCredentials, client: Client | None, now: datetime) -> Client:
    """The client, if it used the method it is registered for and a current secret; otherwise ``InvalidClient``.

    An unknown client costs the same comparison as a known one. ``client_id`` alone does not authenticate; it identifies
    a public client. RFC 6749 §2.3, §3.2.1.
    """
    proven = presented.secret is None
    if presented.secret is not None:
        digest = secret_digest(presented.secret)
        current = tuple(secret.digest for secret in client.secrets if secret.is_current(now)) if client else ()
        for stored in current or (_NOBODYS_DIGEST,):
            proven |= hmac.compare_digest(stored, digest)
    if client is None:
        raise InvalidClient("unknown client")
    if not client.enabled:
        raise InvalidClient("client is disabled")
    if presented.method is not client.token_endpoint_auth_method:
        raise InvalidClient(f"client used {presented.method}, registered for {client.token_endpoint_auth_method}")
    if not proven:
        raise InvalidClient("wrong or expired secret")
    return client


def require_confidential(client: Client) -> None:
    """Raise ``InvalidClient`` for a client that only named itself. RFC 7662 §2.1, OAuth 2.1 §4.2."""
    if client.is_public:
        raise InvalidClient("a public client cannot authenticate")
