"""Keys of an issuer on loopback: found, kept, replaced, and never taken from anywhere else."""

import asyncio
from datetime import timedelta

import pytest

from support.loopback_issuer import BROKEN_ANSWERS, METADATA, LoopbackIssuer
from support.rfc9068 import AUDIENCE, ManualClock, claims, signer
from valetkey.resource_server import AuthorizationServer, InvalidToken, IssuerUnavailable, Verifier

ES256 = signer("ES256")


@pytest.mark.requirement("RFC 8414 §3: metadata leads to the keys")
async def test_a_token_of_the_configured_issuer_verifies(issuer: LoopbackIssuer, verifier: Verifier) -> None:
    access_token = await verifier.verify(issuer.token())

    assert access_token.subject == "user-1"
    assert issuer.requests == {METADATA: 1, "/jwks": 1}


async def test_keys_are_fetched_once_for_as_long_as_max_age_says(
    issuer: LoopbackIssuer, verifier: Verifier, clock: ManualClock
) -> None:
    for seconds in (0, 30, 29):
        clock.advance(seconds)
        await verifier.verify(issuer.token())
    requests_within_max_age = issuer.requests["/jwks"]
    clock.advance(1)
    await verifier.verify(issuer.token())

    assert requests_within_max_age == 1
    assert issuer.requests["/jwks"] == 2


@pytest.mark.requirement("RFC 9110 §13.1.2: If-None-Match, 304")
async def test_unchanged_keys_are_confirmed_rather_than_fetched_again(
    issuer: LoopbackIssuer, verifier: Verifier, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    clock.advance(60)
    await verifier.verify(issuer.token())
    clock.advance(30)
    await verifier.verify(issuer.token())

    assert issuer.requests["/jwks"] == 2
    assert issuer.not_modified == 1


async def test_an_etag_is_not_sent_to_another_jwks_uri(
    issuer: LoopbackIssuer, verifier: Verifier, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    issuer.metadata_changes = {"jwks_uri": f"{issuer.url}/jwks?v=2"}
    clock.advance(300)

    await verifier.verify(issuer.token(exp=int(clock().timestamp()) + 60))

    assert issuer.requests["/jwks"] == 2
    assert issuer.not_modified == 0


@pytest.mark.requirement("RFC 9068 §4: a rotated key is picked up")
async def test_a_new_key_is_picked_up_before_max_age_is_over(issuer: LoopbackIssuer, verifier: Verifier) -> None:
    await verifier.verify(issuer.token())
    issuer.signers.append(signer("ES256", "k2"))

    access_token = await verifier.verify(issuer.token("k2"))

    assert access_token.jti == "token-1"
    assert (await verifier.verify(issuer.token())).jti == "token-1"


async def test_a_withdrawn_key_is_refused_once_the_keys_were_fetched_again(
    issuer: LoopbackIssuer, verifier: Verifier, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    issuer.signers = [signer("ES256", "k2")]
    clock.advance(60)

    with pytest.raises(InvalidToken):
        await verifier.verify(issuer.token())


@pytest.mark.requirement("security 52: bounded whatever a caller sends")
async def test_a_flood_of_invented_key_names_causes_one_request_per_interval(
    issuer: LoopbackIssuer, verifier: Verifier, clock: ManualClock
) -> None:
    async def attack(number: int) -> None:
        with pytest.raises(InvalidToken):
            await verifier.verify(ES256.token(claims(iss=issuer.url), {**ES256.header, "kid": f"invented-{number}"}))

    await verifier.verify(issuer.token())
    for number in range(30):
        await attack(number)
    await asyncio.gather(*(attack(number) for number in range(30, 60)))
    after_first_flood = issuer.requests["/jwks"]
    clock.advance(10)
    await asyncio.gather(*(attack(number) for number in range(60, 90)))

    assert after_first_flood == 2
    assert issuer.requests["/jwks"] == 3
    assert issuer.requests[METADATA] == 1


async def test_nothing_is_fetched_for_a_token_that_names_its_own_keys(
    issuer: LoopbackIssuer, verifier: Verifier
) -> None:
    await verifier.verify(issuer.token())
    header = {**ES256.header, "kid": "k2", "jku": f"{issuer.url}/evil", "jwk": ES256.jwk}

    with pytest.raises(InvalidToken):
        await verifier.verify(ES256.token(claims(iss=issuer.url), header))

    assert issuer.requests == {METADATA: 1, "/jwks": 1}


async def test_a_hundred_first_requests_share_one_fetch(issuer: LoopbackIssuer, verifier: Verifier) -> None:
    issuer.gate.clear()
    callers = [asyncio.create_task(verifier.verify(issuer.token())) for _ in range(100)]
    await asyncio.sleep(0.05)
    issuer.gate.set()

    answers = await asyncio.gather(*callers)

    assert len(answers) == 100
    assert issuer.requests == {METADATA: 1, "/jwks": 1}


async def test_keys_serve_for_a_bounded_time_while_the_issuer_fails(
    issuer: LoopbackIssuer, verifier: Verifier, clock: ManualClock
) -> None:
    late = issuer.token(exp=int(clock().timestamp()) + 3600)
    await verifier.verify(late)
    issuer.break_down("/jwks")
    clock.advance(61)
    stale = await verifier.verify(late)
    clock.advance(600)

    assert stale.jti == "token-1"
    with pytest.raises(IssuerUnavailable):
        await verifier.verify(late)


async def test_keys_serve_for_a_bounded_time_while_the_issuer_is_gone(
    issuer: LoopbackIssuer, verifier: Verifier, clock: ManualClock
) -> None:
    late = issuer.token(exp=int(clock().timestamp()) + 3600)
    await verifier.verify(late)
    await issuer.stop()
    clock.advance(400)

    assert (await verifier.verify(late)).jti == "token-1"


@pytest.mark.requirement("security 45: no redirects; size, time and content type bounded")
@pytest.mark.parametrize("name", BROKEN_ANSWERS)
@pytest.mark.parametrize("path", [METADATA, "/jwks"])
async def test_a_broken_document_of_the_issuer_is_never_valid(
    issuer: LoopbackIssuer, verifier: Verifier, name: str, path: str
) -> None:
    issuer.break_down(path, BROKEN_ANSWERS[name])

    with pytest.raises(IssuerUnavailable):
        await verifier.verify(issuer.token())

    assert issuer.requests["/elsewhere"] == 0


@pytest.mark.requirement("RFC 8414 §3.3: the issuer in the metadata is identical to the configured one")
async def test_metadata_of_another_issuer_is_never_believed(issuer: LoopbackIssuer, verifier: Verifier) -> None:
    issuer.metadata_changes = {"issuer": f"{issuer.url}/"}

    with pytest.raises(IssuerUnavailable):
        await verifier.verify(issuer.token())

    assert issuer.requests["/jwks"] == 0


@pytest.mark.requirement("security 45: https only, except on loopback")
@pytest.mark.parametrize("jwks_uri", ["http://login.example/jwks", "file:///etc/passwd", "http://10.0.0.1/", None])
async def test_keys_are_not_fetched_from_a_bad_place(
    issuer: LoopbackIssuer, verifier: Verifier, jwks_uri: str | None
) -> None:
    issuer.metadata_changes = {"jwks_uri": jwks_uri}

    with pytest.raises(IssuerUnavailable):
        await verifier.verify(issuer.token())


@pytest.mark.requirement("security 45: https only, except on loopback")
async def test_an_https_issuer_cannot_send_us_to_plain_http_on_this_machine(issuer: LoopbackIssuer) -> None:
    server = AuthorizationServer("https://login.example")

    with pytest.raises(IssuerUnavailable):
        await server.outbound.get(f"{issuer.url}/jwks")

    assert issuer.requests.total() == 0


async def test_an_issuer_that_only_knows_openid_discovery_is_found(issuer: LoopbackIssuer, verifier: Verifier) -> None:
    body = f'{{"issuer": "{issuer.url}", "jwks_uri": "{issuer.url}/jwks"}}'
    issuer.break_down(METADATA, {"status": 404})
    issuer.break_down(
        "/.well-known/openid-configuration", {"status": 200, "text": body, "content_type": "application/json"}
    )

    assert (await verifier.verify(issuer.token())).jti == "token-1"


async def test_an_issuer_that_hangs_is_given_up(issuer: LoopbackIssuer, clock: ManualClock) -> None:
    server = AuthorizationServer(issuer.url, timeout=timedelta(milliseconds=50), clock=clock)
    issuer.gate.clear()

    with pytest.raises(IssuerUnavailable):
        await Verifier(server, audience=AUDIENCE).verify(issuer.token())

    issuer.gate.set()
    await server.close()
