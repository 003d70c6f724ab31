"""Calls as a history would have them, written by hand: all by ``client-0``, and a second long unless told."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from faults.call import Answer, Call, Outcome

_NUMBERS = count()


def call(kind: str, began: float, given: dict[str, str], got: dict[str, str] | None = None) -> Call:
    """Done, within a second."""
    answer = Answer(Outcome.DONE, 200, got=got or {})
    return Call(next(_NUMBERS), "client-0", kind, "somewhere-0", began, began + 1, given, answer)


def login(began: float, code: str = "code", *, asked: str = "", prompt: str = "") -> Call:
    """A login in one browser; ``asked`` is what the person was asked for."""
    return call("authorize", began, {"browser": "browser", "prompt": prompt}, {"code": code, "asked": asked})


def redemption(began: float, code: str = "code") -> Call:
    """The first tokens of the grant that is named like the code."""
    return call("redeem", began, {"code": code, "grant": code}, {"access": "access-1", "refresh": "refresh-1"})


def refreshing(began: float, token: str, successor: str) -> Call:
    """A refresh of the grant ``code``."""
    given = {"refresh": token, "grant": "code"}
    return call("refresh", began, given, {"access": f"access of {successor}", "refresh": successor})


def revocation(began: float, *, access: str = "") -> Call:
    """Of the grant ``code``, or of one access token of it."""
    given = {"access": access} if access else {"refresh": "refresh-1"}
    return call("revoke", began, {"grant": "code", **given})


def introspection(began: float, *, active: bool, access: str = "access-1") -> Call:
    """Of an access token of the grant ``code``."""
    return call("introspect", began, {"grant": "code", "access": access}, {"active": "yes" if active else "no"})


def user_information(began: float) -> Call:
    """By the first access token of the grant ``code``."""
    return call("userinfo", began, {"grant": "code", "access": "access-1"})


def lasting(made: Call, seconds: float) -> Call:
    """The same, answered later."""
    return replace(made, ended=made.began + seconds)


def refused(made: Call, error: str = "invalid_grant", status: int = 400) -> Call:
    """The same, refused."""
    return replace(made, answer=Answer(Outcome.REFUSED, status, error))


def unavailable(made: Call, retry_after: str = "1") -> Call:
    """The same, answered with 503: perhaps it was done."""
    return replace(made, answer=Answer(Outcome.UNAVAILABLE, 503, "temporarily_unavailable", retry_after))


def lost(made: Call, *, hung_up: bool = True) -> Call:
    """The same, without an answer: perhaps it was done."""
    return replace(made, answer=Answer(Outcome.UNKNOWN), hung_up=hung_up)
