"""Runs a command on an installation; what that raises becomes a ``Failure``."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click

from valetkey.administration import errors
from valetkey.cli import failure
from valetkey.cli.operator_audit import configure_operator_audit
from valetkey.cli.operator_name import operator_name
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.lifecycle.retry_policy import NotReadyError, RetryTimeoutError
from valetkey.runtime.settings.environment import load_settings
from valetkey.runtime.settings.secret import SecretMissingError
from valetkey.runtime.settings.settings import Settings, SettingsError
from valetkey.runtime.telemetry.logging import configure_logging

if TYPE_CHECKING:
    from valetkey.administration.installation import Installation

Parameters = ParamSpec("Parameters")

_LISTED_BY = {kind: kind for kind in ("client", "user", "attribute", "group", "scope", "session")} | {
    "key": "keys",
    "credential": "user credentials",
}


def with_installation(
    command: Callable[Concatenate[Installation, Parameters], Coroutine[object, object, None]],
) -> Callable[Parameters, None]:
    """Make a coroutine that takes an ``Installation`` first a command that click can call."""

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        from valetkey.administration.installation import open_installation

        async def work() -> None:
            async with open_installation(settings, operator_name()) as installation:
                await command(installation, *args, **kwargs)

        _require_text((args, kwargs))
        with translated():
            settings = load_settings("cli")
            prepare(settings)
            asyncio.run(work())

    return run


def _require_text(given: object) -> None:
    """Raise ``click.UsageError`` for an argument of bytes that are no UTF-8, which no store keeps."""
    match given:
        case str():
            if any("\ud800" <= character <= "\udfff" for character in given):
                raise click.UsageError(f"{given!r} is not UTF-8; type it in that encoding.")
        case Mapping():
            for name, member in given.items():
                _require_text((name, member))
        case tuple() | list():
            for member in given:
                _require_text(member)


def prepare(settings: Settings) -> None:
    """Send logs and audit events to standard error: standard output is the answer."""
    configure_logging(settings, "cli")
    if settings.log_level != "debug":
        # A command says what it did in its own words.
        logging.getLogger().setLevel(logging.WARNING)
    configure_operator_audit()


@contextmanager
def translated() -> Iterator[None]:
    """Raise a ``Failure`` for what settings, stores and administration raise; anything else is a bug and passes."""
    from valetkey.core.jose.sealed_key import UnsealError

    try:
        yield
    except TemporarilyUnavailable as error:
        raise _unanswered(error) from error
    except RetryTimeoutError as error:
        raise failure.RetryTimeout(str(error)) from error
    except SettingsError as error:
        raise failure.Misconfigured(*error.lines) from error
    except (SecretMissingError, NotReadyError) as error:
        raise failure.Misconfigured(str(error)) from error
    except UnsealError as error:
        raise failure.Misconfigured(
            f"{error}. Give the key-encryption key that sealed it in VALETKEY_KEY_ENCRYPTION_KEYS as well."
        ) from error
    except errors.AdministrationError as error:
        raise _failure_of(error) from error


def _unanswered(error: TemporarilyUnavailable) -> failure.Failure:
    from valetkey.administration.store_causes import cause_of

    cause = cause_of(error)
    if cause.is_setting:
        return failure.Misconfigured(f"{cause.detail}. {cause.next_step}")
    return failure.Unavailable(f"{cause.detail}. {cause.next_step} `valetkey doctor` looks at everything.")


def _failure_of(error: errors.AdministrationError) -> failure.Failure:
    match error:
        case errors.NotFound():
            return failure.NotFound(f"{error.message}; `valetkey {_LISTED_BY[error.kind]} list` lists them.")
        case errors.Owned():
            return failure.Conflict(f"{error.message} Change its file, or insist with --force.")
        case errors.Conflict():
            return failure.Conflict(error.message, *error.more)
        case errors.RedisNotTold():
            return failure.Unavailable(error.message)
        case errors.PrivilegeMissing():
            return failure.Misconfigured(f"{error}: VALETKEY_POSTGRES_DSN names a role that may not do this.")
        case _:
            return failure.Failure(error.message, *error.more)
