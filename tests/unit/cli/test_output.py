from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest

from valetkey.cli.output import Format, Output, plain, say

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 999_000, tzinfo=UTC)
TABLE = Output(Format.TABLE)
JSON = Output(Format.JSON)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (MOMENT, "2026-03-01T12:30:15Z"),
        (MOMENT.astimezone(timezone(timedelta(hours=2))), "2026-03-01T12:30:15Z"),
        (frozenset({"b", "a"}), ["a", "b"]),
        (("b", "a"), ["b", "a"]),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (Path("a/b"), "a/b"),
        (Format.JSON, "json"),
        ({"inner": (None, True, 3)}, {"inner": [None, True, 3]}),
    ],
)
def test_values_have_one_spelling_in_json(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_a_value_without_a_spelling_is_a_bug() -> None:
    with pytest.raises(TypeError):
        plain(object())


def test_json_is_ascii_whatever_the_value_holds(capsys: pytest.CaptureFixture[str]) -> None:
    JSON.one({"name": "Zoë\x9b31m\x1b[2J"})

    printed = capsys.readouterr().out

    assert printed.isascii()
    assert "\x1b" not in printed


@pytest.mark.requirement("security 51: CR/LF in a user name cannot forge a log line")
def test_no_value_moves_the_cursor_of_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.one({"name": "ada\r\nmallory\x1b[2J\u202e"})
    TABLE.many([{"name": "ada\nmallory\x9b"}], ["name"])
    say("gone:\x1b[2J")

    printed = capsys.readouterr()

    assert printed.out.count("\n") == 3
    assert not {"\x1b", "\r", "\x9b", "\u202e"} & set(printed.out + printed.err)


def test_a_table_lines_up_and_shows_nothing_as_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.many(
        [{"client_id": "a", "enabled": True, "owner": None}, {"client_id": "longer", "enabled": False, "owner": ""}],
        ["client_id", "enabled", "owner"],
    )

    assert capsys.readouterr().out == "CLIENT ID  ENABLED  OWNER\na          yes      -\nlonger     no       -\n"


def test_one_thing_has_a_line_for_each_member_of_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.one(
        {"id": "web", "redirect_uris": ["https://a", "https://b"], "secrets": [{"expires_at": None}], "scope": ()}
    )

    assert capsys.readouterr().out == (
        "id             web\n"
        "redirect_uris  https://a\n"
        "               https://b\n"
        "secrets        expires_at=-\n"
        "scope          -\n"
    )


def test_an_empty_list_is_an_empty_array_for_programs_and_a_word_for_people(
    capsys: pytest.CaptureFixture[str],
) -> None:
    JSON.many([], ["name"])
    TABLE.many([], ["name"])

    printed = capsys.readouterr()

    assert printed.out == "[]\n"
    assert printed.err == "none\n"
