"""What a login that has begun, or a session, still has to prove: of whom, at which level, by which methods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.core.authentication.acr import ACR_PASSWORD, reaches, strength_of, strongest, takes_part, weakest
from valetkey.core.oidc.interaction import Step, demanded_acr

if TYPE_CHECKING:
    from datetime import datetime

    from valetkey.authorize.service import AuthorizeService
    from valetkey.core.authentication.acr import Enrolled
    from valetkey.core.authentication.factor import Factor, Method
    from valetkey.core.authentication.session import Session
    from valetkey.core.authentication.user import User
    from valetkey.core.client.client import Client
    from valetkey.core.oidc.interaction import Interaction

RECENT = timedelta(minutes=10)
"""How old the last proof may be of a user who changes by what one signs in."""


@dataclass(frozen=True, slots=True)
class Due:
    """Whose proof is due. ``factors`` are those that count so far, ``acr`` is the level they have to reach.

    ``is_enrolment``: a method has to be set up first. ``is_recent``: the last proof is young enough for that.
    """

    user: User
    factors: tuple[Factor, ...]
    enrolled: Enrolled
    acr: str
    is_enrolment: bool
    is_recent: bool

    @property
    def is_reached(self) -> bool:
        """Whether nothing is due any more."""
        return _reach(self.factors, self.acr)

    def can_use(self, method: Method) -> bool:
        """Whether a proof by this method takes part in reaching the level."""
        return takes_part(method, self.acr)


async def find_due(
    service: AuthorizeService, interaction: Interaction, client: Client, session: Session | None
) -> Due | None:
    """What is due; None where it has to begin with a login. A login that is not finished comes before a session."""
    begun = interaction.unfinished
    if begun is not None:
        user = await service.users.find_by_subject(begun.subject)
        if user is None or not user.enabled or (user.epoch, user.installation_epoch) != begun[1:3]:
            return None
        return await due_of_login(service, interaction, client, user)
    if session is None:
        return None
    factors = interaction.counted(session, service.clock())
    return await _due(service, interaction, client, session.user, factors, session.last_proof)


async def due_of_login(service: AuthorizeService, interaction: Interaction, client: Client, user: User) -> Due:
    """What is due of a login that has begun, by a user who is as that began."""
    factors = () if interaction.proofs is None else interaction.proofs.factors
    return await _due(service, interaction, client, user, factors, factors[-1].at, is_login=True)


async def _due(
    service: AuthorizeService,
    interaction: Interaction,
    client: Client,
    user: User,
    factors: tuple[Factor, ...],
    last_proof: datetime,
    *,
    is_login: bool = False,
) -> Due:
    enrolled = await service.credentials.enrolled(user.subject)
    demanded = demanded_acr(client, await service.catalog.get(), user, interaction.request)
    wanted = weakest(interaction.request.acr_values)
    if wanted is not None and not enrolled.can_reach(wanted):
        wanted = None
    acr = strongest((demanded, wanted, enrolled.own_acr if is_login else None)) or ACR_PASSWORD
    is_enrolment = not enrolled.can_reach(acr)
    if is_enrolment and not _reach(factors, enrolled.own_acr):
        # Who has a second factor shows it before there is another.
        acr, is_enrolment = enrolled.own_acr, False
    return Due(user, factors, enrolled, acr, is_enrolment, is_recent=service.clock() - last_proof <= RECENT)


async def step_of_due(
    service: AuthorizeService, interaction: Interaction, client: Client, session: Session | None
) -> Step:
    """The page on which to prove more: LOGIN where that has to begin anew."""
    due = await find_due(service, interaction, client, session)
    if due is None or due.is_reached:
        return Step.LOGIN
    if not due.is_enrolment:
        return Step.SECOND_FACTOR
    return Step.ENROL if due.is_recent else Step.LOGIN


def _reach(factors: tuple[Factor, ...], acr: str) -> bool:
    strength = strength_of(factors)
    return strength is not None and reaches(strength.acr, acr)
