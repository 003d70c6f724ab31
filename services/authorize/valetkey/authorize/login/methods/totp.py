"""An authenticator app: codes that change with time. RFC 6238."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import segno

from valetkey.authorize.login.methods.method import EnrolmentGone
from valetkey.authorize.pages.models import EnrolTotpPage, ProofError, fields_of
from valetkey.core.authentication.factor import Factor, Method
from valetkey.core.authentication.totp import generate_secret, matching_step, otpauth_uri, secret_text
from valetkey.core.message import Message
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.sealed_value import Purpose, ValueRefused
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from datetime import datetime

    from valetkey.authorize.pages.models import ProofPage
    from valetkey.authorize.service import AuthorizeService
    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.params import Params
    from valetkey.core.sealed_value import ValueSealer

NAME = Message("Authenticator app")
# How long a new secret waits for its first code.
_ENROLMENT_LIFETIME = timedelta(minutes=15)
_MOST_SEALED = 1024
# Until an operator has brought the key back.
_RETRY_AFTER = 60


class Totp:
    """See ``SecondFactor``. Needs keys to seal secrets with."""

    method = Method.TOTP
    wrong = ProofError.CODE

    def is_offered(self, service: AuthorizeService) -> bool:
        """Whether there are keys for secrets."""
        return service.credential_sealer is not None

    async def question(self, service: AuthorizeService, user: User, token: str) -> None:
        """Nothing: it is typed."""

    async def check(self, service: AuthorizeService, user: User, form: Params) -> Factor | None:
        """The proof, whose time step is used up; a secret that an older key has sealed is sealed with the first."""
        typed, sealer = form.get("code"), service.credential_sealer
        kept = await service.credentials.find_totp(user.subject)
        if typed is None or kept is None or sealer is None:
            return None
        name = _name(user, kept.credential_id)
        try:
            secret = sealer.read(Purpose.TOTP_SECRET, name, kept.sealed_secret)
        except ValueRefused as error:
            raise TemporarilyUnavailable(
                "a secret that none of VALETKEY_CREDENTIAL_KEYS opens", _RETRY_AFTER
            ) from error
        now = service.clock()
        step = matching_step(secret, typed, now)
        if step is None:
            return None
        resealed = sealer.seal(Purpose.TOTP_SECRET, name, secret)
        if not await service.credentials.use_totp(user.subject, kept.credential_id, step, now, resealed):
            return None
        return Factor(self.method, now)


class TotpEnrolment:
    """See ``Enrolment``. The new secret is in the form until its first code is typed, sealed."""

    method = Method.TOTP
    wrong = ProofError.NEW_CODE

    def is_offered(self, service: AuthorizeService) -> bool:
        """Whether there are keys for secrets."""
        return service.credential_sealer is not None

    async def show(
        self,
        service: AuthorizeService,
        user: User,
        shown: ProofPage,
        posted: Params | None = None,
    ) -> str:
        """The secret, as an image and as text: a new one unless one was posted."""
        sealer, now = _sealer(service), service.clock()
        enrolment = None if posted is None else posted.get("enrolment")
        secret, begun = _open(sealer, user, enrolment, now) or (generate_secret(), now)
        text = secret_text(secret)
        page = EnrolTotpPage(
            **fields_of(shown),
            qr_code=_qr_code(otpauth_uri(secret, service.settings.theme_name, user.email or user.username)),
            secret=" ".join(text[start : start + 4] for start in range(0, len(text), 4)),
            enrolment=_seal(sealer, user, secret, begun),
        )
        return service.pages.enrol_totp(page, reference=current_trace_id())

    async def enrol(self, service: AuthorizeService, user: User, posted: Params) -> Factor | None:
        """Store the secret whose first code was typed, which is used up."""
        sealer, now = _sealer(service), service.clock()
        opened = _open(sealer, user, posted.get("enrolment"), now)
        if opened is None:
            raise EnrolmentGone
        step = matching_step(opened[0], posted.get("code") or "", now)
        if step is None:
            return None
        credential_id = uuid4()
        sealed = sealer.seal(Purpose.TOTP_SECRET, _name(user, credential_id), opened[0])
        if not await service.credentials.add_totp(user, credential_id, NAME, sealed, step, now):
            raise EnrolmentGone
        return Factor(self.method, now)


def _sealer(service: AuthorizeService) -> ValueSealer:
    if service.credential_sealer is None:
        raise EnrolmentGone
    return service.credential_sealer


def _name(user: User, credential_id: UUID) -> str:
    return f"{user.subject}/{credential_id}"


def _seal(sealer: ValueSealer, user: User, secret: bytes, begun: datetime) -> str:
    message = json.dumps([secret.hex(), begun.timestamp()]).encode()
    return urlsafe_b64encode(sealer.seal(Purpose.TOTP_ENROLMENT, str(user.subject), message)).decode()


def _open(sealer: ValueSealer, user: User, enrolment: str | None, now: datetime) -> tuple[bytes, datetime] | None:
    """The secret, and when it was made; None for what is none of this user, or has waited too long."""
    if enrolment is None or len(enrolment) > _MOST_SEALED or not enrolment.isascii():
        return None
    try:
        message = sealer.read(Purpose.TOTP_ENROLMENT, str(user.subject), urlsafe_b64decode(enrolment))
    except (ValueError, ValueRefused):
        return None
    secret, begun = json.loads(message)
    age = now.timestamp() - begun
    if age > _ENROLMENT_LIFETIME.total_seconds():
        return None
    return bytes.fromhex(secret), now - timedelta(seconds=age)


def _qr_code(text: str) -> str:
    code = segno.make(text, error="m", micro=False)
    image = str(code.svg_inline(border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True))
    return image.replace("<svg ", '<svg aria-hidden="true" ', 1)
