"""What is asked next, and which answers are taken for good."""

import pytest

from bench.exchange import UnexpectedAnswerError
from bench.work import Requests


def test_runs_go_on_where_the_last_one_ended() -> None:
    work = Requests([b"a", b"b", b"c"])

    first = [work.take(), work.take()]
    work.advance(2)
    second = work.take()

    assert (first, second) == ([b"a", b"b"], b"b")


def test_connections_share_one_sequence() -> None:
    work = Requests([b"a", b"b", b"c"])
    one, other = work.conversation(0), work.conversation(1)

    assert [one.request(), other.request(), one.request()] == [b"a", b"b", b"c"]


@pytest.mark.parametrize(
    ("status", "head", "body"),
    [(500, b"", b"access_token"), (200, b"", b"error"), (200, b"access_token", b"error"), (303, b"", b"")],
)
def test_another_answer_is_refused(status: int, head: bytes, body: bytes) -> None:
    conversation = Requests([b"a"], 200, b"access_token").conversation(0)

    with pytest.raises(UnexpectedAnswerError):
        conversation.answered(status, head, body)


def test_a_redirect_is_judged_by_its_head() -> None:
    conversation = Requests([b"a"], 303, b"code=").conversation(0)

    assert conversation.answered(303, b"Location: https://client.example/callback?code=1", b"")
