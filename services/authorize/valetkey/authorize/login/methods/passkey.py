"""A passkey: the first factor and the second at once, or what follows a password."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from valetkey.authorize.login.methods.method import EnrolmentGone
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused
from valetkey.authorize.pages.models import EnrolPasskeyPage, ProofError, fields_of
from valetkey.core.authentication.factor import Factor, Method
from valetkey.core.message import Message
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from valetkey.authorize.login.passkeys.ceremonies import Ceremonies
    from valetkey.authorize.pages.models import ProofPage
    from valetkey.authorize.service import AuthorizeService
    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.params import Params
    from valetkey.storage.postgres.tables.passkeys import KeptPasskey

MAX_NAME_LENGTH = 64
# What a passkey is called whose user has given it no name.
NAME = Message("Passkey")
_LOG = logging.getLogger(__name__)


class PasskeyFactor:
    """See ``SecondFactor``."""

    method = Method.PASSKEY
    wrong = ProofError.PASSKEY

    def is_offered(self, service: AuthorizeService) -> bool:
        """Whether browsers have passkeys for this issuer, and it wants any."""
        return service.passkeys is not None

    async def question(self, service: AuthorizeService, user: User, token: str) -> str | None:
        """What the browser is asked for."""
        return await _ceremonies(service).ask(user, token)

    async def check(self, service: AuthorizeService, user: User, form: Params) -> Factor | None:
        """The proof."""
        try:
            kept = await _ceremonies(service).check(user, form.get("passkey") or "", form.get("csrf_token") or "")
        except PasskeyRefused as refused:
            log_refused(refused)
            return None
        return passkey_factor(service, kept)


class PasskeyEnrolment:
    """See ``Enrolment``."""

    method = Method.PASSKEY
    wrong = ProofError.NEW_PASSKEY

    def is_offered(self, service: AuthorizeService) -> bool:
        """Whether browsers have passkeys for this issuer, and it wants any."""
        return service.passkeys is not None

    async def show(
        self,
        service: AuthorizeService,
        user: User,
        shown: ProofPage,
        posted: Params | None = None,
    ) -> str:
        """The page, with a new question; the name stays that was typed."""
        ours = service.settings.theme_name
        question, handle = await _ceremonies(service).ask_to_enrol(user, ours, shown.csrf_token)
        page = EnrolPasskeyPage(
            **fields_of(shown),
            question=question,
            handle=handle,
            passkey_name="" if posted is None else (posted.get("name") or "")[:MAX_NAME_LENGTH],
        )
        return service.pages.enrol_passkey(page, reference=current_trace_id())

    async def enrol(self, service: AuthorizeService, user: User, posted: Params) -> Factor | None:
        """Store the passkey. It has just shown who its user is."""
        text, handle, token = posted.get("passkey") or "", posted.get("handle") or "", posted.get("csrf_token") or ""
        try:
            kept = await _ceremonies(service).enrol(user, text, handle, token, passkey_name(posted.get("name")))
        except PasskeyRefused as refused:
            log_refused(refused)
            return None
        if kept is None:
            raise EnrolmentGone
        return passkey_factor(service, kept)


def passkey_factor(service: AuthorizeService, kept: KeptPasskey) -> Factor:
    """What a passkey that was just used proves."""
    return Factor(Method.PASSKEY, service.clock(), is_device_bound=not kept.passkey.backup_eligible)


def passkey_name(typed: str | None) -> str:
    """What its user calls a new passkey: cut where it is too long, and a word of ours where there is none."""
    return _in_one_line(typed or "")[:MAX_NAME_LENGTH].rstrip() or NAME


def other_passkey_name(typed: str | None) -> str | None:
    """What its user wants to call a passkey from now on; None for what is no name, or too long."""
    name = _in_one_line(typed or "")
    return name if name and len(name) <= MAX_NAME_LENGTH else None


def _in_one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def log_refused(refused: PasskeyRefused) -> None:
    """Note why an answer proves nothing; whose it was is in the audit stream."""
    _LOG.info("passkey refused", extra={"reason": refused.reason})


def _ceremonies(service: AuthorizeService) -> Ceremonies:
    if service.passkeys is None:
        raise EnrolmentGone
    return service.passkeys
