import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest

from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.logging import configure_logging
from valetkey.runtime.telemetry.tracing import begin_trace

CANARY = "c4n4ry5f2d9c0a1b"
FORGED = "ada\r\n12:00:00 INFO valetkey.audit logged in\u2028\x1b[2Kx"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, exceptions = list(root.handlers), root.level, logging.raiseExceptions
    yield
    root.handlers[:], logging.raiseExceptions = handlers, exceptions
    root.setLevel(level)


def logged(write: Callable[[logging.Logger], None], stream: io.StringIO, **settings: str) -> str:
    configure_logging(Settings(**settings), "token", stream)  # type: ignore[arg-type]
    write(logging.getLogger("valetkey.test"))
    return stream.getvalue()


def fail(log: logging.Logger) -> None:
    try:
        int(f"bad password={CANARY} for {FORGED}")
    except ValueError:
        log.exception("unhandled error")


def test_a_pipe_gets_json_with_the_trace_id_at_the_top() -> None:
    trace_id = begin_trace().trace_id

    line = json.loads(
        logged(lambda log: log.info("refused", extra={"error": "invalid_grant", "count": 2}), io.StringIO())
    )

    assert line["trace_id"] == trace_id
    assert (line["level"], line["logger"], line["message"]) == ("info", "valetkey.test", "refused")
    assert (line["error"], line["count"], line["service"]) == ("invalid_grant", 2, "token")
    assert line["time"].endswith("+00:00")


def test_a_terminal_gets_lines_for_people() -> None:
    text = logged(lambda log: log.info("listening", extra={"url": "http://127.0.0.1:8080"}), Terminal())

    assert "INFO    valetkey.test listening url=http://127.0.0.1:8080" in text


def test_the_form_can_be_chosen() -> None:
    assert logged(lambda log: log.info("x"), Terminal(), log_format="json").startswith("{")
    assert not logged(lambda log: log.info("x"), io.StringIO(), log_format="console").startswith("{")


def test_lines_below_the_level_are_dropped() -> None:
    assert logged(lambda log: log.info("x"), io.StringIO(), log_level="warning") == ""


@pytest.mark.requirement("security 51: CR/LF in a user name cannot forge a log line")
@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_value_cannot_forge_a_line(stream: type[io.StringIO]) -> None:
    text = logged(lambda log: log.info("login of %s", FORGED, extra={"username": FORGED}), stream())

    assert len(text.splitlines()) == 1
    assert "\x1b" not in text


@pytest.mark.requirement("security 51: CR/LF in a user name cannot forge a log line")
def test_an_exception_cannot_forge_a_line() -> None:
    as_json = logged(fail, io.StringIO())
    on_terminal = logged(fail, Terminal())

    assert len(as_json.splitlines()) == 1
    assert "Traceback" in json.loads(as_json)["exception"]
    assert all(line.startswith("    | ") for line in on_terminal.splitlines()[1:])


@pytest.mark.requirement("security 51: no secret, code, token, verifier or password in logs")
@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_secrets_do_not_reach_the_log(stream: type[io.StringIO]) -> None:
    def write(log: logging.Logger) -> None:
        fail(log)
        log.info("client_secret=%s", CANARY)
        log.info("x", extra={"refresh_token": CANARY, "user": {"password": CANARY}})

    assert CANARY not in logged(write, stream())


def test_a_record_that_cannot_be_formatted_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    text = logged(lambda log: log.info("%d", CANARY), io.StringIO())

    assert CANARY not in text + capsys.readouterr().err
