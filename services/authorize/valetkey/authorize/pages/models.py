"""What each template is given. The class says the template's name; its fields are the template's whole vocabulary.

Besides these, every template sees ``theme``, ``demo``, ``logo``, ``home`` (the path of the home page), ``reference``
(the trace id, or None) and ``static(name)``. All text is escaped by the templates; give it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from valetkey.core.message import Message

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from valetkey.core.authentication.user import User


class LoginError(StrEnum):
    """What the login page says when it is shown again. None of these tells whether the account exists."""

    CREDENTIALS = Message("That user name or password is not right. Check both and try again.")
    INCOMPLETE = Message("Enter your user name or e-mail and your password.")
    TOO_MANY_ATTEMPTS = Message(
        "There were too many attempts. Sign in on a device where you have signed in before, "
        "or wait a few minutes and try again."
    )
    BUSY = Message("We cannot check passwords right now. Wait a moment, then try again.")
    PASSKEY = Message(
        "That passkey could not be used here, or it took too long. Try again, or sign in with your password."
    )
    OTHER_ACCOUNT = Message("The application asks for another account. Sign in with that one, or cancel.")


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in: ``name`` as people know them, ``identifier`` (user name or e-mail) to tell accounts apart."""

    name: str
    identifier: str


def account_of(user: User) -> Account:
    """How pages show a user."""
    return Account(name=user.display_name, identifier=user.username)


class ProofError(StrEnum):
    """What the page of a second factor, or of setting one up, says when it is shown again."""

    CODE = Message("That code is not right, or it was used before. Wait for the next one and type that.")
    RECOVERY_CODE = Message("That recovery code is not right, or it was used before.")
    NEW_CODE = Message(
        "That code is not right. Check that the clock of your device is right, and type the code that it shows now."
    )
    PASSKEY = Message("That passkey could not be used here, or it took too long. Try again.")
    NEW_PASSKEY = Message("The passkey could not be set up, or it took too long. Try again.")
    TOO_MANY_ATTEMPTS = Message("There were too many attempts. Wait a few minutes and try again.")
    GONE = Message("This took too long, or something has changed meanwhile. Begin again with the new code.")


def fields_of(page: DataclassInstance) -> dict[str, Any]:
    """The fields of a page by name: for its template, or for a page that shows more."""
    return {field.name: getattr(page, field.name) for field in fields(page)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPage:
    """A page with a form: ``form_action`` is where it posts to, within our origin.

    ``csrf_token`` and ``interaction`` come back as hidden fields of these names; an empty ``interaction`` sends none.
    """

    form_action: str
    csrf_token: str
    interaction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginPage(FormPage):
    """Posts ``username``, ``password`` and, where it was asked for, ``browser_code``.

    The Cancel button posts ``action=cancel``, signing in posts no ``action``.

    ``client_name`` is None where no application waits. ``username`` fills the field (``login_hint``, or a second try).
    ``account`` is set when a signed-in user must prove it again (``prompt=login``, ``max_age``). ``code_page`` is set
    where a right password may have been refused: a code is asked for, and this is the address of the page that shows
    one in a browser that is signed in. ``is_limited`` where that is for sure. ``logo_uri`` is shown only if https.
    ``recovery_uri`` is where a forgotten password leads, None where no mail can be sent.

    ``passkey_question`` is what a script asks the browser for, None where there are no passkeys. The form with its
    answer posts ``method=passkey`` and ``passkey``.

    ``keep`` is whether the box is ticked that has a user stay signed in when the browser is closed, None where there is
    no choice. Both forms post ``keep=on`` for a box that is ticked.
    """

    template: ClassVar[str] = "login.html"
    client_name: str | None = None
    username: str = ""
    error: str | None = None
    account: Account | None = None
    code_page: str | None = None
    is_limited: bool = False
    logo_uri: str | None = None
    recovery_uri: str | None = None
    passkey_question: str | None = None
    keep: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPage(FormPage):
    """A page that asks for a proof by one method. Posts ``method``; ``action=cancel``, or ``action=another``.

    ``others`` are further methods that will do, with the address of this page for each.
    """

    account: Account
    others: Sequence[tuple[str, str]] = ()
    client_name: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorPage(ProofPage):
    """Posts ``method`` and ``code``; ``action=cancel``, or ``action=another`` to sign in as another user.

    ``method`` is ``totp``, ``recovery_code`` or ``passkey``. For a passkey, ``question`` is what a script asks the
    browser for; the answer is posted as ``passkey``, and no ``code``. ``others`` are further methods that the user has,
    with the address of this page for each.
    """

    template: ClassVar[str] = "second_factor.html"
    method: str
    question: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolTotpPage(ProofPage):
    """Posts ``method=totp``, ``enrolment`` and ``code``; ``action=cancel``, or ``action=another``.

    ``qr_code`` is an SVG image, ``secret`` the same for people who type it, in groups of four letters. ``others`` are
    further methods that can be set up in its place, with the address of this page for each.
    """

    template: ClassVar[str] = "enrol_totp.html"
    qr_code: str
    secret: str
    enrolment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolPasskeyPage(ProofPage):
    """Posts ``method=passkey``, ``handle``, ``name`` and ``passkey``; ``action=cancel``, or ``action=another``.

    ``question`` is what a script asks the browser for, ``passkey_name`` what was typed as a name before. ``others`` are
    further methods that can be set up in its place, with the address of this page for each.
    """

    template: ClassVar[str] = "enrol_passkey.html"
    question: str
    handle: str
    passkey_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodesPage:
    """Nothing to post: ``codes``, which are shown this once, and where to go on, ``continue_uri``."""

    template: ClassVar[str] = "recovery_codes.html"
    codes: Sequence[str]
    continue_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage:
    """Its form gets ``form_action``, which asks whether to sign out. ``account`` is None where no user is signed in.

    ``account_uri`` leads to what a user may change.
    """

    template: ClassVar[str] = "home.html"
    form_action: str
    account: Account | None = None
    account_uri: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectAccountPage(FormPage):
    """Posts ``action=continue`` or ``action=another``."""

    template: ClassVar[str] = "select_account.html"
    account: Account
    client_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAllowedPage(FormPage):
    """Posts ``action=another`` or ``action=deny``. The account is not among those that may use the application."""

    template: ClassVar[str] = "not_allowed.html"
    account: Account
    client_name: str
    logo_uri: str | None = None


@dataclass(frozen=True, slots=True)
class ScopeWords:
    """One scope: its registered name, and what it allows in words."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class ScopeGroup:
    """The scopes of one API. ``api`` is its name, None for what is about the user; it may come without any scope."""

    api: str | None
    scopes: Sequence[ScopeWords]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPage(FormPage):
    """Posts ``action=allow`` or ``action=deny``; ``action=another`` to sign in as another user.

    ``redirect_host`` is where the answer goes (``core.redirect_uri.redirect_host``); ``is_on_this_device`` for loopback
    and private-use addresses. ``is_unverified`` where nothing tells the client from another that uses its
    name. ``claims`` are the names of the claims requested one by one. ``policy_uri`` and ``tos_uri`` are linked only if
    http or https, and ``logo_uri`` is shown only if https.
    """

    template: ClassVar[str] = "consent.html"
    account: Account
    client_id: str
    client_name: str
    redirect_host: str
    is_unverified: bool
    groups: Sequence[ScopeGroup]
    is_on_this_device: bool = False
    claims: Iterable[str] = ()
    policy_uri: str | None = None
    tos_uri: str | None = None
    logo_uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutPage(FormPage):
    """Posts ``action=logout`` or ``action=stay``. ``client_name`` is the application that asked, where it is known."""

    template: ClassVar[str] = "logout.html"
    account: Account | None = None
    client_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOutPage:
    """Nothing to post. The session is over, and there is no address to go back to.

    ``nothing_ended``: no user is signed in in this browser, and elsewhere nothing has changed. ``continue_uri`` is then
    where the application wanted the user afterwards. ``client_uri`` leads back to the application; it is linked only if
    http or https.
    """

    template: ClassVar[str] = "logged_out.html"
    client_name: str | None = None
    client_uri: str | None = None
    continue_uri: str | None = None
    nothing_ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInPage:
    """Nothing to post: the user is signed in, and no application waits.

    ``browser_code`` is what the login page asks for in a browser that is new to the account.
    """

    template: ClassVar[str] = "signed_in.html"
    account: Account | None = None
    browser_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPostPage:
    """Posts ``parameters`` to the application's redirect URI. OAuth 2.0 Form Post Response Mode §2."""

    template: ClassVar[str] = "form_post.html"
    redirect_uri: str
    parameters: Sequence[tuple[str, str]]
    client_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """``title`` and ``happened`` say what went wrong, ``advice`` what to do next. Never a reason meant for the log.

    ``details`` names the fault for the developer of the application, where there is one and it may be told.
    ``client_name`` and ``client_uri`` lead back to the application, where it is known and has registered its address;
    it is linked only if http or https. Without it the page leads to ``home``.
    """

    template: ClassVar[str] = "error.html"
    status: int
    title: str
    happened: str
    advice: str
    details: str | None = None
    client_name: str | None = None
    client_uri: str | None = None
