"""The SMTP server that mail is handed to. RFC 5321; RFC 3207 (STARTTLS), RFC 8314 (TLS from the first byte)."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from typing import TYPE_CHECKING, Self

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from valetkey.runtime.settings.secret import Secret
from valetkey.runtime.telemetry.redaction import one_line, redact

if TYPE_CHECKING:
    from valetkey.runtime.settings.settings import Settings

# Shorter than the minutes of RFC 5321 §4.5.3.2: the server is a submission server of the same installation.
COMMAND_SECONDS = 60.0
# §4.5.3.2.6: a client that gives up sooner after the final dot has its mail sent twice.
DATA_SECONDS = 600.0
_PERMANENT = 500
_CLOSING = 421
_MAX_REASON = 300
_TLS_PORT, _SUBMISSION_PORT = 465, 587


class ServerUnavailable(Exception):
    """The server cannot be used at the moment, for no mail. ``label`` is for a metric."""

    def __init__(self, label: str, reason: str) -> None:
        super().__init__(reason)
        self.label = label


class MailDeferred(Exception):
    """The server has not taken this mail, or we do not know; it may the next time."""


class MailRejected(Exception):
    """The server never takes this mail. RFC 5321 §4.2.1: 5yz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where it is, and as whom we come. ``tls`` is ``starttls``, ``tls``, or ``none`` for a loopback host."""

    host: str
    port: int
    tls: str
    sender: str
    user: str = ""
    password: Secret[str] = Secret.unset("VALETKEY_MAIL_PASSWORD")  # noqa: RUF009 - it is immutable

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The server of this installation."""
        return cls(
            host=settings.mail_host,
            port=settings.mail_port or (_TLS_PORT if settings.mail_tls == "tls" else _SUBMISSION_PORT),
            tls=settings.mail_tls,
            sender=settings.mail_from,
            user=settings.mail_user,
            password=settings.mail_password,
        )

    @property
    def name(self) -> str:
        """For logs."""
        return f"{self.host}:{self.port}"

    async def connect(self) -> SmtpSession:
        """A session that is encrypted and logged in as settings say. Raises ``ServerUnavailable``."""
        client = SMTP(
            hostname=self.host.strip("[]"),
            port=self.port,
            use_tls=self.tls == "tls",
            start_tls=False,
            # Read anew, as authorities may be exchanged, and in a thread, as there are many.
            tls_context=None if self.tls == "none" else await asyncio.to_thread(ssl.create_default_context),
            timeout=COMMAND_SECONDS,
            # Not our own name, which a look-up would have to find, and which is of no interest to the server.
            local_hostname=Address(addr_spec=self.sender).domain,
        )
        try:
            await client.connect()
            await self._encrypt_and_log_in(client)
        except ServerUnavailable:
            client.close()
            raise
        except (SMTPException, OSError, ValueError) as error:
            client.close()
            raise ServerUnavailable(_label(error), f"{self.name}: {_reason(error)}") from error
        except BaseException:
            client.close()
            raise
        return SmtpSession(client, self.sender)

    async def _encrypt_and_log_in(self, client: SMTP) -> None:
        if self.tls == "starttls":
            await client.ehlo()
            if not client.supports_extension("starttls"):
                raise ServerUnavailable("tls", f"{self.name} offers no STARTTLS, and nothing is sent without it")
            await client.starttls()
        if self.user:
            await client.ehlo()
            await self._log_in(client)

    async def _log_in(self, client: SMTP) -> None:
        # One way only: a password that is wrong in one is wrong in all, and each try counts where accounts are locked.
        ways = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
        for name, log_in in ways.items():
            if name in client.supported_auth_methods:
                await log_in(self.user, self.password.reveal())
                return
        offered = ", ".join(client.supported_auth_methods) or "none"
        raise ServerUnavailable(
            "authentication", f"{self.name} offers no way to log in that is known here ({one_line(offered)})"
        )


class SmtpSession:
    """A connection over which one mail follows another."""

    def __init__(self, client: SMTP, sender: str) -> None:
        self._client = client
        self._sender = sender

    async def send(self, recipient: str, message: bytes) -> str:
        """What the server says when it has taken the mail.

        Raises ``MailDeferred``, ``MailRejected`` or ``ServerUnavailable``: a reply to RCPT or DATA is about this mail,
        a refused sender is about all of them.
        """
        try:
            return await self._send(recipient, message)
        except (SMTPRecipientRefused, SMTPDataError) as error:
            if error.code == _CLOSING:
                self._client.close()
            else:
                await self._reset()
            if error.code >= _PERMANENT:
                raise MailRejected(_without(recipient, error)) from error
            raise MailDeferred(_without(recipient, error)) from error
        except SMTPResponseException as error:
            self._client.close()
            raise ServerUnavailable(_label(error), _reason(error)) from error
        except (SMTPException, OSError) as error:
            self._client.close()
            raise MailDeferred(_without(recipient, error)) from error
        except BaseException:
            self._client.close()
            raise

    async def _send(self, recipient: str, message: bytes) -> str:
        await self._client.mail(self._sender)
        await self._client.rcpt(recipient)
        return (await self._client.data(message, timeout=DATA_SECONDS)).message

    async def _reset(self) -> None:
        try:
            await self._client.rset()
        except (SMTPException, OSError):
            self._client.close()

    @property
    def is_open(self) -> bool:
        """Whether another mail can follow."""
        return self._client.is_connected

    async def close(self) -> None:
        """Say farewell, where the server still listens."""
        if not self.is_open:
            return
        try:
            await self._client.quit()
        except (SMTPException, OSError):
            self._client.close()
        except BaseException:
            self._client.close()
            raise


def _label(error: Exception) -> str:
    match error:
        case SMTPAuthenticationError():
            return "authentication"
        case ssl.SSLError():
            return "tls"
        case SMTPConnectError(__cause__=ssl.SSLError()):
            return "tls"
        case SMTPTimeoutError():
            return "timeout"
        case SMTPServerDisconnected() | SMTPConnectError() | OSError():
            return "connection"
        case _:
            return "refused"


def _without(recipient: str, error: Exception) -> str:
    """The reason without the address, which servers like to repeat and logs need not have."""
    return re.sub(re.escape(recipient), "the recipient", _reason(error), flags=re.IGNORECASE)


def _reason(error: Exception) -> str:
    """One line about an error, in the server's words where it has said something, without a secret."""
    said = f"{error.code} {error.message}" if isinstance(error, SMTPResponseException) else f"{error}"
    return one_line(redact(" ".join((said or type(error).__name__).split())))[:_MAX_REASON]
