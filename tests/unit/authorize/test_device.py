"""Device cookies: an owner's own budget, which nobody can make for himself."""

from uuid import uuid4

import pytest

from valetkey.authorize.device import MAX_ACCOUNTS, Device, Devices

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
