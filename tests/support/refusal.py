"""How a refusal looks to a client that must not learn more from it: fixed words, and a reference for the operator."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from valetkey.core.oauth import causes

if TYPE_CHECKING:
    from support.browser import Answer
    from support.relying_party import Reply

# What is registered, in the words that never change.
DESCRIPTIONS = {
    "invalid_request": "The request is missing a parameter, repeats one, or has one that is malformed.",
    "invalid_client": "Client authentication failed.",
    "invalid_grant": "The grant is invalid, expired, revoked, or was issued to another client.",
    "unauthorized_client": "The client is not registered for this grant type or response type.",
    "unsupported_grant_type": "The grant type is not supported.",
    "invalid_scope": "The requested scope is unknown, malformed, or exceeds what may be granted.",
    "invalid_target": "The requested resource is unknown, malformed, or exceeds what may be granted.",
    "invalid_token": "The access token is invalid, expired or revoked.",
    "insufficient_scope": "The access token does not carry the scope that this needs.",
    "temporarily_unavailable": "The server is temporarily unable to handle the request; try again.",
}
_STATUS = {"invalid_client": 401, "invalid_token": 401, "insufficient_scope": 403, "temporarily_unavailable": 503}

# Codes and tokens: whatever is wrong with them, the words are the same.
_NEVER_EXPLAINED = {"invalid_grant", "invalid_token", "insufficient_scope"}


CAUSES = {name: cause for name, cause in vars(causes).items() if isinstance(cause, causes.Cause)}
_SENTENCES = {cause.sentence for cause in CAUSES.values()}
_NAME = "|".join(sorted(causes.PARAMETERS))
# Sentences with something of ours in them.
_MADE = re.compile(
    rf"(?:{_NAME}) (?:is missing|is repeated|is longer than \d+ bytes)"
    r"|claims\.(?:id_token|userinfo) (?:is not an object|holds something that is neither null nor an object)"
    r"|this client is registered for \w+ and used \w+"
)


def is_public(description: str) -> bool:
    """Whether this is one of the sentences that name a fault."""
    sentence = description.removesuffix(".")
    return sentence in _SENTENCES or _MADE.fullmatch(sentence) is not None


def require_refusal(answer: Answer | Reply, error: str) -> None:
    """An error response of RFC 6749 §5.2. Only what may be told apart is: see ``core.oauth.causes``."""
    body: dict[str, Any] = json.loads(answer.body) if isinstance(answer.body, bytes) else answer.body
    assert (answer.status, body.get("error")) == (_STATUS.get(error, 400), error), body
    assert body.keys() == {"error", "error_description", "reference"}
    assert body["reference"] == answer.headers["X-Trace-Id"]
    description = body["error_description"]
    assert description == DESCRIPTIONS[error] or (error not in _NEVER_EXPLAINED and is_public(description)), body
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
