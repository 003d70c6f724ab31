"""What Prometheus scrapes from a wired system."""

import re
from urllib.parse import quote

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from support.fragile import Fragile
from support.relying_party import ClientIdentity, RelyingParty
from support.system import System
from support.systems import MakeParty
from support.wire import Wire
from valetkey.runtime.telemetry.metrics_table import table

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


async def scrape(wire: Wire, url: str, accept: str = "text/plain") -> str:
    async with wire.http.get(f"{url}/metrics", headers={"Accept": accept}) as response:
        assert response.status == 200
        return await response.text()


async def scrape_all(wire: Wire, system: System) -> str:
    return "\n".join([await scrape(wire, urls[0]) for urls in system.management_urls.values()])


@pytest.mark.parametrize("service", ["authorize", "token", "introspection"])
async def test_every_level_of_a_service_is_known_after_a_login(
    system: System, party: RelyingParty, wire: Wire, service: str
) -> None:
    await party.log_in()

    text = await scrape(wire, system.management_urls[service][0])

    # A process says what it runs when it is a process; here several services share one.
    levels = [m for m in table() if m.kind == "gauge" and service in m.services and m.name != "valetkey_build_info"]
    assert [m.name for m in levels if not re.search(rf"^{m.name}[ {{]", text, re.MULTILINE)] == []


async def test_keys_migrations_and_sessions_are_told_as_they_are(
    system: System, party: RelyingParty, wire: Wire
) -> None:
    await party.log_in()

    text = await scrape_all(wire, system)

    assert "valetkey_migrations_pending 0.0" in text
    assert 'valetkey_signing_keys{algorithm="ES256",state="active"} 1.0' in text
    assert 'valetkey_signing_keys{algorithm="RS256",state="active"} 1.0' in text
    # Other systems of this process, whose keys are others, may tell theirs between one scrape and the next.
    due = re.findall(r'next_key_rotation_timestamp_seconds\{algorithm="ES256"\} (\S+)', text)
    assert due
    assert all(float(moment) > 1.7e9 for moment in due)
    assert float(re.findall(r"^valetkey_sessions (\S+)", text, re.MULTILINE)[0]) >= 0


@pytest.mark.requirement("security 52: metric labels are bounded whatever a caller sends")
async def test_hostile_methods_paths_and_clients_add_no_label(system: System, party: RelyingParty, wire: Wire) -> None:
    await party.log_in()
    await storm(system, wire, "a")
    before = series(await scrape_all(wire, system))

    await storm(system, wire, "b")

    after = await scrape_all(wire, system)
    assert series(after) == before
    assert "h0st1le" not in after


def series(text: str) -> set[str]:
    return {line.rpartition(" ")[0] for line in text.splitlines() if line.startswith(("http_", "valetkey_"))}


async def storm(system: System, wire: Wire, kind: str) -> None:
    for number in range(30):
        word = f"h0st1le-{kind}-{number}"
        caller = RelyingParty(system.issuer, ClientIdentity(word, word, f"https://{word}.example"))
        try:
            assert (await caller.token(word)).status in {400, 401}
            assert (await caller.token("refresh_token", refresh_token=word)).status in {400, 401}
            assert (await caller.introspect(word)).status in {400, 401}
            assert (await caller.start(scope=word, response_type=word)).status == 400
        finally:
            await caller.browser.close()
        for path in (f"/{word}", f"/token/{word}", f"/static/{word}", f"/token?{word}={word}", f"/{quote('ü' + word)}"):
            await wire.send("GET", path)
        await wire.send(f"H0ST1LE{number}".upper(), "/token")


async def test_a_sampled_request_is_an_exemplar_of_its_bucket(
    fragile: Fragile, make_party: MakeParty, wire: Wire
) -> None:
    fragile.spans.clear()
    await (await make_party(at=fragile.system)).log_in()

    text = await scrape(wire, fragile.system.management_urls["token"][0], OPENMETRICS)

    sampled = {f"{span.context.trace_id:032x}" for span in fragile.spans.get_finished_spans() if span.context}
    families = {family.name: family for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    for name in ("http_server_request_duration_seconds", "db_client_operation_duration_seconds"):
        exemplars = [sample.exemplar for sample in families[name].samples if sample.exemplar]
        assert {exemplar.labels["trace_id"] for exemplar in exemplars} & sampled, name
