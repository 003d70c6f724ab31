"""The audit stream of a whole life of a login: who did what to whom, from where, and how it ended."""

import json
from dataclasses import replace

import pytest

from support.captured_output import captured_output
from support.relying_party import RelyingParty
from support.systems import MakeParty
from support.tokens import claims_of
from valetkey.runtime.telemetry.audit import hash_of

SCOPE = "openid offline_access api:read"
ADDRESS = "127.0.0.1"
Events = dict[str, list[dict[str, object]]]


@pytest.fixture
def told() -> dict[str, str]:
    """What the story came by, to be found again, or not, in its events."""
    return {}


@pytest.fixture
async def events(make_party: MakeParty, told: dict[str, str]) -> Events:
    """Everything that is audited, by type."""
    party = await make_party()
    assert party.person is not None
    told.update(client_id=party.client.client_id, subject=party.person.subject)
    with captured_output() as heard:
        await live(party, told)
    lines = (json.loads(line) for line in heard.getvalue().splitlines() if line.startswith('{"log":"audit"'))
    by_type: Events = {}
    for event in lines:
        by_type.setdefault(event["type"], []).append(event)
    return by_type


async def live(party: RelyingParty, told: dict[str, str]) -> None:
    page = await party.start(scope=SCOPE)
    assert party.person is not None
    wrong = await party.browser.submit(page, username=party.person.username, password="wr0ng-c4n4ry-passw0rd")
    await party.browser.submit(wrong, action="cancel")
    code = await party.authorize(scope=SCOPE)
    impostor = replace(party, client=replace(party.client, client_secret="wr0ng-c4n4ry-s3cret-aaaaaaaaaaaaaaaaaaa"))
    await impostor.redeem(code)
    tokens = await party.redeem(code)
    told.update(access_token=tokens.access_token, code=code.code, refresh_token=tokens.refresh_token)
    await party.refresh(tokens.refresh_token)
    await party.redeem(code)
    again = await party.log_in(scope=SCOPE)
    told["jti"] = str(claims_of(again.access_token)["jti"])
    await party.revoke(again.access_token)
    await party.log_out(again.body["id_token"])


def require_event(events: Events, kind: str, **about: object) -> dict[str, object]:
    found = [event for event in events.get(kind, ()) if about.items() <= event.items()]
    assert found, (kind, about, events.get(kind))
    return found[0]


async def test_every_step_is_an_event_with_all_that_is_known_of_it(events: Events, told: dict[str, str]) -> None:
    client_id, subject = told["client_id"], told["subject"]

    require_event(events, "login", outcome="failure", reason="wrong password", subject=subject, client_id=client_id)
    require_event(events, "login", outcome="success", subject=subject, client_id=client_id, amr=["pwd"])
    require_event(events, "consent", outcome="success", subject=subject, client_id=client_id, amr=["pwd"], scope=SCOPE)
    require_event(
        events, "authorization", outcome="success", subject=subject, client_id=client_id, amr=["pwd"], scope=SCOPE
    )
    require_event(events, "client.authentication", outcome="failure", client_id=client_id)
    require_event(
        events,
        "token.issued",
        outcome="success",
        subject=subject,
        client_id=client_id,
        grant="authorization_code",
        amr=["pwd"],
    )
    require_event(events, "token.issued", outcome="success", client_id=client_id, grant="refresh_token")
    require_event(events, "token.refused", outcome="failure", client_id=client_id, grant="authorization_code")
    require_event(events, "authorization_code.replayed", outcome="failure", client_id=client_id)
    require_event(events, "token.revoked", outcome="success", client_id=client_id, jti_hash=hash_of(told["jti"]))
    require_event(events, "logout", outcome="success", subject=subject, client_id=client_id, amr=["pwd"])


async def test_every_event_tells_its_trace_and_its_address(events: Events) -> None:
    assert len(events) >= 9
    for event in (event for kind in events.values() for event in kind):
        assert event["address"] == ADDRESS, event
        assert len(str(event["trace_id"])) == 32, event
        assert event["outcome"] in {"success", "failure"}
        assert event["outcome"] == "success" or event["type"] == "consent" or event["reason"], event


async def test_what_was_issued_can_be_found_by_what_was_revoked(events: Events, told: dict[str, str]) -> None:
    issued = require_event(events, "token.issued", jti_hash=hash_of(told["jti"]))
    revoked = require_event(events, "token.revoked", jti_hash=hash_of(told["jti"]))
    agreed = require_event(events, "authorization", authorization_id=issued["authorization_id"])

    assert issued["authorization_id"] == revoked["authorization_id"]
    assert agreed["session_hash"] == require_event(events, "logout")["session_hash"]


@pytest.mark.requirement("security 51: no token in the audit stream, only its hash")
async def test_no_event_holds_anything_that_could_be_presented(events: Events, told: dict[str, str]) -> None:
    text = json.dumps(events)

    for name in ("access_token", "refresh_token", "code", "jti"):
        assert told[name] not in text, name
    assert "c4n4ry" not in text
