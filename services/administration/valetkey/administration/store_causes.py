"""Why a store did not answer, and what an operator does about it."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
from redis import exceptions

from valetkey.runtime.telemetry.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from valetkey.core.oauth.errors import TemporarilyUnavailable

_POSTGRES = "VALETKEY_POSTGRES_DSN"
_REDIS = "VALETKEY_REDIS_URL"
_NO_SUCH_DATABASE = "DB index is out of range"


@dataclass(frozen=True, slots=True)
class Cause:
    """``is_setting``: trying again helps nothing until a setting is another."""

    detail: str
    next_step: str
    is_setting: bool = False


def cause_of(error: TemporarilyUnavailable) -> Cause:
    """What was the matter, in a sentence without secrets, and what to do next."""
    for each in _chain(error):
        if (cause := _postgres_cause(each) or _redis_cause(each)) is not None:
            return cause
    is_redis = any(isinstance(each, exceptions.RedisError) for each in _chain(error))
    # The first error of all says most.
    for each in reversed([*_chain(error)]):
        if (cause := _network_cause(each, *(("Redis", _REDIS) if is_redis else ("PostgreSQL", _POSTGRES)))) is not None:
            return cause
    return Cause(redact(str(error)), "Try again.")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _postgres_cause(error: BaseException) -> Cause | None:
    match error:
        case asyncpg.InvalidPasswordError():
            return Cause(
                f"PostgreSQL refuses the password: {redact(str(error))}",
                f"Correct VALETKEY_POSTGRES_PASSWORD, or the password in {_POSTGRES}.",
                is_setting=True,
            )
        case asyncpg.InvalidAuthorizationSpecificationError():
            return Cause(
                f"PostgreSQL refuses the user: {redact(str(error))}",
                f"Correct the user in {_POSTGRES}, or let it in (pg_hba.conf); with TLS if that is demanded.",
                is_setting=True,
            )
        case asyncpg.InvalidCatalogNameError():
            return Cause(
                f"PostgreSQL has no such database: {redact(str(error))}",
                f"Create it, or correct the database in {_POSTGRES}.",
                is_setting=True,
            )
    return None


def _redis_cause(error: BaseException) -> Cause | None:
    match error:
        case exceptions.AuthenticationError():
            return Cause(
                f"Redis refuses the user or the password: {redact(str(error))}",
                f"Correct VALETKEY_REDIS_PASSWORD, or what {_REDIS} names.",
                is_setting=True,
            )
        case exceptions.ResponseError() if _NO_SUCH_DATABASE in str(error):
            return Cause(
                "Redis has no database of this number",
                f"Correct the number at the end of {_REDIS}; 0 is always there.",
                is_setting=True,
            )
    return None


def _network_cause(error: BaseException, store: str, setting: str) -> Cause | None:
    match error:
        case ssl.SSLCertVerificationError():
            return Cause(
                f"{store}'s certificate is not trusted: {error.verify_message}",
                f"Name the CA that signed it in {setting}, and the host as it stands in the certificate.",
                is_setting=True,
            )
        case ssl.SSLError():
            return Cause(
                f"{store} and this program do not agree on TLS: {error.reason or error}",
                f"Check in {setting} the files of certificates, and that this port speaks TLS.",
                is_setting=True,
            )
        case socket.gaierror():
            return Cause(
                f"{store}'s host has no address: {error.strerror}", f"Correct the host in {setting}, or mend the DNS."
            )
        case OSError() | exceptions.ConnectionError() | exceptions.TimeoutError():
            return Cause(
                f"{store} cannot be reached: {redact(str(error)) or type(error).__name__}",
                f"Check that it runs where {setting} says, and that firewalls and network policies let this in.",
            )
    return None
