"""What the templates of the account page, and of a forgotten password, are given; see ``models``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from valetkey.authorize.pages.models import Account, FormPage
from valetkey.core.message import Message


@dataclass(frozen=True, slots=True)
class CredentialWords:
    """A second factor of a user. ``method`` is ``totp`` or ``passkey``; the times are texts, ``used`` may be empty."""

    credential_id: str
    method: str
    name: str
    created: str
    used: str


@dataclass(frozen=True, slots=True)
class SessionWords:
    """A browser in which the user is signed in. ``device`` and ``address`` may be empty; the times are texts."""

    session_id: str
    is_this: bool
    device: str
    address: str
    since: str
    used: str


@dataclass(frozen=True, slots=True)
class ApplicationWords:
    """What an application was allowed, by the words of its scopes; the time is a text."""

    client_id: str
    name: str
    scopes: Sequence[str]
    agreed: str


class AccountNews(StrEnum):
    """What the account page says of what was done just now, by the word in its address."""

    PASSWORD = Message("Your password is changed. You are signed out everywhere else.")
    ADDED = Message("It is set up.")
    REMOVED = Message("It is removed.")
    SESSION = Message("That browser is signed out.")
    SESSIONS = Message("All other browsers are signed out.")
    APPLICATION = Message("That application has no access any more.")
    AGAIN = Message("You have confirmed that it is you. Now do it once more.")


class PasswordError(StrEnum):
    """What the page for a new password says when it is shown again; what the rules say of a password comes as it is."""

    INCOMPLETE = Message("Enter the new password twice.")
    DIFFERENT = Message("The two are not the same. Enter the new password twice.")
    BUSY = Message("We cannot change passwords right now. Wait a moment, then try again.")


class RecoveryError(StrEnum):
    """What the page that asks whose password is forgotten says when it is shown again."""

    NO_NAME = Message("Enter your user name or e-mail.")
    TOO_MANY = Message("There were too many attempts. Wait a while and try again.")
    BUSY = Message("We cannot send mail right now. Wait a moment, then try again.")
    GONE = Message("This link does not work any more. Ask for a new one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage(FormPage):
    """The account of who is signed in. Every form posts ``action``, and what it is about.

    ``end_session`` with ``session_id``; ``end_others``; ``withdraw`` with ``client_id``; ``remove`` with
    ``credential_id``; ``new_codes``. ``totp_uri`` and ``passkey_uri`` are None where there is none to be set up.
    """

    template: ClassVar[str] = "account.html"
    account: Account
    email: str | None
    password_uri: str
    totp_uri: str | None
    passkey_uri: str | None
    logout_uri: str
    credentials: Sequence[CredentialWords]
    codes_left: int
    sessions: Sequence[SessionWords]
    applications: Sequence[ApplicationWords]
    news: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasswordPage(FormPage):
    """Posts ``password`` and ``again``; ``username`` is for password managers, and not read. ``back`` leads back."""

    template: ClassVar[str] = "new_password.html"
    account: Account
    back: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverPage:
    """Posts ``username`` to ``form_action``: whose password is forgotten."""

    template: ClassVar[str] = "recover.html"
    form_action: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySentPage:
    """Nothing to post. ``typed`` is a name, whether it is anybody's or not; ``minutes`` is for the link."""

    template: ClassVar[str] = "recovery_sent.html"
    typed: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPasswordPage:
    """Posts ``token``, ``password`` and ``again`` to ``form_action``."""

    template: ClassVar[str] = "reset_password.html"
    form_action: str
    token: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetDonePage:
    """Nothing to post. The password is another one; ``account_uri`` is a page that asks to sign in with it."""

    template: ClassVar[str] = "reset_done.html"
    account_uri: str
