"""Recovery codes: how they are spelled, and what is stored of them."""

import math
from uuid import UUID

import pytest

from valetkey.core.authentication.recovery_code import code_digest, generate_codes

ADA, BOB = UUID(int=1), UUID(int=2)


def test_a_set_has_ten_codes_of_fifty_bits() -> None:
    codes = [code for _ in range(200) for code in generate_codes()]

    assert len(set(codes)) == len(codes) == 2000
    letters = {letter for code in codes for letter in code.replace("-", "")}
    assert math.log2(len(letters)) * 10 == 50


@pytest.mark.parametrize("spelled", ["K4TX9-QMP2D", "k4tx9-qmp2d", " K4TX9 QMP2D ", "K4TX9QMP2D", "K4TX9\u2013QMP2D"])
def test_one_code_has_many_spellings(spelled: str) -> None:
    assert code_digest(ADA, spelled) == code_digest(ADA, "K4TX9-QMP2D") is not None


def test_letters_that_look_like_digits_are_those() -> None:
    assert code_digest(ADA, "OIL00-00000") == code_digest(ADA, "01100-00000") is not None


def test_a_code_is_its_owner_s() -> None:
    assert code_digest(ADA, "K4TX9-QMP2D") != code_digest(BOB, "K4TX9-QMP2D")


@pytest.mark.parametrize("typed", ["", "K4TX9", "K4TX9-QMP2D-X", "K4TX9-QMP2U", "é" * 10, "K" * 10_000])
def test_what_cannot_be_a_code_has_no_digest(typed: str) -> None:
    assert code_digest(ADA, typed) is None
