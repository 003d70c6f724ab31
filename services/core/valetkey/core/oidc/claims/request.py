"""The ``claims`` parameter. OIDC Core §5.5."""

from __future__ import annotations

import json
import re
from typing import NamedTuple, cast

from valetkey.core.oauth import causes
from valetkey.core.oauth.errors import InvalidRequest

MAX_LENGTH = 4096
MAX_SUBJECT_LENGTH = 255  # OIDC Core §2: no sub is longer.
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


class ClaimsRequest(NamedTuple):
    """Which claims were asked for one by one, and what was demanded of the login.

    ``essential_acr`` are the values of an essential ``acr``, ``voluntary_acr`` those of another one; ``subject`` is a
    ``sub`` that must be the user's.
    """

    userinfo: tuple[str, ...] = ()
    id_token: tuple[str, ...] = ()
    essential_acr: tuple[str, ...] = ()
    subject: str | None = None
    essential_auth_time: bool = False
    voluntary_acr: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every claim asked for, wherever it is to be delivered."""
        return frozenset((*self.userinfo, *self.id_token))


NO_CLAIMS = ClaimsRequest()


def parse_claims_request(text: str | None, supported: frozenset[str]) -> ClaimsRequest:
    """Read the parameter; unknown members and claims are ignored. OIDC Core §5.5. Raises ``InvalidRequest``."""
    if text is None:
        return NO_CLAIMS
    if len(text) > MAX_LENGTH:
        raise InvalidRequest.of(causes.CLAIMS_TOO_LONG)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest.of(causes.CLAIMS_NOT_JSON) from error
    if not isinstance(document, dict):
        raise InvalidRequest.of(causes.CLAIMS_NOT_OBJECT)
    userinfo, id_token = _member(document, "userinfo"), _member(document, "id_token")
    acr = id_token.get("acr") or {}
    is_essential = acr.get("essential") is True
    subject = next(iter(_values(id_token.get("sub") or userinfo.get("sub") or {})), None)
    if subject is not None and len(subject.encode()) > MAX_SUBJECT_LENGTH:
        raise InvalidRequest.of(causes.CLAIMS_SUB_TOO_LONG)
    return ClaimsRequest(
        userinfo=tuple(name for name in userinfo if name in supported),
        id_token=tuple(name for name in id_token if name in supported),
        essential_acr=_values(acr) if is_essential else (),
        voluntary_acr=() if is_essential else _values(acr),
        subject=subject,
        essential_auth_time=(id_token.get("auth_time") or {}).get("essential") is True,
    )


def _member(document: dict[str, object], name: str) -> dict[str, dict[str, object] | None]:
    member = document.get(name, {})
    if member is None:
        return {}
    if not isinstance(member, dict):
        raise InvalidRequest.of(causes.no_object(name))
    if not all(request is None or isinstance(request, dict) for request in member.values()):
        raise InvalidRequest.of(causes.holds_no_objects(name))
    return cast("dict[str, dict[str, object] | None]", member)


def _values(request: dict[str, object]) -> tuple[str, ...]:
    listed = request.get("values")
    candidates = listed if isinstance(listed, list) else [request["value"]] if "value" in request else []
    # What is demanded of the login must not be skipped because it cannot be read.
    if not all(isinstance(value, str) and not _HALF_A_CHARACTER.search(value) for value in candidates):
        raise InvalidRequest.of(causes.CLAIMS_VALUE_NO_TEXT)
    return tuple(candidates)
