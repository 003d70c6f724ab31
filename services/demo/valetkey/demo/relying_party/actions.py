"""What each button does: requests to the issuer and the API, kept for the page to show."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from aiohttp import ClientSession

from valetkey.demo.relying_party.config import RelyingPartyConfig
from valetkey.demo.relying_party.exchange import Exchange, bearer, perform
from valetkey.demo.relying_party.id_token import IdTokenError
from valetkey.demo.relying_party.issuer import Issuer
from valetkey.demo.relying_party.session import Tokens, TourSession

RotateKeys = Callable[[], Awaitable[Sequence[str]]]
"""Rotates the issuer's keys, and says in sentences what became of which key."""
SetMembership = Callable[[str, bool], Awaitable[None]]
"""Puts the user with this subject into the group that may clear the notes, or takes the user out of it."""

_MOST_NOTE = 200
_JWKS_ATTEMPTS = 20
_JWKS_INTERVAL = 0.1


@dataclass(frozen=True, slots=True)
class Privileges:
    """What no client could do: the tour stands in for an operator."""

    rotate_keys: RotateKeys
    set_membership: SetMembership


@dataclass(frozen=True, slots=True)
class Tour:
    """What the actions work with."""

    config: RelyingPartyConfig
    issuer: Issuer
    http: ClientSession
    privileges: Privileges

    async def call_api(self, session: TourSession, method: str, path: str, text: str | None = None) -> Exchange:
        """One call to the API with the access token of this session."""
        request = Exchange(
            method,
            f"{self.config.api_url}{path}",
            headers=(bearer(_require_tokens(session).access_token),),
            content=None if text is None else {"text": text},
        )
        return await perform(self.http, request)


class NotSignedInError(Exception):
    """The action needs tokens and there are none."""


async def userinfo(tour: Tour, session: TourSession, _form: Mapping[str, str]) -> list[Exchange]:
    """Ask the issuer who signed in."""
    tokens = _require_tokens(session)
    answer = await tour.issuer.userinfo(tokens.access_token)
    # OIDC Core §5.3.2: claims about another subject MUST NOT be used.
    if answer.is_ok and answer.text("sub") != tokens.claims.get("sub"):
        return [answer.noted("The answer is about another user, so it was ignored.")]
    session.name = answer.text("name") or session.name
    return [answer]


async def read_notes(tour: Tour, session: TourSession, _form: Mapping[str, str]) -> list[Exchange]:
    """A call that the API checks by itself."""
    return [await tour.call_api(session, "GET", "/api/notes")]


async def add_note(tour: Tour, session: TourSession, form: Mapping[str, str]) -> list[Exchange]:
    """A call that needs another scope."""
    return [await tour.call_api(session, "POST", "/api/notes", form.get("text", "")[:_MOST_NOTE])]


async def read_carefully(tour: Tour, session: TourSession, _form: Mapping[str, str]) -> list[Exchange]:
    """A call for which the API asks the issuer about the token."""
    return [await tour.call_api(session, "GET", "/api/careful")]


async def refresh(tour: Tour, session: TourSession, _form: Mapping[str, str]) -> list[Exchange]:
    """Trade the refresh token for new tokens; the tour goes on with those."""
    tokens = _require_tokens(session)
    answer = await tour.issuer.refresh(tokens.refresh_token)
    if not answer.is_ok:
        return [answer]
    id_token = answer.text("id_token")
    claims = tokens.claims
    if id_token:
        try:
            claims = await tour.issuer.verify_id_token(id_token, answer.text("access_token"), nonce=None)
        except IdTokenError as error:
            return [answer.noted(f"The new tokens were thrown away: {error}.")]
        # OIDC Core §12.2: the same person, or it is not a refresh.
        if claims["sub"] != tokens.claims.get("sub"):
            return [answer.noted("The new tokens were thrown away: they are about another user.")]
    session.tokens = replace(
        tokens,
        access_token=answer.text("access_token"),
        refresh_token=answer.text("refresh_token") or tokens.refresh_token,
        id_token=id_token or tokens.id_token,
        scope=answer.text("scope") or tokens.scope,
        claims=claims,
    )
    return [answer]


async def clear_notes(tour: Tour, session: TourSession, _form: Mapping[str, str]) -> list[Exchange]:
    """A call that needs a group."""
    return [await _clear_notes(tour, session)]


async def leave_group(tour: Tour, session: TourSession, form: Mapping[str, str]) -> list[Exchange]:
    """The same call after the user has left the group."""
    return await _with_membership(tour, session, form, is_member=False)


async def join_group(tour: Tour, session: TourSession, form: Mapping[str, str]) -> list[Exchange]:
    """The same call after the user has come into the group."""
    return await _with_membership(tour, session, form, is_member=True)


async def _with_membership(
    tour: Tour, session: TourSession, form: Mapping[str, str], *, is_member: bool
) -> list[Exchange]:
    await tour.privileges.set_membership(str(_require_tokens(session).claims["sub"]), is_member)
    refreshed, *_ = await refresh(tour, session, form)
    if not refreshed.is_ok or refreshed.note:
        return [refreshed]
    groups = _require_tokens(session).claims.get("groups", [])
    said = f"The new tokens say that you are in: {', '.join(groups)}." if groups else "The new tokens name no group."
    return [refreshed.noted(said), await _clear_notes(tour, session)]


async def _clear_notes(tour: Tour, session: TourSession) -> Exchange:
    return await tour.call_api(session, "DELETE", "/api/notes")


async def introspect(tour: Tour, session: TourSession, _form: Mapping[str, str]) -> list[Exchange]:
    """Ask the issuer about the access token."""
    return [await tour.issuer.introspect(_require_tokens(session).access_token)]


async def revoke(tour: Tour, session: TourSession, _form: Mapping[str, str]) -> list[Exchange]:
    """Give the grant back. The tokens are kept all the same, to see them refused."""
    answer = await tour.issuer.revoke(_require_tokens(session).refresh_token)
    if not answer.is_ok:
        return [answer]
    session.is_revoked = True
    return [answer.noted("An empty answer is all there is to say: revoked, or never valid.")]


async def call_again(tour: Tour, session: TourSession, _form: Mapping[str, str]) -> list[Exchange]:
    """The same calls with the same tokens, now that they are revoked."""
    tokens = _require_tokens(session)
    careful = await tour.call_api(session, "GET", "/api/careful")
    refreshed = await tour.issuer.refresh(tokens.refresh_token)
    plain = await tour.call_api(session, "GET", "/api/notes")
    return [
        careful.noted("This route asks the issuer about each token, so it learns of the revocation at once."),
        refreshed.noted("Nothing new can be had with the old refresh token."),
        plain.noted("This route only checks the signature, so it goes on until the token expires, minutes later."),
    ]


async def rotate_keys(tour: Tour, _session: TourSession, _form: Mapping[str, str]) -> list[Exchange]:
    """The published keys before and after a rotation."""
    before = await tour.issuer.jwks()
    events = await tour.privileges.rotate_keys()
    after = await tour.issuer.jwks()
    if events:
        for _ in range(_JWKS_ATTEMPTS):
            if after.body != before.body:
                break
            await asyncio.sleep(_JWKS_INTERVAL)
            after = await tour.issuer.jwks()
    happened = " ".join(events) or (
        "Nothing to do yet: a key signs only after every verifier has had time to learn it. Try again in ten seconds."
    )
    return [before.noted("Before."), after.noted(happened)]


Action = Callable[[Tour, TourSession, Mapping[str, str]], Awaitable[list[Exchange]]]


async def tokens_from(tour: Tour, answer: Exchange, nonce: str) -> Tokens:
    """The tokens in a token response to a code, once the ID token has been verified. Raises ``IdTokenError``."""
    claims = await tour.issuer.verify_id_token(answer.text("id_token"), answer.text("access_token"), nonce)
    return Tokens(
        access_token=answer.text("access_token"),
        refresh_token=answer.text("refresh_token"),
        id_token=answer.text("id_token"),
        scope=answer.text("scope"),
        claims=claims,
    )


def _require_tokens(session: TourSession) -> Tokens:
    if session.tokens is None:
        raise NotSignedInError
    return session.tokens
