from datetime import timedelta

from support.rotation import START, key
from valetkey.core.jose.keys import KeyState
from valetkey.key_rotation.plan import due_at
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.metric import REGISTRY
from valetkey.token.key_metrics import KeySchedule, report

SCHEDULE = KeySchedule.from_settings(Settings(signing_algorithms=("ES256",)))
HOUR = timedelta(hours=1)
NOW = START + HOUR


def level(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"valetkey_{name}", labels)


def test_keys_are_counted_by_state_and_a_state_without_keys_is_zero() -> None:
    report([key("a"), key("r", KeyState.RETIRED, retire_until=NOW), key("s", KeyState.RETIRED)], SCHEDULE, NOW)

    counted = {state: level("signing_keys", algorithm="ES256", state=state) for state in KeyState}
    assert counted == {"prepared": 0, "active": 1, "retired": 2}


def test_an_algorithm_without_any_key_shows_that_nothing_signs() -> None:
    report([], SCHEDULE, NOW)

    assert level("signing_keys", algorithm="ES256", state="active") == 0
    assert level("next_key_rotation_timestamp_seconds", algorithm="ES256") is None


def test_the_age_is_that_of_the_oldest_key_in_the_state() -> None:
    report([key("new", at=NOW), key("old")], SCHEDULE, NOW)

    assert level("signing_key_age_seconds", algorithm="ES256", state="active") == 3600
    assert level("signing_key_age_seconds", algorithm="ES256", state="retired") is None


def test_the_next_step_is_when_the_job_would_exchange_the_active_key() -> None:
    settings = Settings(signing_algorithms=("ES256",))
    active = key("a")

    step = KeySchedule.from_settings(settings).next_step([active, key("p", KeyState.PREPARED)])

    assert step == due_at(active, RotationPolicy.from_settings(settings))


def test_a_retired_key_that_has_to_go_first_is_the_next_step() -> None:
    step = SCHEDULE.next_step([key("a"), key("r", KeyState.RETIRED, retire_until=START + HOUR)])

    assert step == START + HOUR


def test_where_nothing_signs_the_next_step_is_when_a_prepared_key_may() -> None:
    settings = Settings()

    step = KeySchedule.from_settings(settings).next_step([key("p", KeyState.PREPARED)])

    assert step == START + RotationPolicy.from_settings(settings).propagation
