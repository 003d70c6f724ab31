"""From what happened to what the page shows: secrets shortened, JSON indented, JWTs taken apart."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from valetkey.demo.relying_party.exchange import NO_ANSWER, Exchange
from valetkey.demo.relying_party.session import Tokens, TourSession
from valetkey.demo.relying_party.steps import STEPS, TOKENS, Step

_SHORTENED = frozenset({"access_token", "refresh_token", "id_token", "token", "code", "code_verifier"})
_TIMES = ("auth_time", "iat", "nbf", "exp")
_HEAD, _TAIL = 14, 6


@dataclass(frozen=True, slots=True)
class ExchangeView:
    """A request and its answer as lines of text."""

    request: str
    answer: str
    status: str
    is_ok: bool
    trace_id: str
    note: str


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token, shortened, and what is in it where that can be read; ``times`` are in UTC."""

    name: str
    short: str
    header: str = ""
    claims: str = ""
    times: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StepView:
    """A step and where the visitor stands with it."""

    number: int
    step: Step
    exchanges: tuple[ExchangeView, ...]
    is_open: bool
    is_done: bool
    is_next: bool
    is_latest: bool


def step_views(session: TourSession) -> list[StepView]:
    """All steps; the first one that can be taken and was not is the next."""
    views: list[StepView] = []
    for number, step in enumerate(STEPS, 1):
        is_open = _is_open(step, session)
        exchanges = tuple(map(exchange_view, session.results.get(step.name, ())))
        is_done = session.tokens is not None if step.name == TOKENS else bool(exchanges)
        is_next = is_open and not is_done and not any(view.is_next for view in views)
        views.append(StepView(number, step, exchanges, is_open, is_done, is_next, step.name == session.latest))
    return views


def exchange_view(exchange: Exchange) -> ExchangeView:
    """The exchange as a person reads it; no secret is shown whole."""
    parts = urlsplit(exchange.url)
    pairs = [f"{name}={_shown(name, value)}" for name, value in exchange.form]
    in_query = exchange.method == "GET"
    head = [f"{exchange.method} {parts.path}"]
    if in_query:
        head += [f"  {'&' if position else '?'}{pair}" for position, pair in enumerate(pairs)]
    head += [f"Host: {parts.netloc}", *(f"{name}: {_credentials(value)}" for name, value in exchange.headers)]
    body = "" if in_query else "\n".join(pairs)
    if exchange.content is not None:
        body = _json(exchange.content)
    return ExchangeView(
        request="\n".join(head) + (f"\n\n{body}" if body else ""),
        answer=_answer(exchange),
        status=_status(exchange.status),
        is_ok=exchange.status != NO_ANSWER and exchange.status < HTTPStatus.BAD_REQUEST,
        trace_id=exchange.trace_id,
        note=exchange.note,
    )


def token_views(tokens: Tokens | None) -> list[TokenView]:
    """The tokens of a session."""
    if tokens is None:
        return []
    views = [token_view("Access token", tokens.access_token), token_view("ID token", tokens.id_token)]
    return [*views, token_view("Refresh token", tokens.refresh_token)] if tokens.refresh_token else views


def token_view(name: str, token: str) -> TokenView:
    """A token taken apart; one that is no JWT stays closed."""
    try:
        header, claims = (_decode(part) for part in token.split(".")[:2])
    except ValueError:
        return TokenView(name, shorten(token))
    times = tuple((each, _time(claims[each])) for each in _TIMES if isinstance(claims.get(each), int))
    return TokenView(name, shorten(token), _json(header), _json(claims), times)


def shorten(value: str) -> str:
    """Enough of a secret to recognise it, too little to use it."""
    return value if len(value) <= _HEAD + _TAIL else f"{value[:_HEAD]}…{value[-_TAIL:]}"


def _is_open(step: Step, session: TourSession) -> bool:
    match step.needs:
        case "tokens":
            return session.tokens is not None
        case "revoked":
            return session.tokens is not None and session.is_revoked
        case _:
            return True


def _decode(part: str) -> dict[str, Any]:
    value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - a part of a token, not a type of ours
    return value


def _time(timestamp: int) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S}"


def _credentials(value: str) -> str:
    scheme, _, credentials = value.partition(" ")
    return f"{scheme} {shorten(credentials)}" if scheme == "Bearer" else f"{scheme} (client_id and client_secret)"


def _shown(name: str, value: object) -> object:
    return shorten(value) if name in _SHORTENED and isinstance(value, str) else value


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps({name: _shown(name, each) for name, each in value.items()}, indent=2, ensure_ascii=False)


def _answer(exchange: Exchange) -> str:
    lines = [
        f"{name}: {exchange.answer_headers[name]}"
        for name in ("WWW-Authenticate", "Cache-Control", "ETag", "Retry-After")
        if name in exchange.answer_headers
    ]
    body = _json(exchange.body) if exchange.body else ""
    return "\n".join(lines) + ("\n\n" if lines and body else "") + body


def _status(status: int) -> str:
    if status == NO_ANSWER:
        return "No answer"
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
