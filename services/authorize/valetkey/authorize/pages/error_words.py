"""What the error page says for each status, in plain words."""

from __future__ import annotations

from valetkey.authorize.pages.models import ErrorPage

_START_AGAIN = "Go back to the application and start again. If this happens again, tell its support team."
_WORDS = {
    400: (
        "This request did not work",
        "The application sent us a request that we cannot accept. Nothing was shared with it.",
        _START_AGAIN,
    ),
    403: (
        "We could not confirm this step",
        "The form came from another browser or page, or it was too old. Nothing was changed.",
        _START_AGAIN,
    ),
    404: (
        "There is nothing here",
        "The address is mistyped, or the page no longer exists.",
        "Check the address, or go back to the application that you came from.",
    ),
    405: (
        "This page cannot be opened like that",
        "The address exists, but not for the way in which it was asked for.",
        _START_AGAIN,
    ),
    410: (
        "This sign-in has expired",
        "It was open for too long, or it is finished already, here or in another tab.",
        "Go back to the application and start again.",
    ),
    413: (
        "That was too much at once",
        "What was sent to us is larger than we accept.",
        _START_AGAIN,
    ),
    429: (
        "Too many attempts",
        "We stopped for a moment to keep accounts safe.",
        "Wait a few minutes, then try again.",
    ),
    500: (
        "Something went wrong on our side",
        "We could not finish this step. It is not your fault, and it has been recorded.",
        "Try again in a moment. If this happens again, tell the support team.",
    ),
    503: (
        "We cannot do this right now",
        "A part of our service is away for the moment. Nothing of yours is lost.",
        "Wait a minute, then try again.",
    ),
}
_CLIENT_ERROR = 400
_SERVER_ERROR = 500


def error_page(status: int, details: str | None = None) -> ErrorPage:
    """The page for an HTTP status; one without words of its own speaks like 400 or 500."""
    fallback = _CLIENT_ERROR if status < _SERVER_ERROR else _SERVER_ERROR
    title, happened, advice = _WORDS.get(status, _WORDS[fallback])
    return ErrorPage(status=status, title=title, happened=happened, advice=advice, details=details)
