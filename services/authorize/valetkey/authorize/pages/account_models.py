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
    RENAMED = Message("It has its new name.")
    SESSION = Message("That browser is signed out.")
    SESSIONS = Message("All other browsers are signed out.")
    APPLICATION = Message("That application has no access any more.")
    PROFILE = Message("Your details are changed.")
    EMAIL_VERIFICATION = Message("A mail is on its way to your address. Open the link in it.")
    EMAIL_CHANGE = Message("A mail is on its way to the new address. Nothing changes before its link is opened.")
    AGAIN = Message("You have confirmed that it is you. Now do it once more.")


class AccountError(StrEnum):
    """What the account page says of a change that was not made."""

    NAME = Message("A name has 1 to 64 characters. The passkey keeps its old one.")


class EmailError(StrEnum):
    """What the page for an e-mail address says when it is shown again."""

    NO_ADDRESS = Message("We cannot send mail to that. Enter an address such as ada@example.com.")
    SAME = Message("That is your address already.")
    TOO_OFTEN = Message("Your address was changed too often. Wait some days, then try again.")
    TOO_MANY = Message("There were too many mails. Wait a while and try again.")
    BUSY = Message("We cannot send mail right now. Wait a moment, then try again.")


class EmailLinkError(StrEnum):
    """Why a link in a mail does nothing."""

    GONE = Message("This link does not work any more. It works once, and only for a while.")
    TAKEN = Message("This address cannot be used here. Ask the people who run this service.")
    TOO_OFTEN = EmailError.TOO_OFTEN.value


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
    ``credential_id``; ``rename`` of a passkey with ``credential_id`` and ``name``; ``new_codes``. ``error``
    says what was not done. ``totp_uri`` and ``passkey_uri`` are None where there is none to be set up,
    ``email_uri``, ``profile_uri`` and ``delete_uri`` where that is not for the user to change.
    """

    template: ClassVar[str] = "account.html"
    account: Account
    email: str | None
    is_verified: bool
    email_uri: str | None
    profile_uri: str | None
    export_uri: str
    delete_uri: str | None
    password_uri: str
    totp_uri: str | None
    passkey_uri: str | None
    logout_uri: str
    credentials: Sequence[CredentialWords]
    codes_left: int
    sessions: Sequence[SessionWords]
    applications: Sequence[ApplicationWords]
    news: str | None = None
    error: str | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailPage(FormPage):
    """Posts ``action=verify``, or ``action=change`` with ``email``; ``typed`` is what was. ``back`` leads back."""

    template: ClassVar[str] = "account_email.html"
    account: Account
    email: str | None
    is_verified: bool
    typed: str
    back: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailLinkPage:
    """Posts ``token`` to ``form_action``. ``kind``: ``verify``, ``confirm`` or ``revert`` the ``email``."""

    template: ClassVar[str] = "email_link.html"
    form_action: str
    token: str
    kind: str
    username: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailLinkDonePage:
    """Nothing to post. ``recovery_uri`` is for a new password."""

    template: ClassVar[str] = "email_link_done.html"
    kind: str
    email: str
    account_uri: str
    recovery_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailLinkGonePage:
    """Nothing to post. The link did nothing."""

    template: ClassVar[str] = "email_link_gone.html"
    error: str
    account_uri: str


@dataclass(frozen=True, slots=True)
class ProfileField:
    """A claim that the user may edit; ``error`` says how it is to be written."""

    name: str
    value: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePage(FormPage):
    """Posts each of ``fields`` by its name; an empty one is taken away. ``back`` leads back."""

    template: ClassVar[str] = "account_profile.html"
    account: Account
    fields: Sequence[ProfileField]
    back: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPage(FormPage):
    """Posts nothing else. The answer is a file."""

    template: ClassVar[str] = "account_export.html"
    account: Account
    back: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePage(FormPage):
    """Posts ``username``, as it is typed. ``back`` leads back."""

    template: ClassVar[str] = "account_delete.html"
    account: Account
    username: str
    back: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedPage:
    """Nothing to post. There is no account any more."""

    template: ClassVar[str] = "account_deleted.html"
