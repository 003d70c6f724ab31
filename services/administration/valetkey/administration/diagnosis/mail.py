"""Whether mail can be sent: the server answers, its certificate verifies, it takes our login; and what waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.administration.diagnosis.finding import Finding, doubtful, skipped, unwell, well
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.postgres.tables.mail_queue import MailQueue

if TYPE_CHECKING:
    from valetkey.runtime.settings.settings import Settings
    from valetkey.storage.postgres.database.pool import Database

_CHECK = "mail server"
_NEXT_STEPS = {
    "tls": (
        "Give a server that offers TLS and whose certificate verifies: VALETKEY_MAIL_TLS says how, SSL_CERT_FILE whom "
        "to trust."
    ),
    "authentication": "Give the user and password that the server knows: VALETKEY_MAIL_USER, VALETKEY_MAIL_PASSWORD.",
}
_REACH = "Check VALETKEY_MAIL_HOST, VALETKEY_MAIL_PORT and VALETKEY_MAIL_TLS, and that the way there is open."
_CONFIGURE = "Set VALETKEY_MAIL_HOST, VALETKEY_MAIL_FROM and VALETKEY_MAIL_KEYS, where users are to get mail."
_LOOK = "Look at why: `valetkey mail list --state queued`; runbook ValetkeyMailQueueGrowing."
_LONG = timedelta(minutes=15)


async def examine_mail_server(settings: Settings) -> Finding:
    """Connect as the worker does, and leave again."""
    if not settings.mail_host:
        return skipped(_CHECK, "VALETKEY_MAIL_HOST is not set: no mail is sent", _CONFIGURE)
    from valetkey.mailer.smtp import ServerUnavailable, SmtpServer

    server = SmtpServer.from_settings(settings)
    try:
        session = await server.connect()
    except ServerUnavailable as error:
        return unwell(_CHECK, f"{error}", _NEXT_STEPS.get(error.label, _REACH))
    await session.close()
    encrypted = "not encrypted, on this machine" if settings.mail_tls == "none" else f"{settings.mail_tls}, verified"
    login = f"logged in as {settings.mail_user}" if settings.mail_user else "without a login"
    return well(_CHECK, f"{server.name} answers: {encrypted}; {login}")


async def examine_mail_queue(database: Database) -> list[Finding]:
    """How many mails wait, and for how long."""
    try:
        status = await MailQueue(database, (), _LONG).status()
    except TemporarilyUnavailable:
        # Said already.
        return []
    detail = (
        f"{status.waiting} wait, the oldest for {status.oldest.total_seconds():.0f} s" if status.waiting else "empty"
    )
    return [doubtful("mail queue", detail, _LOOK) if status.oldest > _LONG else well("mail queue", detail)]
