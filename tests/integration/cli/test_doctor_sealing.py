"""What ``valetkey doctor`` says about sealing, in every state of a rotation."""

import secrets
from typing import Any

import pytest

from support.operator_cli import Operator
from support.sealing import setting_of

COOKIE_KEYS = secrets.token_urlsafe(32)


def finding_of(operator: Operator, **settings: str) -> dict[str, Any]:
    variables = {"sealing_keys": "", "cookie_keys": "", "refresh_token_keys": "", **settings}
    outcome = operator.with_variables(**variables).run("doctor", "-o", "json")
    (found,) = (found for found in outcome.json if found["check"] == "sealing")
    return dict(found)


@pytest.mark.parametrize(
    ("state", "status", "detail", "next_step"),
    [
        ("plain", "warning", "can be forged", "VALETKEY_SEALING_KEYS=plain,KEY, then KEY,plain, then KEY"),
        ("plain,k1", "warning", "can be forged", 'move "plain" to its end'),
        ("k1,plain", "warning", "can be forged", 'remove "plain"'),
        ("k1", "ok", "1 of them; values in Redis that are not sealed are refused", ""),
        ("k2,k1", "ok", "2 of them", ""),
    ],
)
def test_the_doctor_says_what_is_believed_and_what_comes_next(
    operator: Operator, state: str, status: str, detail: str, next_step: str
) -> None:
    found = finding_of(operator, sealing_keys=setting_of(state))

    assert found["status"] == status
    assert detail in found["detail"]
    assert next_step in (found["next_step"] or "")
    assert bool(found["next_step"]) == (status != "ok")


@pytest.mark.parametrize("service_key", ["cookie_keys", "refresh_token_keys"])
def test_a_service_without_keys_is_told_how_to_roll_them_in(operator: Operator, service_key: str) -> None:
    found = finding_of(operator, **{service_key: COOKIE_KEYS})

    assert found["status"] == "warning"
    assert "VALETKEY_SEALING_KEYS is not set" in found["detail"]
    assert "runbooks/ValetkeyPlainValuesInRedis.md" in found["next_step"]


def test_where_no_service_runs_it_says_where_to_look(operator: Operator) -> None:
    found = finding_of(operator)

    assert found["status"] == "skipped"
    assert "valetkey_plain_values" in found["next_step"]
