import io
import json

import pytest

from valetkey.administration.audit import audited
from valetkey.cli import operator_audit
from valetkey.cli.operator_audit import configure_operator_audit, record
from valetkey.runtime.telemetry.audit import audit_told_to


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_audit, "operator_name", lambda: "ada")


def test_a_terminal_shows_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with audit_told_to():
        configure_operator_audit()
        record("client.created", client_id="web\r\naudit: forged")
        with pytest.raises(LookupError), audited("client.deleted", "ada", client_id="web"):
            raise LookupError

    created, deleted = terminal.getvalue().splitlines()
    assert created.startswith("audit: client.created success by ada client_id=web")
    assert deleted == "audit: client.deleted failure by ada client_id=web reason=LookupError"


def test_a_collector_reads_json_of_one_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with audit_told_to():
        configure_operator_audit()
        record("client.created", client_id="web")
        record("client.deleted", client_id="web")

    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(event["type"], event["service"], event["actor"]) for event in events] == [
        ("client.created", "cli", "ada"),
        ("client.deleted", "cli", "ada"),
    ]
    assert len({event["trace_id"] for event in events}) == 1
