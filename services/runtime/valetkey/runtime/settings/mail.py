"""The settings of mail to users."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from valetkey.runtime.settings import types as t
from valetkey.runtime.settings.keys import key_list
from valetkey.runtime.settings.reader import Service, Setting
from valetkey.runtime.settings.secret import Secret

_HOUR = 3600
_DAY = 86400
_MAILER: tuple[Service, ...] = ("mailer",)


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """A part of ``Settings``."""

    mail_host: Annotated[
        str,
        Setting(t.mail_host, "SMTP server that mail is handed to; unset: no mail is sent.", required_by=_MAILER),
    ] = ""
    mail_port: Annotated[int, Setting(t.port, "Its port; 0: 465 with mail_tls=tls, else 587.")] = 0
    mail_tls: Annotated[
        str,
        Setting(
            t.choice("starttls", "tls", "none"),
            "How the connection to it is encrypted, its certificate verified; none for a loopback host only.",
        ),
    ] = "starttls"
    mail_user: Annotated[str, Setting(t.name, "User to log in there as; unset: no login.")] = ""
    mail_password: Annotated[Secret[str], Setting(t.password, "Password of that user.", secret=True)] = field(
        default=Secret.unset("VALETKEY_MAIL_PASSWORD")
    )
    mail_from: Annotated[str, Setting(t.mail_address, "Address that mail comes from.", required_by=_MAILER)] = ""
    mail_keys: Annotated[
        Secret[tuple[bytes, ...]],
        Setting(
            key_list,
            "Keys that seal what a mail says until it is sent, for authorize, mailer, cli: the first seals, all open.",
            required_by=_MAILER,
            secret=True,
        ),
    ] = field(default=Secret.unset("VALETKEY_MAIL_KEYS"))
    mail_templates_directory: Annotated[
        Path | None, Setting(t.directory, "Templates of mails that replace the built-in ones.")
    ] = None
    mail_connections: Annotated[int, Setting(t.integer(1, 20), "Mails that a worker sends at a time.")] = 2
    mail_per_recipient: Annotated[
        int,
        Setting(
            t.integer(1, 1000),
            "Mails to one recipient, and of one user about the own address, that may be asked for within mail_window.",
        ),
    ] = 5
    mail_per_address: Annotated[
        int, Setting(t.integer(1, 100_000), "Mails that one network address may ask for within mail_window.")
    ] = 20
    mail_window: Annotated[int, Setting(t.seconds(60, _DAY), "Time over which those mails count.")] = _HOUR
    mail_queue_limit: Annotated[
        int,
        Setting(
            t.integer(1, 1_000_000),
            "Mails that may wait before no more can be asked for; notices of what has happened: twice as many.",
        ),
    ] = 10_000
    mail_give_up: Annotated[
        int,
        Setting(t.seconds(60, 30 * _DAY), "Longest time that a mail is tried; one with a link while that is good."),
    ] = 2 * _DAY
    mail_retention: Annotated[
        int, Setting(t.seconds(60, 400 * _DAY), "How long it is remembered that a mail was sent or has failed.")
    ] = 7 * _DAY
