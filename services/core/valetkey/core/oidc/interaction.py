"""What a user still has to do before an authorization request can be answered. OIDC Core §3.1.2.3, §3.1.2.4."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from valetkey.core.authentication.acr import (
    Enrolled,
    demandable,
    known,
    reaches,
    strength_at,
    strength_of,
    strongest,
    weakest,
)
from valetkey.core.authentication.factor import Factor, merge_factors
from valetkey.core.authentication.result import Authentication
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
    from valetkey.core.oauth.resource import Catalog


NOT_ADMITTED = "the user is in none of the groups that the client allows"


class Step(Enum):
    """The page to show next, or none. ``NOT_ALLOWED``: the client's ``allowed_groups`` leave this user out.

    ``SECOND_FACTOR``: a login has begun, or there is a session, and more has to be proven. ``ENROL``: more than the
    user has a method for, so that one has to be set up first.
    """

    LOGIN = "login"
    SECOND_FACTOR = "second_factor"
    ENROL = "enrol"
    SELECT_ACCOUNT = "select_account"
    NOT_ALLOWED = "not_allowed"
    CONSENT = "consent"
    DONE = "done"


class Proofs(NamedTuple):
    """What a person has proven in an interaction. There is no session before all that is due.

    The epochs are those of the user when it began: what ends the user meanwhile ends this too. ``is_login``: they began
    with a first factor; otherwise they add to a session. ``is_kept``: the session that they lead to stays when the
    browser is closed.
    """

    subject: UUID
    user_epoch: int
    installation_epoch: int
    factors: tuple[Factor, ...]
    is_login: bool = False
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Interaction:
    """An authorization request waiting for its user, bound to one browser.

    ``browser`` is the digest of the browser's binding cookie. ``login`` is the session that a login in this very
    interaction made, so that neither an older login nor another tab's can satisfy ``prompt=login`` or ``max_age``.
    ``selected`` is the session the user chose to continue as. ``hinted_subject`` comes from a verified
    ``id_token_hint``. ``installation_epoch`` and ``client_epoch`` are those of its beginning; None from release 0.1.0.
    ``proofs`` are those of a login that is not finished, and afterwards those that were given here. Times are UTC.
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
    proofs: Proofs | None = None

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

    @property
    def unfinished(self) -> Proofs | None:
        """A login that has begun here, and lacks a proof."""
        proofs = self.proofs
        return proofs if proofs is not None and proofs.is_login and self.login is None else None

    def proven(self, user: User, factor: Factor, *, begins: bool, is_kept: bool = False) -> Interaction:
        """The same, after one more proof by this user; ``begins``: a login, so that those before do not count.

        ``is_kept`` counts where a login begins.
        """
        before = self.proofs
        goes_on = before is not None and before.subject == user.subject and not begins
        factors = merge_factors(before.factors if before is not None and goes_on else (), (factor,))
        is_login = begins or (before is not None and goes_on and before.is_login)
        is_kept = is_kept if begins else before is not None and goes_on and before.is_kept
        proofs = Proofs(user.subject, user.epoch, user.installation_epoch, factors, is_login, is_kept)
        return replace(self, proofs=proofs, login=None if begins else self.login)

    def counted(self, session: Session, now: datetime) -> tuple[Factor, ...]:
        """The proofs of a session that count for this request: ``prompt=login`` and ``max_age`` leave out old ones.

        One that was given here, or repeated since, counts in any case. OIDC Core §3.1.2.1.
        """
        request, proofs = self.request, self.proofs
        if request.max_age is None and "login" not in request.prompt:
            return session.factors
        if proofs is None and self.login == session.session_id:
            return session.factors  # of a release without factors
        given_here = () if proofs is None or proofs.subject != session.user.subject else proofs.factors
        oldest = None
        if request.max_age is not None and "login" not in request.prompt:
            oldest = now - timedelta(seconds=request.max_age)
        here = {factor.method: factor.at for factor in given_here}
        return tuple(
            factor
            for factor in session.factors
            if (oldest is not None and factor.at > oldest)
            or (factor.method in here and factor.at >= here[factor.method])
        )

    def begun_anew(self) -> Interaction:
        """The same, after the user has left a login that was not finished."""
        return replace(self, proofs=None)

    def account_rejected(self) -> Interaction:
        """The same, after the user said that another user is signed in: an account has to be chosen."""
        request = replace(self.request, prompt=self.request.prompt | {"select_account"})
        return replace(self, request=request, selected=None)

    def account_selected(self, session_id: UUID) -> Interaction:
        """The same, after the user chose to continue as who is signed in."""
        return replace(self, selected=session_id)


def demanded_acr(client: Client, catalog: Catalog, user: User, request: AuthorizationRequest) -> str | None:
    """The level without which there is no answer, whatever it takes; None where a password will do as ever.

    The client's own, that of the user's groups, and the weakest of an essential ``acr``. OIDC Core §5.5.1.1.
    """
    if client.required_acr is None and not catalog.required_acr and not request.claims.essential_acr:
        return None
    demands = [catalog.required_acr[name] for name in user.groups if name in catalog.required_acr]
    if client.required_acr is not None:
        demands.append(client.required_acr)
    return strongest((weakest(request.claims.essential_acr), *map(demandable, demands)))


def login_step(interaction: Interaction, session: Session | None, now: datetime, demanded: str | None = None) -> Step:
    """LOGIN, SECOND_FACTOR, SELECT_ACCOUNT, or CONSENT where the login is settled and only consent can be open.

    OIDC Core §3.1.2.3: prompt, max_age, id_token_hint and a requested ``sub`` are met by this session, or not.
    ``demanded`` is the level that it has to reach with proofs that count for this request.
    """
    if interaction.unfinished is not None:
        return Step.SECOND_FACTOR
    if session is None or not _is_settled(interaction, session, now):
        return Step.LOGIN
    if "select_account" in interaction.request.prompt and interaction.selected != session.session_id:
        return Step.SELECT_ACCOUNT
    if demanded is not None and not is_reached(interaction, session, now, demanded):
        return Step.SECOND_FACTOR
    return Step.CONSENT


def _is_settled(interaction: Interaction, session: Session, now: datetime) -> bool:
    """Whether this session signs its user in for this request, at whatever level."""
    request = interaction.request
    is_here = interaction.login == session.session_id
    if "login" in request.prompt and not is_here:
        return False
    if request.max_age is not None and not is_here and strength_of(interaction.counted(session, now)) is None:
        return False
    return is_expected_subject(interaction, session.user)


def is_reached(interaction: Interaction, session: Session, now: datetime, acr: str) -> bool:
    """Whether the session reaches a level with proofs that count for this request."""
    strength = strength_of(interaction.counted(session, now))
    return strength is not None and reaches(strength.acr, acr)


def asks_for_more(interaction: Interaction, session: Session, now: datetime, enrolled: Enrolled) -> str | None:
    """The level of ``acr_values`` that this user can still reach and has not; None where there is none.

    OIDC Core §3.1.2.1: a voluntary claim. What cannot be reached is not demanded.
    """
    wanted = weakest(interaction.request.acr_values)
    if wanted is None or is_reached(interaction, session, now, wanted) or not enrolled.can_reach(wanted):
        return None
    return wanted


def authentication_of(interaction: Interaction, session: Session, now: datetime) -> Authentication:
    """What the answer says of the login: of the levels that were asked for the strongest reached, otherwise just that.

    Proofs that are too old for the request are left out, so that ``auth_time`` is as young as it asked for.
    """
    request = interaction.request
    factors = interaction.counted(session, now)
    said = strength_of(factors) or session.strength
    for acr in reversed(known(request.claims.essential_acr or request.acr_values)):
        found = strength_at(acr, factors)
        if found is not None:
            said = found
            break
    return Authentication(session.user.subject, said.auth_time, said.acr, said.amr, session.session_id)


def is_expected_subject(interaction: Interaction, user: User) -> bool:
    """Whether this is the user whom ``id_token_hint`` or ``claims`` demand, if any. OIDC Core §3.1.2.2."""
    if interaction.hinted_subject not in (None, user.subject):
        return False
    return interaction.request.claims.subject in (None, user.sub)


def access_step(client: Client, session: Session) -> Step:
    """NOT_ALLOWED for a user whom the client does not admit, otherwise CONSENT. Comes once the login is settled."""
    return Step.CONSENT if client.admits(session.user) else Step.NOT_ALLOWED


def refusal_without_prompt(step: Step) -> OAuthError:
    """The error for ``prompt=none`` where a page would have been needed. OIDC Core §3.1.2.6."""
    if step in (Step.LOGIN, Step.SECOND_FACTOR, Step.ENROL):
        return LoginRequired("prompt=none without a suitable session")
    if step is Step.NOT_ALLOWED:
        return AccessDenied(NOT_ADMITTED)
    if step is Step.SELECT_ACCOUNT:
        return AccountSelectionRequired("prompt=none and an account must be chosen")
    return ConsentRequired("prompt=none without consent")
