import io
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from support.hostile_text import HOSTILE, hidden_in
from valetkey.cli.__main__ import cli
from valetkey.cli.failure import Failure
from valetkey.cli.option import confirm
from valetkey.cli.output import TOO_DEEP, Format, Output, plain, say, write_lines

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


RECORDS = [
    {"name": HOSTILE},
    {HOSTILE: "value"},
    {"list": [HOSTILE, HOSTILE]},
    {"object": {HOSTILE: HOSTILE}},
    {"objects": [{HOSTILE: {HOSTILE: [HOSTILE]}}, {}]},
    {"path": Path(HOSTILE.replace("\0", ""))},
    {"set": frozenset({HOSTILE})},
]


@pytest.mark.requirement("security 10: what came from outside is escaped, names of members included")
@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("output", [TABLE, JSON])
def test_nothing_in_an_answer_reaches_the_terminal_unescaped(
    capsys: pytest.CaptureFixture[str], output: Output, record: dict[str, object]
) -> None:
    output.one(record)
    output.many([record], list(record))

    assert not hidden_in(capsys.readouterr().out)


@pytest.mark.parametrize("record", RECORDS)
def test_json_says_exactly_what_was_there(capsys: pytest.CaptureFixture[str], record: dict[str, object]) -> None:
    JSON.one(record)

    assert json.loads(capsys.readouterr().out) == plain(record)


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.floats() | st.text(), st.lists) | st.integers()))
def test_any_answer_can_be_printed(record: dict[str, object]) -> None:
    printed = CliRunner().invoke(click.Command("x", callback=lambda: JSON.one(record) or TABLE.one(record)))  # type: ignore[func-returns-value]

    assert printed.exception is None
    assert not hidden_in(printed.output)


def test_a_name_takes_one_line_and_lines_up(capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.one({"a\nb": 1, "c": 2})

    assert capsys.readouterr().out == "a\\u000ab  1\nc         2\n"


@pytest.mark.parametrize("output", [TABLE, JSON])
def test_what_is_nested_too_deeply_says_so(capsys: pytest.CaptureFixture[str], output: Output) -> None:
    deep: object = "bottom"
    for _ in range(5000):
        deep = {"a": [deep]}

    output.one({"claims": deep})

    assert TOO_DEEP in capsys.readouterr().out


def test_numbers_that_json_has_not_are_texts(capsys: pytest.CaptureFixture[str]) -> None:
    JSON.one({"a": float("nan"), "b": float("inf"), "c": 1.5})

    assert json.loads(capsys.readouterr().out) == {"a": "nan", "b": "inf", "c": 1.5}


@pytest.mark.requirement("security 51: CR/LF in a user name cannot forge a log line")
def test_a_failure_has_a_line_for_each_sentence_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    Failure(f"There is no user {HOSTILE}.", f"- {HOSTILE}").show()

    printed = capsys.readouterr().err
    assert printed.count("\n") == 2
    assert all(line.startswith("valetkey: ") for line in printed.splitlines())
    assert not hidden_in(printed)


def test_a_message_is_one_line_whatever_it_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"The client {HOSTILE} is gone.")

    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert not hidden_in(printed)


def test_a_question_quotes_nothing_that_hides() -> None:
    @click.command()
    def ask() -> None:
        confirm(f"Delete {HOSTILE}?", yes=False)

    printed = CliRunner().invoke(ask, input="y\n")

    assert printed.exit_code == 0
    assert not hidden_in(printed.output)


@pytest.mark.parametrize(
    "arguments",
    [
        (HOSTILE,),
        ("client", HOSTILE),
        ("client", "list", HOSTILE),
        ("client", "list", f"--{HOSTILE}"),
        ("client", "list", "-o", HOSTILE),
        ("client", "apply", "-f", HOSTILE),
        ("client", "rotate-secret", "x", "--overlap", HOSTILE),
        ("login", "--issuer", HOSTILE),
        ("check", "login", "--connect-to", HOSTILE),
        ("kubernetes", "create-secret", HOSTILE),
    ],
)
def test_what_is_wrong_with_the_command_line_is_told_escaped(
    arguments: tuple[str, ...],
) -> None:
    printed = CliRunner(env={"VALETKEY_ISSUER": "https://id.example"}).invoke(
        cli, [argument.replace("\0", "").replace("\ud800", "") for argument in arguments]
    )

    assert printed.exit_code == 2, printed.output
    assert not hidden_in(printed.output)


def test_a_terminal_that_is_not_utf_8_gets_escapes() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")

    write_lines("Zoë \u202e", file=stream)

    stream.seek(0)
    assert stream.read() == "Zo\\xeb \\u202e\n"
