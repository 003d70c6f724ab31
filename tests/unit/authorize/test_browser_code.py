"""Browser codes: short enough to type, shown to one account, good for minutes, and for every replica."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from valetkey.authorize.login.browser_code import LIFETIME, BrowserCodes
from valetkey.authorize.login.device_cookie import Devices

KEY, OTHER_KEY = bytes(range(32)), bytes(range(100, 132))
ADA, EVE = uuid4(), uuid4()
CODES = BrowserCodes([KEY])
NOW = datetime(2026, 5, 4, 12, 2, tzinfo=UTC)


def test_a_code_is_what_people_can_read_out_and_type() -> None:
    codes = {CODES.make(uuid4(), NOW) for _ in range(500)}

    assert len(codes) == 500
    assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", code) for code in codes)
    assert set("".join(codes)) == set("0123456789ABCDEFGHJKMNPQRSTVWXYZ-")


def test_a_code_belongs_to_one_account() -> None:
    code = CODES.make(ADA, NOW)

    assert CODES.is_valid(code, ADA, NOW)
    assert not CODES.is_valid(code, EVE, NOW)


@pytest.mark.parametrize("skew", [timedelta(0), timedelta(minutes=-4), timedelta(minutes=4)])
def test_a_code_is_good_for_its_lifetime_and_not_for_ever_also_where_clocks_differ(skew: timedelta) -> None:
    for minutes in range(10):
        shown = NOW + timedelta(minutes=minutes)
        code = CODES.make(ADA, shown)

        assert CODES.is_valid(code, ADA, shown + LIFETIME / 5 + skew)
        assert not CODES.is_valid(code, ADA, shown + 3 * LIFETIME)
        assert not CODES.is_valid(code, ADA, shown - 3 * LIFETIME)


def test_a_code_is_good_for_five_minutes_whenever_it_is_shown() -> None:
    for second in range(600):
        shown = NOW + timedelta(seconds=second)

        assert CODES.is_valid(CODES.make(ADA, shown), ADA, shown + LIFETIME)


@pytest.mark.parametrize("change", [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code}\t"])
def test_a_code_may_be_typed_as_people_type(change: object) -> None:
    assert callable(change)
    for minute in range(200):
        code = CODES.make(ADA, NOW + timedelta(minutes=5 * minute))
        typed = change(code.replace("0", "O").replace("1", "I" if minute % 2 else "l"))

        assert CODES.is_valid(typed, ADA, NOW + timedelta(minutes=5 * minute))


@pytest.mark.parametrize("spoilt", ["", "-", "A", "longer", "prefix", "\0", "\u017f" * 8, "\u0663" * 8, "x" * 100_000])
def test_nothing_else_is_a_code(spoilt: str) -> None:
    code = CODES.make(ADA, NOW)
    typed = {"longer": f"{code}0", "prefix": code[:-1]}.get(spoilt, spoilt)

    assert not CODES.is_valid(typed, ADA, NOW)


def test_a_code_outlives_a_change_of_keys_as_long_as_its_key_is_accepted() -> None:
    code = CODES.make(ADA, NOW)

    assert BrowserCodes([OTHER_KEY, KEY]).is_valid(code, ADA, NOW)
    assert not BrowserCodes([OTHER_KEY]).is_valid(code, ADA, NOW)
    assert BrowserCodes([OTHER_KEY, KEY]).make(ADA, NOW) != code


def test_a_code_tells_nothing_of_a_device_cookie() -> None:
    code = CODES.make(ADA, NOW).replace("-", "")

    assert code.lower() not in str(Devices([KEY]).remember(None, ADA)).lower()
