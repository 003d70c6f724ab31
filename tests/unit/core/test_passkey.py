"""What a use of a passkey may change about it."""

import pytest

from valetkey.core.authentication.passkey import Passkey, PasskeyUse, counts_on, use_problem


def _passkey(*, backup_eligible: bool, sign_count: int = 7) -> Passkey:
    return Passkey(b"id", b"key", b"user", sign_count, backup_eligible, backed_up=False)


@pytest.mark.requirement("WebAuthn §6.1.1: a counter that does not grow tells of a clone, on one device only")
@pytest.mark.parametrize("presented", [0, 1, 6, 7, 8, 2**32 - 1])
def test_a_counter_says_something_only_of_a_key_that_cannot_leave_its_device(presented: int) -> None:
    bound = use_problem(_passkey(backup_eligible=False), PasskeyUse(presented, backup_eligible=False, backed_up=False))
    synced = use_problem(_passkey(backup_eligible=True), PasskeyUse(presented, backup_eligible=True, backed_up=True))

    assert (bound is None) is (presented > 7)
    assert synced is None


def test_a_device_without_a_counter_stays_without_one() -> None:
    assert counts_on(0, 0, backup_eligible=False)
    assert counts_on(0, 1, backup_eligible=False)
    assert not counts_on(1, 0, backup_eligible=False)


@pytest.mark.parametrize("before", [True, False])
def test_whether_a_key_may_leave_its_device_never_changes(before: bool) -> None:
    use = PasskeyUse(8, backup_eligible=not before, backed_up=False)

    assert use_problem(_passkey(backup_eligible=before), use) == "the passkey has changed whether it may be backed up"


def test_a_key_that_cannot_leave_its_device_is_not_backed_up() -> None:
    problem = use_problem(_passkey(backup_eligible=False), PasskeyUse(8, backup_eligible=False, backed_up=True))

    assert problem == "the passkey says that it is backed up and cannot be"
