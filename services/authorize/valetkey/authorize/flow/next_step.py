"""Which step an interaction is at, consent included."""

from typing import NamedTuple

from valetkey.authorize.account.page_client import UID as ACCOUNT_UID
from valetkey.authorize.login.due import step_of_due
from valetkey.authorize.service import AuthorizeService
from valetkey.core.authentication.session import Session, SignedIn
from valetkey.core.client.client import Client, ConsentPolicy
from valetkey.core.oauth.authorization_request import AuthorizationRequest
from valetkey.core.oauth.consent import Consent, asked_consent, must_ask
from valetkey.core.oauth.resource import Catalog
from valetkey.core.oidc.interaction import Interaction, Step, access_step, asks_for_more, demanded_acr, login_step


class NextStep(NamedTuple):
    """The step, and the epoch of the consent that makes another one needless: only where nothing is left to ask."""

    step: Step
    consent_epoch: int | None = None


def consent_of(request: AuthorizationRequest) -> Consent:
    """What this request would have its user agree to."""
    return asked_consent(request.scope, request.resources, request.claims.names)


async def next_step(
    service: AuthorizeService, interaction: Interaction, client: Client, signed_in: SignedIn | None, catalog: Catalog
) -> NextStep:
    """The page to show next; DONE where nothing is left to ask. OIDC Core §3.1.2.3, §3.1.2.4."""
    session, remembered = (None, None) if signed_in is None else signed_in
    step = await _login_step(service, interaction, client, session, catalog)
    if step is not Step.CONSENT or session is None:
        return NextStep(step)
    if client.uid == ACCOUNT_UID:
        # Our own page asks for nothing that could be agreed to.
        return NextStep(Step.DONE, 0)
    if access_step(client, session) is Step.NOT_ALLOWED:
        return NextStep(Step.NOT_ALLOWED)
    request, subject = interaction.request, session.user.subject
    policy = client.consent_policy(request.redirect.redirect_uri)
    if policy is ConsentPolicy.ASK:
        return NextStep(Step.CONSENT)
    if must_ask(policy, remembered, consent_of(request), request.prompt):
        return NextStep(Step.CONSENT)
    if remembered is not None:
        return NextStep(Step.DONE, remembered.epoch)
    # A trusted client: the user has agreed to nothing, which is noted, so that it can be withdrawn.
    epoch = await service.consents.add(subject, client.uid, Consent(), service.clock())
    return NextStep(Step.CONSENT if epoch is None else Step.DONE, epoch)


async def _login_step(
    service: AuthorizeService, interaction: Interaction, client: Client, session: Session | None, catalog: Catalog
) -> Step:
    """The same, as far as it is about who signs in and how strongly."""
    now = service.clock()
    demanded = None if session is None else demanded_acr(client, catalog, session.user, interaction.request)
    step = login_step(interaction, session, now, demanded)
    if step is Step.CONSENT and session is not None and _may_ask_for_more(interaction):
        enrolled = await service.credentials.enrolled(session.user.subject)
        if asks_for_more(interaction, session, now, enrolled) is not None:
            return Step.SECOND_FACTOR
    if step is Step.SECOND_FACTOR:
        return await step_of_due(service, interaction, client, session)
    return step


def _may_ask_for_more(interaction: Interaction) -> bool:
    # Without a page there is none to ask on, and what is voluntary is left out. OIDC Core §5.5.1.1.
    return bool(interaction.request.acr_values) and "none" not in interaction.request.prompt
