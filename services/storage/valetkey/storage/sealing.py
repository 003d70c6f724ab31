"""Sealing of what Redis keeps, as settings say; and what is told of values that are refused. The rules are in core."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from valetkey.core.sealed_value import PLAIN_ONLY, Purpose, Refusal, ValueSealer
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import PLAIN_VALUES, STORED_VALUES_REFUSED

if TYPE_CHECKING:
    from valetkey.core.sealed_value import SealingKeys
    from valetkey.runtime.settings.settings import Settings

_LOG = logging.getLogger(__name__)
NEXT_STEP = "see deploy/runbooks/ValetkeyPlainValuesInRedis.md"
_SENTENCES = {
    Refusal.PLAIN: "is not sealed, and VALETKEY_SEALING_KEYS does not allow that",
    Refusal.UNOPENED: "was altered, moved, or sealed with a key that is not in VALETKEY_SEALING_KEYS",
    Refusal.MALFORMED: "is nothing that we write",
    Refusal.EXPIRED: "is older than it can be, or the clocks of two replicas are far apart",
    Refusal.FUTURE: "is dated in the future: the clocks of two replicas are far apart",
}


def sealing_keys(settings: Settings) -> SealingKeys:
    """The keys of this installation; without any, values are written and read as they are."""
    return settings.sealing_keys.reveal() if settings.sealing_keys.is_set else PLAIN_ONLY


def create_sealer(settings: Settings) -> ValueSealer:
    """What seals and opens for one service. A log line and a metric tell where plain values are believed."""
    keys = sealing_keys(settings)
    PLAIN_VALUES.set(int(keys.reads_plain), "read")
    PLAIN_VALUES.set(int(keys.writes_plain), "written")
    for purpose in (Purpose.AUTHORIZATION_CODE, Purpose.INTERACTION):
        for refusal in Refusal:
            # Shown from the start, so that the first one is an increase.
            STORED_VALUES_REFUSED.add(purpose, refusal, amount=0)
    if weakness := weakness_of(settings):
        _LOG.warning("%s; %s", weakness, NEXT_STEP)
    return ValueSealer(keys)


def weakness_of(settings: Settings) -> str:
    """What plain values make possible here; empty where they are refused."""
    if not settings.sealing_keys.is_set:
        return "VALETKEY_SEALING_KEYS is not set: with write access to Redis, authorization codes can be forged"
    if settings.sealing_keys.reveal().reads_plain:
        return 'VALETKEY_SEALING_KEYS has "plain": with write access to Redis, authorization codes can be forged'
    return ""


def tell_refused(purpose: Purpose, refusal: Refusal) -> None:
    """Count a value that is treated as absent, and put it into the audit stream, without the value."""
    STORED_VALUES_REFUSED.add(purpose, refusal)
    audit.emit(
        audit.AuditEvent(
            type="stored_value.refused",
            outcome="failure",
            reason=f"{purpose} in Redis {_SENTENCES[refusal]}",
            address=caller_address(),
        )
    )
