"""The list of sealing keys, in which the word ``plain`` stands for none, and the file that need not be there."""

import base64
import re
from pathlib import Path

import pytest

from support.sound_settings import KEY_D, KEY_E, KEY_F, load, problems


def test_a_secret_file_that_need_not_be_there_may_be_absent_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "sealing-keys"
    named = f"-{file}"

    absent = load(sealing_keys_file=named)
    file.write_text("\n")
    empty = problems(sealing_keys_file=named)
    file.write_text(KEY_D)
    present = load(sealing_keys_file=named)

    assert not absent.sealing_keys.is_set
    assert "it is empty" in empty
    assert present.sealing_keys.reveal().keys == (base64.urlsafe_b64decode(f"{KEY_D}="),)
    assert "VALETKEY_COOKIE_KEYS is missing" in problems(cookie_keys=None, cookie_keys_file=f"-{tmp_path}/none")
    assert "cannot be read from" in problems(sealing_keys_file=f"{tmp_path}/none")


@pytest.mark.parametrize(
    ("text", "words", "writes_plain", "reads_plain"),
    [
        ("D", "D", False, False),
        (" D , A= ", "DA", False, False),
        ("plain", "", True, True),
        ("plain,D", "D", True, True),
        ("D,plain,E", "DE", False, True),
        ("D,E,plain", "DE", False, True),
    ],
)
def test_the_word_plain_in_the_list_of_sealing_keys_stands_for_no_key(
    text: str, words: str, writes_plain: bool, reads_plain: bool
) -> None:
    known = {"A": KEY_F, "D": KEY_D, "E": KEY_E}
    setting = re.sub("[ADE]", lambda match: known[match[0]], text)

    keys = load(sealing_keys=setting).sealing_keys.reveal()

    assert keys.keys == tuple(base64.urlsafe_b64decode(f"{known[word]}=") for word in words)
    assert (keys.writes_plain, keys.reads_plain) == (writes_plain, reads_plain)


@pytest.mark.parametrize("text", ["plain,plain", "D,D", "plain,D,plain", "Plain", "plain:D", "sealed,D"])
def test_a_list_of_sealing_keys_that_says_something_twice_or_something_else_is_a_problem(text: str) -> None:
    assert "VALETKEY_SEALING_KEYS" in problems(sealing_keys=text.replace("D", KEY_D))
