"""What a user still has to do before an authorization request can be answered. OIDC Core §3.1.2.3, §3.1.2.4."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from valetkey.core.epoch import GrantEpochs
from valetkey.core.oauth.errors import (
    AccessDenied,
    AccountSelectionRequired,
    ConsentRequired,
    LoginRequired,
    OAuthError,
)

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.authentication.session import Session
    from valetkey.core.authentication.user import User
    from valetkey.core.client.client import Client
    from valetkey.core.oauth.authorization_request import AuthorizationRequest


NOT_ADMITTED = "the user is in none of the groups that the client allows"


class Step(Enum):
    """The page to show next, or none. ``NOT_ALLOWED``: the client's ``allowed_groups`` leave this user out."""

    LOGIN = "login"
    SELECT_ACCOUNT = "select_account"
    NOT_ALLOWED = "not_allowed"
    CONSENT = "consent"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Interaction:
    """An authorization request waiting for its user, bound to one browser.

    ``browser`` is the digest of the browser's binding cookie. ``login`` is the session that a login in this very
    interaction made, so that neither an older login nor another tab's can satisfy ``prompt=login`` or ``max_age``.
    ``selected`` is the session the user chose to continue as. ``hinted_subject`` comes from a verified
    ``id_token_hint``. ``installation_epoch`` and ``client_epoch`` are those of its beginning; None from release 0.1.0.
    Times are UTC.
    """

    request: AuthorizationRequest
    client_uid: UUID
    browser: bytes
    created_at: datetime
    login: UUID | None = None
    selected: UUID | None = None
    hinted_subject: UUID | None = None
    installation_epoch: int | None = None
    client_epoch: int | None = None

    def grant_epochs(self, client: Client, user: User, consent_epoch: int) -> GrantEpochs:
        """What a code that answers this carries: the first that was read of each, so that no ending since is missed.

        ``client`` may come from a cache that is older than the interaction, or younger.
        """
        return GrantEpochs(
            installation=min(
                self.installation_epoch if self.installation_epoch is not None else client.installation_epoch,
                user.installation_epoch,
            ),
            client=self.client_epoch if self.client_epoch is not None else client.epoch,
            user=user.epoch,
            consent=consent_epoch,
        )

    def has_ended(self, client: Client) -> bool:
        """Whether its client, or everything, has ended since it began, as far as ``client`` tells."""
        return (self.client_epoch is not None and self.client_epoch < client.epoch) or (
            self.installation_epoch is not None and self.installation_epoch < client.installation_epoch
        )

    def logged_in(self, session_id: UUID) -> Interaction:
        """The same, after a login here."""
        return replace(self, login=session_id, selected=session_id)

    def account_rejected(self) -> Interaction:
        """The same, after the user said that another user is signed in: an account has to be chosen."""
        request = replace(self.request, prompt=self.request.prompt | {"select_account"})
        return replace(self, request=request, selected=None)

    def account_selected(self, session_id: UUID) -> Interaction:
        """The same, after the user chose to continue as who is signed in."""
        return replace(self, selected=session_id)


def login_step(interaction: Interaction, session: Session | None, now: datetime) -> Step:
    """LOGIN, SELECT_ACCOUNT, or CONSENT where the login is settled and only consent can be open.

    OIDC Core §3.1.2.3: prompt, max_age, id_token_hint and a requested ``sub`` are met by this session, or not.
    """
    request = interaction.request
    if session is None:
        return Step.LOGIN
    here = interaction.login == session.session_id
    if "login" in request.prompt and not here:
        return Step.LOGIN
    if request.max_age is not None and not here and (now - session.auth_time).total_seconds() >= request.max_age:
        return Step.LOGIN
    if not is_expected_subject(interaction, session):
        return Step.LOGIN
    if "select_account" in request.prompt and interaction.selected != session.session_id:
        return Step.SELECT_ACCOUNT
    return Step.CONSENT


def is_expected_subject(interaction: Interaction, session: Session) -> bool:
    """Whether this is the user whom ``id_token_hint`` or ``claims`` demand, if any. OIDC Core §3.1.2.2."""
    user = session.user
    if interaction.hinted_subject not in (None, user.subject):
        return False
    return interaction.request.claims.subject in (None, user.sub)


def access_step(client: Client, session: Session) -> Step:
    """NOT_ALLOWED for a user whom the client does not admit, otherwise CONSENT. Comes once the login is settled."""
    return Step.CONSENT if client.admits(session.user) else Step.NOT_ALLOWED


def refusal_without_prompt(step: Step) -> OAuthError:
    """The error for ``prompt=none`` where a page would have been needed. OIDC Core §3.1.2.6."""
    if step is Step.LOGIN:
        return LoginRequired("prompt=none without a suitable session")
    if step is Step.NOT_ALLOWED:
        return AccessDenied(NOT_ADMITTED)
    if step is Step.SELECT_ACCOUNT:
        return AccountSelectionRequired("prompt=none and an account must be chosen")
    return ConsentRequired("prompt=none without consent")
