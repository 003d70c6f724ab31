"""Device cookies: an owner's own budget, which an attacker cannot forge."""

import re
from uuid import uuid4

import pytest

from valetkey.authorize.login.device_cookie import MAX_ACCOUNTS, Device, Devices

KEY, OTHER_KEY = bytes(range(32)), bytes(range(100, 132))
ADA, EVE = uuid4(), uuid4()
DEVICES = Devices([KEY])


def test_a_browser_is_known_to_the_account_it_has_signed_in_to() -> None:
    cookie = str(DEVICES.remember(None, ADA))

    assert DEVICES.knows(DEVICES.parse(cookie), ADA)


@pytest.mark.requirement("security 40: a lockout cannot be used to lock the owner out for good")
def test_a_browser_is_unknown_to_every_other_account() -> None:
    device = DEVICES.remember(None, EVE)

    assert not DEVICES.knows(device, ADA)


def test_codes_cannot_be_moved_to_another_device() -> None:
    mine, other = DEVICES.remember(None, ADA), DEVICES.remember(None, EVE)

    assert not DEVICES.knows(Device(other.device_id, mine.codes), ADA)


def test_a_cookie_signed_with_a_retired_key_counts_until_the_key_is_gone() -> None:
    device = DEVICES.remember(None, ADA)

    assert Devices([OTHER_KEY, KEY]).knows(device, ADA)
    assert not Devices([OTHER_KEY]).knows(device, ADA)


def test_a_browser_in_which_any_user_has_signed_in_is_known() -> None:
    device = DEVICES.parse(str(DEVICES.remember(None, ADA)))

    assert device is not None
    assert DEVICES.is_ours(device)
    assert Devices([OTHER_KEY, KEY]).is_ours(device)
    assert not Devices([OTHER_KEY]).is_ours(device)
    assert not DEVICES.is_ours(Device(DEVICES.remember(None, ADA).device_id, device.codes))


def test_a_cookie_of_the_previous_release_is_known_and_becomes_ours_with_the_next_sign_in() -> None:
    made = DEVICES.remember(None, ADA)
    of_accounts_alone = Device(made.device_id, made.codes[1:])

    again = DEVICES.remember(of_accounts_alone, EVE)

    assert DEVICES.knows(of_accounts_alone, ADA)
    assert not DEVICES.is_ours(of_accounts_alone)
    assert DEVICES.is_ours(again)
    assert DEVICES.knows(again, ADA)
    assert DEVICES.knows(again, EVE)


def test_the_previous_release_takes_every_cookie_and_may_put_a_code_before_the_others() -> None:
    device = DEVICES.remember(None, ADA)
    for _ in range(10):
        device = DEVICES.remember(device, uuid4())
        # What it takes for a cookie, and what it makes of one.
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}(\.[A-Za-z0-9_-]{43}){1,5}", str(device))
    (of_eve,) = set(DEVICES.remember(device, EVE).codes[:2]) - set(device.codes)
    theirs = DEVICES.parse(str(Device(device.device_id, (of_eve, *device.codes)[:5])))

    assert theirs is not None
    assert DEVICES.is_ours(theirs)
    assert DEVICES.knows(theirs, EVE)


def test_several_people_share_a_browser_and_the_latest_ones_stay() -> None:
    people = [uuid4() for _ in range(MAX_ACCOUNTS + 1)]
    device = None

    for person in people:
        device = DEVICES.parse(str(DEVICES.remember(device, person)))

    assert [DEVICES.knows(device, person) for person in people] == [False] + [True] * MAX_ACCOUNTS


def test_signing_in_again_keeps_the_device_and_adds_nothing() -> None:
    first = DEVICES.remember(None, ADA)

    second = DEVICES.remember(first, ADA)

    assert second == first


@pytest.mark.parametrize(
    "cookie",
    [None, "", "x", "A" * 22, f"{'A' * 22}.", f"{'A' * 22}.{'B' * 42}", f"{'A' * 22}." + ".".join(["B" * 43] * 6)],
)
def test_what_has_another_shape_is_no_device(cookie: str | None) -> None:
    assert DEVICES.parse(cookie) is None


def test_a_forged_cookie_opens_nothing() -> None:
    device = DEVICES.parse(f"{'A' * 22}.{'B' * 43}")

    assert device is not None
    assert not DEVICES.knows(device, ADA)
