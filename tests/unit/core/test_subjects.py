"""Subjects of users: a UUID of our own, or what another system gave. OIDC Core §2."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.authentication.subject import MAX_SUB_LENGTH, given_sub, sub_problem, subject_key, subject_of
from valetkey.core.oauth.revocation import subject_target

SUBS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=MAX_SUB_LENGTH)


def test_a_uuid_as_it_is_written_here_is_its_own_subject() -> None:
    subject = uuid4()

    assert subject_of(str(subject)) == subject
    assert subject_key(str(subject)) == str(subject)
    assert given_sub(str(subject)) is None


# Written down, for what is kept under it must be found by every release.
@pytest.mark.parametrize(
    ("sub", "subject"),
    [
        ("auth0|17", "3b6a9f27-f1df-85fb-9ef7-1a8908ccb556"),
        ("4F0C1A52-7D99-4E0B-9D3A-5A61C0A7B099", "f40a5a6c-9874-8177-a4cc-17b474443137"),
    ],
)
def test_another_sub_has_a_subject_that_never_changes(sub: str, subject: str) -> None:
    assert str(subject_of(sub)) == subject
    assert given_sub(sub) == sub


@given(SUBS)
def test_the_subject_of_any_sub_is_a_uuid_of_its_own_kind(sub: str) -> None:
    found = subject_of(sub)

    assert (found.version, found.variant) == (8, "specified in RFC 4122")
    assert subject_key(sub) == str(found)
    assert subject_target(sub).target == str(found)
    assert subject_of(str(found)) == found


@given(SUBS, SUBS)
def test_two_subs_are_two_subjects(one: str, other: str) -> None:
    assert (subject_of(one) == subject_of(other)) == (one == other)


@pytest.mark.requirement("OIDC Core §2: a sub is at most 255 ASCII characters")
@pytest.mark.parametrize(
    ("sub", "is_one"),
    [
        ("x", True), ("x" * 255, True), ("a b", True), ("auth0|x", True), (str(UUID(int=1)), True),
        ("", False), ("x" * 256, False), (" x", False), ("x ", False), ("ä", False), ("x\n", False), ("x\0", False),
    ],
)  # fmt: skip
def test_what_a_sub_may_be(sub: str, is_one: bool) -> None:
    assert (sub_problem(sub) is None) is is_one
