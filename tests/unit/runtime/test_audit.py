import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from valetkey.runtime.telemetry.audit import AuditEvent, audit_told_to, configure_audit, emit, hash_of
from valetkey.runtime.telemetry.tracing import begin_trace


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    with audit_told_to():
        configure_audit("token", stream)
        yield stream


def test_an_event_says_who_did_what_and_how_it_ended(stream: io.StringIO) -> None:
    trace_id = begin_trace().trace_id

    emit(
        AuditEvent(
            type="login", outcome="failure", reason="wrong password", subject="ada", amr=("pwd",), address="192.0.2.1"
        )
    )

    event = json.loads(stream.getvalue())
    assert event.pop("time").endswith("+00:00")
    assert event == {
        "log": "audit",
        "service": "token",
        "type": "login",
        "outcome": "failure",
        "trace_id": trace_id,
        "reason": "wrong password",
        "subject": "ada",
        "amr": ["pwd"],
        "address": "192.0.2.1",
    }


@pytest.mark.requirement("security 51: no token in the audit stream, only its hash")
def test_tokens_and_sessions_are_written_as_hashes(stream: io.StringIO) -> None:
    emit(AuditEvent(type="token.revoked", outcome="success", jti="canary-jti", session_id="canary-session"))

    event = json.loads(stream.getvalue())
    assert "canary" not in stream.getvalue()
    assert (event["jti_hash"], event["session_hash"]) == (hash_of("canary-jti"), hash_of("canary-session"))


@pytest.mark.requirement("security 51: CR/LF in a user name cannot forge a log line")
def test_a_name_can_neither_forge_an_event_nor_flood_the_stream(stream: io.StringIO) -> None:
    emit(
        AuditEvent(
            type="login", outcome="failure", subject='x"}\r\n{"type":"login","outcome":"success"}' + "y" * 100_000
        )
    )

    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    assert len(lines[0]) < 1000
    assert json.loads(lines[0])["outcome"] == "failure"


def test_audit_events_stay_out_of_the_application_log(stream: io.StringIO) -> None:
    application = io.StringIO()
    handler = logging.StreamHandler(application)
    logging.getLogger().addHandler(handler)

    emit(AuditEvent(type="login", outcome="success"))

    logging.getLogger().removeHandler(handler)
    assert application.getvalue() == ""
    assert len(stream.getvalue().splitlines()) == 1


async def test_what_happens_in_one_turn_is_written_in_one_go() -> None:
    writes: list[str] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return len(text)

    with audit_told_to():
        configure_audit("token", Stream(), by_turn=True)
        for _ in range(3):
            emit(AuditEvent(type="login", outcome="success"))
        assert writes == []
        await asyncio.sleep(0)
        emit(AuditEvent(type="logout", outcome="success"))
        await asyncio.sleep(0)

    assert [[json.loads(line)["type"] for line in text.splitlines()] for text in writes] == [["login"] * 3, ["logout"]]


@pytest.mark.parametrize("error", [OSError("no space"), ValueError("closed")], ids=repr)
def test_a_full_audit_stream_stops_no_request_and_is_logged(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    class Stream(io.StringIO):
        def write(self, _text: str) -> int:
            raise error

    with audit_told_to():
        configure_audit("token", Stream())
        emit(AuditEvent(type="login", outcome="success"))

    assert "audit events could not be written" in caplog.text


@pytest.mark.parametrize("reason", ["\x7f", "\x7fé", "\x9b31m", "\u202e"])
def test_an_event_is_one_line_of_what_can_be_seen(stream: io.StringIO, reason: str) -> None:
    emit(AuditEvent(type="login", outcome="failure", reason=reason))

    assert stream.getvalue().removesuffix("\n").isprintable()
    assert json.loads(stream.getvalue())["reason"] == reason
