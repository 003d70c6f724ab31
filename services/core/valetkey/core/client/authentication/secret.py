"""``client_secret_basic`` and ``client_secret_post``: a secret in the header or in the form. RFC 6749 §2.3.1."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from valetkey.core.client.authentication.method import PresentedCredentials, bounded, is_printable
from valetkey.core.client.client import AuthenticationMethod, Client
from valetkey.core.encoding import b64url_encode
from valetkey.core.oauth.errors import InvalidClient

if TYPE_CHECKING:
    from datetime import datetime

SECRET_BYTES = 32
_AMBIGUOUS = frozenset("+%:")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNKNOWN_CLIENT = hashlib.sha256(secrets.token_bytes(SECRET_BYTES)).digest()


def is_spelled_one_way(secret: str) -> bool:
    """Whether clients that form-urlencode a secret for HTTP Basic and those that do not are told apart for sure."""
    return not _AMBIGUOUS.intersection(secret)


def generate_secret() -> str:
    """A new client secret of 256 bits, as base64url."""
    return b64url_encode(secrets.token_bytes(SECRET_BYTES))


def secret_digest(secret: str) -> bytes:
    """What is stored of a client secret. One SHA-256 suffices: the secrets are generated with 256 bits."""
    return hashlib.sha256(secret.encode()).digest()


class _Secret:
    def proves(self, presented: PresentedCredentials, client: Client | None, now: datetime) -> bool:
        """Whether it is one of the client's current secrets; an unknown client costs the same comparison."""
        digests, proven = [secret_digest(presented.secret or "")], False
        if presented.unencoded_secret is not None:
            digests.append(secret_digest(presented.unencoded_secret))
        current = [secret.digest for secret in client.secrets if secret.is_current(now)] if client else []
        for stored in current or [_UNKNOWN_CLIENT]:
            for digest in digests:
                proven |= hmac.compare_digest(stored, digest)
        return proven


class SecretInHeader(_Secret):
    """HTTP Basic, with both parts form-urlencoded, or as they are where that can be told. RFC 6749 §2.3.1.

    Many clients do not encode. A secret with ``+`` or ``%`` then has two readings, and either may be the right one. A
    ``client_id`` has none of these characters, and the first colon ends it.
    """

    name = AuthenticationMethod.BASIC
    parameter: str | None = None
    scheme: str | None = "basic"

    def present(self, client_id: str, value: str) -> PresentedCredentials:  # noqa: ARG002 - the header has its own
        """See ``Method``."""
        encoded = value.strip(" ")
        try:
            raw = binascii.a2b_base64(encoded, strict_mode=True)
            decoded = raw.decode("utf-8")
        except (binascii.Error, ValueError) as error:
            raise InvalidClient("the Basic header cannot be decoded") from error
        if binascii.b2a_base64(raw, newline=False).decode("ascii") != encoded:
            raise InvalidClient("the Basic header is not canonical Base64")
        named, colon, secret = decoded.partition(":")
        if not colon:
            raise InvalidClient("the Basic header has no colon")
        client, encoded_secret = _form_decode(named), _form_decode(secret)
        if client is None:
            raise InvalidClient("client_id in the Basic header is not form-urlencoded")
        if encoded_secret is None or not is_printable(encoded_secret):
            return bounded(client, self.name, secret)
        credentials = bounded(client, self.name, encoded_secret)
        return credentials if encoded_secret == secret else replace(credentials, unencoded_secret=secret)


class SecretInForm(_Secret):
    """``client_secret`` beside ``client_id``."""

    name = AuthenticationMethod.POST
    parameter: str | None = "client_secret"
    scheme: str | None = None

    def present(self, client_id: str, value: str) -> PresentedCredentials:
        """See ``Method``."""
        return bounded(client_id, self.name, value)


METHODS = (SecretInHeader(), SecretInForm())


def _form_decode(text: str) -> str | None:
    """The text that was form-urlencoded; None where this is no such form."""
    if "%" not in text and "+" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        return None
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        return None
