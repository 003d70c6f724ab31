"""From a proof to the next step: a session begins, or goes on, once all that is due has been proven, and not before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from valetkey.authorize.browser.cookies import generate_secret
from valetkey.authorize.flow.complete import advance
from valetkey.authorize.flow.interaction import InteractionContext, step_location
from valetkey.authorize.login.browser_origin import origin_of
from valetkey.authorize.login.due import due_of_login
from valetkey.authorize.pages.response import see_other
from valetkey.core.authentication.acr import strength_of
from valetkey.core.authentication.factor import Factor, merge_factors
from valetkey.core.authentication.session import Session
from valetkey.core.authentication.user import User

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.authorize.service import AuthorizeService


class Proof(NamedTuple):
    """What a user has just proven; ``begins``: a login, so that what was proven before does not count.

    ``is_kept``: the session that this login leads to stays when the browser is closed.
    """

    user: User
    factor: Factor
    begins: bool = False
    is_kept: bool = False


async def go_on_with(
    service: AuthorizeService,
    request: web.Request,
    pending: InteractionContext,
    proof: Proof,
    *,
    pauses: bool = False,
) -> web.Response | None:
    """The answer that leads to the next step. None, and nothing was stored, where the user has ended meanwhile.

    ``pauses``: it only says where to go on, and the client is not answered before the browser goes there.
    """
    is_login = proof.begins or pending.interaction.unfinished is not None
    interaction = pending.interaction.proven(proof.user, proof.factor, begins=proof.begins, is_kept=proof.is_kept)
    if is_login:
        due = await due_of_login(service, interaction, pending.client, proof.user)
        if not due.is_reached:
            # Nothing but the interaction knows of it, so that the browser has no session yet.
            return await advance(service, request, await pending.after_step(service, interaction, pending.session))
        factors, is_kept = due.factors, interaction.proofs is not None and interaction.proofs.is_kept
    else:
        factors, is_kept = (proof.factor,), pending.session is not None and pending.session.is_kept
    session = Session(uuid4(), proof.user, factors, is_kept, origin_of(service, request))
    begun = await _begin_session(service, request, pending, session)
    if begun is None:
        return None
    session, secret = begun
    interaction = interaction.logged_in(session.session_id) if is_login else interaction
    advanced = await pending.after_step(service, interaction, session)
    if pauses:
        await service.interactions.put(advanced.interaction_id, interaction)
        response = see_other(step_location(service, advanced.step, advanced.interaction_id, advanced.client))
    else:
        response = await advance(service, request, advanced)
    service.write_session(request, response, secret, session)
    device = service.devices.parse(service.cookies.device(request))
    service.cookies.write_device(request, response, str(service.devices.remember(device, proof.user.subject)))
    return response


async def _begin_session(
    service: AuthorizeService, request: web.Request, pending: InteractionContext, session: Session
) -> tuple[Session, str] | None:
    """Store the session; the user's own one goes on, so that one client's ``prompt=login`` signs out no other.

    It has a new secret after every proof: one that an attacker planted or learnt before is worth nothing afterwards.
    What it proved before goes on too. None where nothing is stored, because the user has ended since the proof began.
    """
    current, old_secret = pending.session, service.cookies.session_secret(request)
    if current is not None and old_secret is not None and current.user.subject == session.user.subject:
        factors = merge_factors(current.factors, session.factors)
        renewed = replace(session, session_id=current.session_id, factors=factors)
        # Tabs that sign in at once end with one secret, whichever is stored and whichever answer arrives last.
        secret = service.next_secrets.make(old_secret)
        if await service.sessions.renew(secret, renewed):
            return renewed, secret
    if strength_of(session.factors) is None:
        return None
    secret = generate_secret()
    return (session, secret) if await service.sessions.create(secret, session, old_secret) else None
