"""Which clients were told of scopes that they ask for in vain: a bounded number, each once."""

import pytest

from support.seed import make_client
from valetkey.authorize.flow import ignored_scopes
from valetkey.authorize.flow.ignored_scopes import IgnoredScopes


def test_a_client_is_told_of_once_and_the_oldest_makes_room(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ignored_scopes, "MAX_CLIENTS", 2)
    told = IgnoredScopes()

    for name in ("a", "a", "b", "c", "b", "a"):
        told.note(make_client(name), (f"scope:{name}",))
    told.note(make_client("d"), ())

    assert [vars(record)["client_id"] for record in caplog.records] == ["a", "b", "c", "a"]


def test_what_is_told_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    IgnoredScopes().note(make_client(), ("s" * 2000,))

    assert len(vars(caplog.records[0])["scope"]) == 256
