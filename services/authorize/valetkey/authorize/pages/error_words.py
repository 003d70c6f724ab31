"""What the error page says for each status, in plain words."""

from __future__ import annotations

from valetkey.authorize.pages.models import ErrorPage
from valetkey.core.message import Message

_START_AGAIN = Message("Go back to the application and start again. If this happens again, tell its support team.")
_WORDS = {
    400: (
        Message("This request did not work"),
        Message("The application sent us a request that we cannot accept. Nothing was shared with it."),
        _START_AGAIN,
    ),
    403: (
        Message("We could not confirm this step"),
        Message("The form came from another browser or page, or it was too old. Nothing was changed."),
        _START_AGAIN,
    ),
    404: (
        Message("There is nothing here"),
        Message("The address is mistyped, or the page no longer exists."),
        Message("Check the address, or go back to the application that you came from."),
    ),
    405: (
        Message("This page cannot be opened like that"),
        Message("The address exists, but not for the way in which it was asked for."),
        _START_AGAIN,
    ),
    410: (
        Message("This sign-in has expired"),
        Message("It was open for too long, or it is finished already, here or in another tab."),
        Message("Go back to the application and start again."),
    ),
    413: (
        Message("That was too much at once"),
        Message("What was sent to us is larger than we accept."),
        _START_AGAIN,
    ),
    429: (
        Message("Too many attempts"),
        Message("We stopped for a moment to keep accounts safe."),
        Message("Wait a few minutes, then try again."),
    ),
    500: (
        Message("Something went wrong on our side"),
        Message("We could not finish this step. It is not your fault, and it has been recorded."),
        Message("Try again in a moment. If this happens again, tell the support team."),
    ),
    503: (
        Message("We cannot do this right now"),
        Message("A part of our service is away for the moment. Nothing of yours is lost."),
        Message("Wait a minute, then try again."),
    ),
}
_CLIENT_ERROR = 400
_SERVER_ERROR = 500


def error_page(status: int, details: str | None = None) -> ErrorPage:
    """The page for an HTTP status; one without words of its own speaks like 400 or 500."""
    fallback = _CLIENT_ERROR if status < _SERVER_ERROR else _SERVER_ERROR
    title, happened, advice = _WORDS.get(status, _WORDS[fallback])
    return ErrorPage(status=status, title=title, happened=happened, advice=advice, details=details)
