import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.cli.apply.yaml_document import MAX_BYTES, YamlError, parse_yaml


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
        parse_yaml("a" * (MAX_BYTES + 1))


def test_nesting_beyond_all_measure_is_refused() -> None:
    with pytest.raises(YamlError):
        parse_yaml("[" * 50_000)


@given(st.text(max_size=200) | st.text("-:[]{}&*!|>'\"%@`, \n09aT.", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_yaml(text)
    except Exception as error:  # noqa: BLE001 - whatever else it may be is what is looked for
        assert isinstance(error, YamlError)  # noqa: PT017 - most texts are read, and raise nothing
