"""Levels of a login: which proofs reach which, what is said of them, and since when."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.authentication.acr import (
    SUPPORTED_ACR,
    Enrolled,
    demandable,
    known,
    reaches,
    strength_at,
    strength_of,
    strongest,
    takes_part,
    weakest,
)
from valetkey.core.authentication.factor import Factor, Method, merge_factors

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD, MFA, PHR, PHRH = SUPPORTED_ACR
PROOFS = {
    "password": Factor(Method.PASSWORD, NOW),
    "totp": Factor(Method.TOTP, NOW),
    "recovery code": Factor(Method.RECOVERY_CODE, NOW),
    "synced passkey": Factor(Method.PASSKEY, NOW),
    "bound passkey": Factor(Method.PASSKEY, NOW, is_device_bound=True),
}
# By what is in it. A method that only follows another begins nothing.
LEVEL = {
    (): None,
    ("password",): PASSWORD,
    ("totp",): None,
    ("recovery code",): None,
    ("synced passkey",): PHR,
    ("bound passkey",): PHRH,
    ("password", "totp"): MFA,
    ("password", "recovery code"): MFA,
    ("totp", "recovery code"): None,
    ("password", "totp", "recovery code"): MFA,
}


def expected(names: tuple[str, ...]) -> str | None:
    for passkey in ("bound passkey", "synced passkey"):
        if passkey in names:
            return LEVEL[passkey,]
    return LEVEL[names]


@pytest.mark.requirement("acr: a level is what was proven, in every combination of proofs")
@pytest.mark.parametrize("names", [each for size in range(6) for each in combinations(PROOFS, size)], ids="+".join)
def test_each_combination_of_proofs_reaches_its_level(names: tuple[str, ...]) -> None:
    found = strength_of([PROOFS[name] for name in names])

    assert (None if found is None else found.acr) == expected(names)


@pytest.mark.parametrize(
    ("names", "amr"),
    [
        (("password",), ("pwd",)),
        (("password", "totp"), ("pwd", "otp", "mfa")),
        (("password", "recovery code"), ("pwd", "otp", "mfa")),
        (("synced passkey",), ("swk", "user", "mfa")),
        (("bound passkey",), ("hwk", "user", "mfa")),
    ],
    ids=str,
)
def test_amr_names_what_the_level_rests_on(names: tuple[str, ...], amr: tuple[str, ...]) -> None:
    found = strength_of([PROOFS[name] for name in names])

    assert found is not None
    assert found.amr == amr


@pytest.mark.requirement("auth_time: that of the oldest proof which the level rests on")
def test_auth_time_is_that_of_the_oldest_proof() -> None:
    minute = timedelta(minutes=1)
    factors = (
        Factor(Method.RECOVERY_CODE, NOW - 9 * minute),
        Factor(Method.PASSWORD, NOW - 5 * minute),
        Factor(Method.TOTP, NOW - minute),
    )

    found = [strength_at(acr, factors) for acr in (PASSWORD, MFA)]

    assert [each and each.auth_time for each in found] == [NOW - 5 * minute, NOW - 5 * minute]
    assert strength_at(PHR, factors) is None


def test_the_younger_of_two_ways_to_a_level_is_told() -> None:
    factors = (
        Factor(Method.PASSWORD, NOW - timedelta(minutes=5)),
        Factor(Method.TOTP, NOW - timedelta(minutes=5)),
        Factor(Method.PASSKEY, NOW),
    )

    found = strength_at(MFA, factors)

    assert found is not None
    assert (found.auth_time, found.amr) == (NOW, ("swk", "user", "mfa"))


@given(st.lists(st.builds(Factor, st.sampled_from(Method), st.datetimes(timezones=st.just(UTC)), st.booleans())))
def test_more_proofs_never_prove_less(factors: list[Factor]) -> None:
    level = -1
    for end in range(len(factors) + 1):
        found = strength_of(merge_factors((), factors[:end]))
        reached = -1 if found is None else SUPPORTED_ACR.index(found.acr)
        assert reached >= level
        level = reached


@given(st.lists(st.builds(Factor, st.sampled_from(Method), st.datetimes(timezones=st.just(UTC)), st.booleans())))
def test_of_each_method_the_last_proof_is_kept_in_order(factors: list[Factor]) -> None:
    merged = merge_factors(factors[:2], factors[2:])

    assert list(merged) == sorted(merged, key=lambda each: each.at)
    for method in Method:
        times = [each.at for each in factors if each.method is method]
        assert max((each.at for each in merged if each.method is method), default=None) == max(times, default=None)


def test_levels_are_ordered() -> None:
    assert [[reaches(one, other) for other in SUPPORTED_ACR] for one in SUPPORTED_ACR] == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]
    assert (strongest([MFA, None, PASSWORD]), strongest([None])) == (MFA, None)
    assert (weakest([PHR, MFA]), weakest([])) == (MFA, None)
    assert known(["x", PHR, PASSWORD, PHR]) == (PASSWORD, PHR)


def test_a_level_of_a_later_release_is_above_all() -> None:
    assert [demandable(acr) for acr in (MFA, "urn:of:tomorrow")] == [MFA, PHRH]


@pytest.mark.parametrize(
    ("methods", "bound", "reached"),
    [
        ((), False, []),
        ((Method.PASSWORD,), False, [PASSWORD]),
        ((Method.TOTP,), False, []),
        ((Method.PASSWORD, Method.RECOVERY_CODE), False, [PASSWORD, MFA]),
        ((Method.PASSWORD, Method.TOTP), False, [PASSWORD, MFA]),
        ((Method.PASSKEY,), False, [PASSWORD, MFA, PHR]),
        ((Method.PASSKEY,), True, [PASSWORD, MFA, PHR, PHRH]),
    ],
    ids=str,
)
def test_what_a_user_can_reach(methods: tuple[Method, ...], bound: bool, reached: list[str]) -> None:
    enrolled = Enrolled(frozenset(methods), bound)

    assert [acr for acr in SUPPORTED_ACR if enrolled.can_reach(acr)] == reached


@pytest.mark.parametrize(
    ("methods", "own"),
    [
        ((Method.PASSWORD,), PASSWORD),
        ((Method.PASSWORD, Method.RECOVERY_CODE), PASSWORD),
        ((Method.PASSWORD, Method.TOTP), MFA),
        ((Method.PASSWORD, Method.PASSKEY), MFA),
    ],
    ids=str,
)
def test_who_has_a_second_factor_is_asked_for_it(methods: tuple[Method, ...], own: str) -> None:
    assert Enrolled(frozenset(methods)).own_acr == own


def test_which_methods_take_part() -> None:
    assert {acr: {method for method in Method if takes_part(method, acr)} for acr in SUPPORTED_ACR} == {
        PASSWORD: {Method.PASSWORD, Method.PASSKEY},
        MFA: set(Method),
        PHR: {Method.PASSKEY},
        PHRH: {Method.PASSKEY},
    }
