"""Failures that can only be shown as a page. Those that may be sent to a client are ``OAuthError``s: two types, apart.

::

    ShownError
    ├── FormRefused         the form did not come from our page in this browser
    ├── InteractionGone     spent, expired, unknown, or another browser's
    ├── CookieMissing       the browser did not send the cookie that binds it to its interaction
    ├── NothingWaiting      a step was opened without an interaction
    ├── LinkGone            a link that stands for a user is spent, expired or unknown
    ├── ClientGone          the client or its redirect URI is not what it was when the interaction began
    ├── TooManyInteractions the address or browser has begun more of them than it may
    ├── TooManyAnswers      the user has been sent back to the application more often than is sensible
    └── NoRoom              Redis has only its reserve left

``str(error)`` is the reason for the log; the page is fixed per class.
"""

import logging
from typing import ClassVar

from valetkey.authorize.pages.error_words import error_page
from valetkey.authorize.pages.models import ErrorPage
from valetkey.core.message import Message

_FROM_THE_APPLICATION = Message("Open the application that you want to use, and sign in from there.")


class ShownError(Exception):
    """A refusal for the person in front of the browser; ``retry_after`` is in seconds."""

    page: ClassVar[ErrorPage] = error_page(400)
    log_level: ClassVar[int] = logging.INFO

    def __init__(self, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class FormRefused(ShownError):
    """The form did not come from our page in this browser, or not for this step."""

    page = error_page(403)


class InteractionGone(ShownError):
    """The interaction is spent, has expired, never was, or belongs to another browser: all look the same."""

    page = error_page(410)


class CookieMissing(ShownError):
    """The browser has no binding cookie, so that no interaction can be its own."""

    page = ErrorPage(
        status=400,
        title=Message("Your browser did not remember us"),
        happened=Message("Signing in needs a cookie, and your browser did not send it back."),
        advice=Message("Allow cookies for this site, then go back to the application and start again in this browser."),
    )


class NothingWaiting(ShownError):
    """A step was opened by its address, with no application waiting for it."""

    page = ErrorPage(
        status=400,
        title=Message("No application is waiting"),
        happened=Message(
            "This page opens when an application asks you to sign in. Nothing is wrong with your account."
        ),
        advice=_FROM_THE_APPLICATION,
    )


class LinkGone(ShownError):
    """A link by an operator is used, too old, ended with its user, or none of ours: all look the same."""

    page = ErrorPage(
        status=410,
        title=Message("This link does not work any more"),
        happened=Message("It was used before, or it is too old. Nothing was changed."),
        advice=Message("Ask the person who gave it to you for a new one."),
    )


class ClientGone(ShownError):
    """The client was disabled, deleted or registered anew, or lost the redirect URI, while its user was here."""

    page = ErrorPage(
        status=400,
        title=Message("The application has changed"),
        happened=Message(
            "The application that sent you is no longer registered as it was. Nothing was shared with it."
        ),
        advice=Message("Tell the support team of the application, or try again later."),
    )


class _Limited(ShownError):
    """A limit that filled the log would not be one: what it refuses is counted, and told of once a window."""

    log_level = logging.DEBUG


class TooManyInteractions(_Limited):
    """The address or the browser has begun as many interactions as it may for now. RFC 6585 §4."""

    page = ErrorPage(
        status=429,
        title=Message("Too many sign-ins at once"),
        happened=Message(
            "More sign-ins have been started from your browser or network than we accept in a short time."
        ),
        advice=Message("Wait a few minutes, then go back to the application and start again."),
    )


class TooManyAnswers(_Limited):
    """So many codes as there may be have been issued to the user, for this client or in all. RFC 6585 §4."""

    page = ErrorPage(
        status=429,
        title=Message("The application keeps asking"),
        happened=Message(
            "The application has sent you here again and again within a short time. You are still signed in."
        ),
        advice=Message("Wait a minute, then open the application again. If this happens again, tell its support team."),
    )


class NoRoom(_Limited):
    """Redis has only its reserve left, which is not for logins. RFC 9110 §15.6.4."""

    page = error_page(503)
