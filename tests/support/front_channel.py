"""What a browser carries to a client, and the pages that carry nothing: read as strictly as an attacker would look."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from support.browser import form_of

if TYPE_CHECKING:
    from support.browser import Answer


_HOME = re.compile(r"#main|/|(?:/[a-z0-9]+)+")


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What arrives at ``redirect_uri``, each parameter once; a query that was registered is part of the URI."""

    redirect_uri: str
    response_mode: str
    params: dict[str, str]

    @property
    def error(self) -> str | None:
        """The error code, None on success."""
        return self.params.get("error")

    @property
    def code(self) -> str:
        """The code of a successful response."""
        assert "code" in self.params, self.params
        return self.params["code"]


def response_of(answer: Answer, redirect_uri: str) -> AuthorizationResponse:
    """The authorization response that this answer sends to exactly this URI, in whichever mode."""
    if answer.is_redirect:
        assert answer.status == 303
        assert answer.location.startswith(redirect_uri), answer.location
        added = answer.location.removeprefix(redirect_uri)
        if added.startswith("#"):
            return AuthorizationResponse(redirect_uri, "fragment", _once(parse_qsl(added[1:], keep_blank_values=True)))
        assert added[:1] == ("&" if urlsplit(redirect_uri).query else "?"), answer.location
        assert "#" not in answer.location
        return AuthorizationResponse(redirect_uri, "query", _once(parse_qsl(added[1:], keep_blank_values=True)))
    assert answer.status == 200, f"{answer.status} at {answer.url}: {heading(answer)}"
    form = form_of(answer)
    assert (form.method, answer.page.get("form").attributes["action"]) == ("POST", redirect_uri)
    return AuthorizationResponse(redirect_uri, "form_post", _once(form.fields))


def heading(answer: Answer) -> str:
    """What a page is about."""
    return answer.page.get("h1").text


def require_shown(answer: Answer, status: int = 400) -> str:
    """The heading of a page that leads nowhere but home: no redirect, form, script or link out, nothing to refresh."""
    assert answer.status == status, f"{answer.status} at {answer.url}: {answer.text[:300]}"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert not {"Location", "Refresh", "Content-Location", "Link"} & set(answer.headers)
    page = answer.page
    assert not any(page.find_all(tag) for tag in ("form", "script", "iframe", "base", "object", "embed"))
    assert not [meta for meta in page.find_all("meta") if "http-equiv" in meta.attributes]
    assert all(_HOME.fullmatch(link.attributes["href"]) for link in page.find_all("a"))
    return heading(answer)


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    assert len(pairs) == len(dict(pairs)), f"a parameter is repeated: {pairs}"
    return dict(pairs)
