import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.administration.apply.clients_file import read_declaration
from valetkey.administration.apply.yaml_document import MAX_BYTES, YamlError, parse_yaml, read_text


def test_plain_data_is_read_as_it_stands() -> None:
    assert parse_yaml("clients:\n  - client_id: web\n    enabled: false\n") == {
        "clients": [{"client_id": "web", "enabled": False}]
    }


def test_an_empty_document_says_nothing() -> None:
    assert parse_yaml("# nothing\n") is None


@pytest.mark.parametrize(
    "text",
    [
        "clients: []\nscopes: []\nclients: []\n",
        "clients:\n  - client_id: web\n    client_id: other\n",
        "clients: [{client_id: a, client_id: b}]",
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(YamlError, match=r"line \d: '(clients|client_id)' is there twice"):
        parse_yaml(text)


def test_a_merged_key_may_be_overridden() -> None:
    text = "base: &base {scope: openid}\nclients: [{<<: *base, scope: email}]"

    assert parse_yaml(text) == {"base": {"scope": "openid"}, "clients": [{"scope": "email"}]}


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['true']",
        "clients: !!python/name:os.system ''",
        "clients: [",
        "a: b: c",
        "---\na: 1\n---\nb: 2\n",
        "? [a]\n: 1",
        "*unknown",
        "when: 2026-13-45",
        "a: \x1b",
    ],
)
def test_what_is_no_plain_data_is_refused(text: str) -> None:
    with pytest.raises(YamlError):
        parse_yaml(text)


def test_a_problem_does_not_quote_the_file() -> None:
    with pytest.raises(YamlError) as caught:
        parse_yaml("secret: hunter2hunter2: [")

    assert "hunter2" not in str(caught.value)


def test_a_file_beyond_all_measure_is_refused() -> None:
    with pytest.raises(YamlError, match="longer than"):
        read_text(b"a" * (MAX_BYTES + 1))


SURPRISES = {
    "a number of 5,000 digits": "- " + "9" * 5000,
    "a negative number of 5,000 digits": "- -" + "9" * 5000,
    "a hexadecimal number of 5,000 digits": "- 0x" + "f" * 5000,
    "an octal number": "- 0777",
    "an octal number of 5,000 digits": "- 0" + "7" * 5000,
    "a binary number": "- 0b" + "1" * 5000,
    "a number of 19 digits": "- 1" + "0" * 18,
    "a sexagesimal number": "- 190:20:30",
    "a sexagesimal number of 100,000 parts": "- 1" + ":1" * 100_000,
    "a sexagesimal fraction": "- 190:20:30.15",
    "a sexagesimal fraction of 100,000 parts": "- 1" + ":1" * 100_000 + ".5",
    "a grouped number": "- 1_000",
    "a grouped fraction": "- 1_000.5",
    "a fraction": "- 1.5",
    "a power": "- 1.0e+400",
    "not a number": "- .nan",
    "infinity": "- -.inf",
    "a date": "- 2026-12-24",
    "a time": "- 2026-12-24T18:30:45Z",
    "no date": "- 2026-13-45",
    "binary data": "- !!binary aGVsbG8=",
    "a set": "- !!set {a, b}",
    "a text by tag": "- !!str 5",
    "a list by tag": "- !!seq [a]",
    "a tag of its own": "- !mine a",
    "a tag that says nothing": "- ! a",
    "a Python object": "- !!python/object/apply:os.system ['true']",
    "NUL": "- a\0b",
    "NUL as an escape": r'- "a\0b"',
    "half a character as an escape": r'- "\ud800"',
    "an escape sequence as an escape": r'- "\e[2J"',
    "a bell": "- \a",
    "deep lists": "- " + "[" * 21,
    "deep mappings": "- " + "{a: " * 21,
    "deep blocks": "- " + "- " * 21 + "a",
    "lists as deep as a file is long": "- " + "[" * 500_000,
    "mappings as deep as a file is long": "- " + "{a: " * 200_000,
    "an alias of itself": "- &a [*a]",
    "an alias of nothing": "- *a",
    "a list as a name": "- ? [a]\n  : 1",
    "a list as a name by alias": "- &a [a]\n- ? *a\n  : 1",
    "a merge of no mapping": "- <<: a",
    "a name twice": "- {a: 1, a: 2}",
    "a name twice in two spellings": "- {a: 1, 'a': 2}",
    "two merges": "- &a {a: 1}\n- {<<: *a, <<: *a}",
    "two documents": "- a\n---\n- b",
    "a directive": "%YAML 9.9\n---\n- a",
    "an open list": "- [a",
    "an open quote": "- 'a",
    "a tab": "-\ta:\n\t- b",
}


@pytest.mark.parametrize("text", SURPRISES.values(), ids=SURPRISES)
def test_whatever_could_be_read_in_several_ways_is_one_sentence_with_its_line(text: str) -> None:
    declaration, problems = read_declaration(f"# two lines\n# of words\n{text}\n", Path(), "clients.yaml")

    assert not declaration.clients
    assert len(problems) == 1
    assert problems[0].startswith("clients.yaml: line ")
    assert len(problems[0]) < 200
    assert any(word in problems[0] for word in ("; put ", "; write ", "; remove ", "; no field", "; see ", "; name "))


COSTLY = {
    "aliases that double": "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
    "merges that double": "a0: &a0 {x: y}\n"
    + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], b{n}: y}}\n" for n in range(1, 40)),
    "one long text, many times": f"a: &a {'x' * 500_000}\nb: [{'*a,' * 100_000}]\n",
    "one long mapping, many times": f"a: &a {{{''.join(f'n{n}: v,' for n in range(20_000))}}}\nb:\n"
    + "- <<: *a\n" * 20_000,
    "a million empty values": "[" + "," * 1_000_000 + "]",
    "half a million lines": "- \n" * 340_000,
    "half a million names": "".join(f"{n:x}:\n" for n in range(160_000)),
    "half a million anchors": "".join(f"- &{n:x} a\n" for n in range(90_000)),
    "one long line": "a" * MAX_BYTES,
    "one long name": "a" * (MAX_BYTES - 10) + ": b",
    "one long number": "9" * MAX_BYTES,
    "long sexagesimals": "1" + ":59" * 340_000,
    "one long quote": "'" + "''" * 500_000,
    "many quotes": "- '" * 300_000,
    "brackets": "[" * MAX_BYTES,
    "questions": "? " * 500_000,
    "colons": ": " * 500_000,
    "clients that are none": "clients: [" + "1," * 400_000 + "]",
    "clients with nothing": "clients: [" + "{}," * 60_000 + "]",
    "clients with unknown fields": "clients:\n- " + "\n  ".join(f"client_ix{n}: 1" for n in range(50_000)),
}


@pytest.mark.requirement("security 55c: whatever a caller can leave behind is bounded in count and bytes")
@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_no_file_takes_long_to_refuse(text: str) -> None:
    started = time.process_time()

    _, problems = read_declaration(read_text(text.encode()[:MAX_BYTES]), Path())

    assert problems
    assert time.process_time() - started < 10, "the longest takes two seconds; before there was a bound, minutes"


def test_a_file_of_thousands_of_clients_is_read() -> None:
    client = "  - {{client_id: web{0}, redirect_uris: [https://app.example/{0}], scope: openid profile, <<: *all}}\n"
    text = "x: &all {client_name: Reports}\nclients:\n" + "".join(client.format(number) for number in range(9000))

    declaration, problems = read_declaration(read_text(text.encode()), Path())

    assert problems == ["the file: x is not a field"]
    assert len(declaration.clients) == 9000


def test_names_that_mean_something_else_as_values_are_names() -> None:
    assert parse_yaml("yes: no\n1: 2\n~: null\n2026-01-01: text\n") == {
        "yes": False,
        "1": 2,
        "~": None,
        "2026-01-01": "text",
    }


def test_what_stands_in_quotes_is_text() -> None:
    assert parse_yaml("['190:20:30', \"1_000\", '2026-01-01', '', 'null', |-\n 9\n]".replace("|-\n 9\n", "'9'")) == [
        "190:20:30",
        "1_000",
        "2026-01-01",
        "",
        "null",
        "9",
    ]


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"a: 1\nb: \xff\n", 2), ("a: 1".encode("utf-16"), 1), (b"\x80", 1), (b"a: 1\n\nb: \xed\xa0\x80", 3)],
)
def test_another_encoding_is_told_with_its_line(data: bytes, line: int) -> None:
    with pytest.raises(YamlError, match=f"^line {line}: not UTF-8; save the file in that encoding$"):
        read_text(data)


def test_a_byte_order_mark_means_nothing() -> None:
    assert parse_yaml(read_text("a: 1".encode("utf-8-sig"))) == {"a": 1}


def test_merged_mappings_do_not_change_what_they_are_merged_from() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: [*b, *a], z: 3}\nd: *a"

    assert parse_yaml(text) == {
        "a": {"x": 1, "y": 1},
        "b": {"x": 2, "y": 1},
        "c": {"x": 2, "y": 1, "z": 3},
        "d": {"x": 1, "y": 1},
    }


def test_nesting_beyond_all_measure_is_refused() -> None:
    with pytest.raises(YamlError):
        parse_yaml("[" * 50_000)


@given(st.text(max_size=200) | st.text("-:[]{}&*!|>'\"%@`, \n09aT.", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_yaml(text)
    except Exception as error:  # noqa: BLE001 - whatever else it may be is what is looked for
        assert isinstance(error, YamlError)  # noqa: PT017 - most texts are read, and raise nothing
