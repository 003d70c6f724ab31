"""What an import remembers of names, and how Dex calls its users."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.administration.user_import.dex import dex_subject
from valetkey.administration.user_import.seen import SeenNames


@given(st.lists(st.text(max_size=8), max_size=60), st.text(max_size=8))
def test_names_that_were_added_have_been_seen_and_no_other(names: list[str], other: str) -> None:
    seen = SeenNames()
    for name in names:
        seen.add(name)

    assert all(name in seen for name in names)
    assert (other in seen) == (other in names)


def test_many_names_take_little_memory() -> None:
    seen = SeenNames()
    for number in range(60_000):
        seen.add(f"user-{number}@example.org")

    assert all(f"user-{number}@example.org" in seen for number in range(0, 60_000, 7))
    assert "user-60000@example.org" not in seen
    assert len(seen._table) * seen._table.itemsize < 60_000 * 28  # noqa: SLF001 - what it keeps


@pytest.mark.parametrize(
    ("user_id", "subject"),
    [
        ("08a8684b-db88-4b73-90a9-3cd1661f5466", "CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBWxvY2Fs"),
        ("admin", "CgVhZG1pbhIFbG9jYWw"),
    ],
)
def test_dex_calls_its_users_so(user_id: str, subject: str) -> None:
    assert dex_subject(user_id) == subject


def test_a_long_identifier_of_dex_has_a_length_of_two_bytes() -> None:
    text = dex_subject("u" * 200)

    assert base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))[:3] == b"\x0a\xc8\x01"
