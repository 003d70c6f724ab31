"""The checker notices what it is there to notice: services that are broken on purpose, under a fault that shows it."""

from dataclasses import replace
from functools import partial

import pytest

from faults import answers, durability, endings, faults_of_clients, ownership, refresh_chain, revocation, single_use
from faults.catalogue import FAULTS
from faults.fault import Fault
from faults.faults_of_networks import through
from faults.faults_of_redis import FORGED, FORGETFUL, UNSPENT, flushed
from faults.mutations import MUTATIONS
from faults.run import run
from faults.site import Site
from support.tcp_proxy import TcpProxy

OPERATIONS = 300
TRIES = 10
BY_NAME = {fault.name: fault for fault in FAULTS}
NONE = faults_of_clients.NONE
# The mutant pauses for less than lies between two flushes, and everything is loaded anew after each of them.
FLUSHED = Fault("redis: flushed now and then", flushed(1.1), FORGETFUL, seconds=3.0)
# A client that tries again goes to the other replica half of the time, and is answered there. So few answers are torn
# that most connections live until a redemption has been stored; its answer is then the one that is torn.
TORN = Fault(
    "postgresql: a fifth of the answers to one token torn",
    through(partial(TcpProxy.tear, share=0.2, reset=True), store="postgres", service="token", number=0),
    seconds=5.0,
)
# Long enough that a machine's end is among what ends.
SKEWED = replace(BY_NAME["clocks: all ahead, the operator behind"], seconds=8.0)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("mutation", "fault", "invariant"),
    [
        ("authorizations-stored-again", UNSPENT, single_use.INVARIANT),
        ("abandoned-for-good", TORN, answers.INVARIANT),
        ("taken-over-by-any-caller", UNSPENT, single_use.INVARIANT),
        ("codes-for-several", NONE, single_use.INVARIANT),
        ("codes-without-tombstone", NONE, revocation.INVARIANT),
        ("plain-values-believed", FORGED, ownership.INVARIANT),
        ("revocations-not-recorded", NONE, revocation.INVARIANT),
        ("revocations-published-first", FLUSHED, revocation.INVARIANT),
        ("failed-revocations-succeed", BY_NAME["postgresql: read-only"], revocation.INVARIANT),
        ("unknown-is-valid", BY_NAME["redis: killed, back and empty"], revocation.INVARIANT),
        ("any-generation-rotates", NONE, refresh_chain.INVARIANT),
        ("bugs-are-shown", BY_NAME["postgresql: killed and back"], answers.INVARIANT),
        ("users-mixed-up", NONE, ownership.INVARIANT),
        ("consents-forgotten", NONE, durability.INVARIANT),
        ("endings-compared-by-time", SKEWED, endings.INVARIANT),
        ("epochs-not-asked", NONE, endings.INVARIANT),
        ("epochs-read-too-late", NONE, endings.INVARIANT),
        ("recovery-codes-for-several", NONE, single_use.INVARIANT),
        ("time-steps-for-several", NONE, single_use.INVARIANT),
        ("reset-links-for-several", NONE, single_use.INVARIANT),
    ],
)
async def test_the_checker_notices(mutation: str, fault: Fault, invariant: str, site: Site) -> None:
    service, broken = MUTATIONS[mutation].service, set[str]()

    await site.mutate(service, mutation)
    try:
        for attempt in range(TRIES):
            mutant = replace(fault, name=f"{mutation}, {fault.name}")
            found = await run(site, mutant, operations=OPERATIONS, seed=attempt)
            broken |= {violation.invariant for violation in found.violations}
            if invariant in broken:
                break
    finally:
        await site.mutate(service, "")

    assert invariant in broken


async def test_what_was_logged_of_a_bug_is_told_with_the_violation(site: Site) -> None:
    await site.mutate("token", "bugs-are-shown")
    try:
        found = await run(site, BY_NAME["postgresql: killed and back"], operations=OPERATIONS)
    finally:
        await site.mutate("token", "")

    assert found.violations
    assert "Traceback" in found.explanation
