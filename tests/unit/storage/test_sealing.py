"""Where values that are not sealed are believed, that is told; where they are not, nothing is."""

import logging
from dataclasses import replace

import pytest

from support.sealing import keys_of
from valetkey.core.sealed_value import Purpose, Refusal
from valetkey.runtime.settings.secret import Secret
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.audit import AuditEvent, audit_told_to
from valetkey.runtime.telemetry.metrics import PLAIN_VALUES, STORED_VALUES_REFUSED
from valetkey.runtime.telemetry.redaction import redact
from valetkey.storage.sealing import create_sealer, tell_refused


def settings_with(state: str) -> Settings:
    return replace(Settings(), sealing_keys=Secret(keys_of(state))) if state else Settings()


def levels() -> dict[str, float]:
    (family,) = PLAIN_VALUES.collect()
    return {sample.labels["access"]: sample.value for sample in family.samples}


@pytest.mark.parametrize(
    ("state", "read", "written", "said"),
    [
        ("", 1, 1, "VALETKEY_SEALING_KEYS is not set"),
        ("plain", 1, 1, 'has "plain"'),
        ("plain,k1", 1, 1, 'has "plain"'),
        ("k1,plain", 1, 0, 'has "plain"'),
        ("k1", 0, 0, ""),
        ("k1,k2", 0, 0, ""),
    ],
)
def test_a_service_that_believes_plain_values_says_so_at_its_start_and_in_a_metric(
    caplog: pytest.LogCaptureFixture, state: str, read: int, written: int, said: str
) -> None:
    with caplog.at_level(logging.INFO):
        create_sealer(settings_with(state))

    assert levels() == {"read": read, "written": written}
    assert [record.levelname for record in caplog.records] == ["WARNING"] * bool(said)
    assert all(said in record.message and "runbooks/" in record.message for record in caplog.records)


def test_every_reason_is_counted_from_the_start_so_that_the_first_refusal_is_an_increase() -> None:
    create_sealer(settings_with("k1"))

    (family,) = STORED_VALUES_REFUSED.collect()

    shown = {(sample.labels["kind"], sample.labels["reason"]) for sample in family.samples}
    assert shown == {(kind, reason) for kind in ("authorization_code", "interaction") for reason in Refusal}


@pytest.mark.parametrize("purpose", [Purpose.AUTHORIZATION_CODE, Purpose.INTERACTION])
@pytest.mark.parametrize("refusal", Refusal)
def test_a_refusal_is_a_sentence_that_nothing_is_taken_out_of(purpose: Purpose, refusal: Refusal) -> None:
    events: list[AuditEvent] = []

    with audit_told_to(events.append):
        tell_refused(purpose, refusal)

    (event,) = events
    assert event.reason == redact(event.reason)
    assert event.reason.startswith(f"{purpose} in Redis ")
