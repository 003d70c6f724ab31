"""A link that a limit of mail keeps back: the page says the same, and the audit stream says why none was sent."""

import secrets

import pytest

from support.eventually import eventually
from support.front_channel import heading
from support.system import System
from support.systems import MakeParty, StartSystem
from valetkey.runtime.telemetry.audit import AuditEvent, audit_told_to


@pytest.fixture(scope="module")
def sparing(start_system: StartSystem) -> System:
    """A system that sends one mail to each recipient."""
    return start_system(
        changes={
            "mail_host": "smtp.example",
            "mail_from": "id@example.com",
            "mail_keys": secrets.token_urlsafe(32),
            "mail_per_recipient": "1",
        }
    )


async def test_a_mail_too_many_is_told_to_operators_alone(sparing: System, make_party: MakeParty) -> None:
    party = await make_party(at=sparing)
    assert party.person is not None
    events: list[AuditEvent] = []

    def asked() -> list[tuple[str, str]]:
        return [(each.outcome, each.reason) for each in events if each.type == "account.recovery_asked"]

    shown = []
    with audit_told_to(events.append):
        for number in (1, 2):
            page = await party.browser.get(f"{party.issuer}/recover")
            shown.append(await party.browser.submit(page, username=party.person.username))

            async def is_told(number: int = number) -> bool:
                return len(asked()) == number

            await eventually(is_told)

    assert [heading(page) for page in shown] == ["Look into your mail"] * 2
    assert asked() == [("success", ""), ("failure", "mail: mail_recipient")]
