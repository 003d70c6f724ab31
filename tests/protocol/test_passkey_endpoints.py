"""Where password managers send people who want a passkey, or to look after theirs."""

import json

import pytest

from support.browser import Browser
from support.system import System
from support.systems import StartSystem

PATH = "/.well-known/passkey-endpoints"


@pytest.fixture(scope="module", params=["", "/tenant"])
def with_passkeys(start_system: StartSystem, request: pytest.FixtureRequest) -> System:
    return start_system(host="localhost", issuer_path=request.param)


@pytest.fixture(scope="module")
def switched_off(start_system: StartSystem) -> System:
    return start_system(host="localhost", changes={"passkeys": "false"})


@pytest.mark.requirement("W3C Passkey Endpoints §2: enroll and manage are addresses of the relying party")
async def test_they_lead_to_the_account_page(with_passkeys: System) -> None:
    async with Browser() as browser:
        answer = await browser.get(f"{with_passkeys.origin}{PATH}")

    account = f"{with_passkeys.issuer}/account"
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == f"public, max-age={with_passkeys.settings.jwks_max_age}"
    assert json.loads(answer.text) == {"enroll": account, "manage": account}


@pytest.mark.parametrize("why", ["switched_off", "an issuer that is an address"])
async def test_there_are_none_where_there_are_no_passkeys(system: System, switched_off: System, why: str) -> None:
    origin = switched_off.origin if why == "switched_off" else system.origin
    async with Browser() as browser:
        answer = await browser.get(f"{origin}{PATH}")

    assert answer.status == 404
