"""A sealed value opens in its own place, under one of our keys, unchanged; and nowhere else."""

import hmac
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from support.sealing import keys_of, sealer_of
from valetkey.core.clock_tolerance import CLOCK_TOLERANCE
from valetkey.core.sealed_value import PLAIN_ONLY, Purpose, Refusal, ValueRefused, ValueSealer, require_in_time

CODE, ABANDONED, INTERACTION = Purpose.AUTHORIZATION_CODE, Purpose.ABANDONED_REDEMPTION, Purpose.INTERACTION
NAME, BOUND, MESSAGE = "vk:code:{aa}", b"binding", b"a message"
NOON, MINUTE, TICK = datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(minutes=1), timedelta(microseconds=1)
SEALER = sealer_of("k1")


def refusal_of(sealer: ValueSealer, kept: bytes, *, name: str = NAME, bound: bytes = BOUND) -> Refusal | None:
    try:
        sealer.read(CODE, name, kept, bound, appended=ABANDONED)
    except ValueRefused as refused:
        return refused.refusal
    return None


@given(st.sampled_from(Purpose), st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.binary())
def test_what_was_sealed_is_read(purpose: Purpose, name: str, message: bytes) -> None:
    assert SEALER.read(purpose, name, SEALER.write(purpose, name, message, BOUND), BOUND) == message


@pytest.mark.requirement("security 55b: values in Redis are authenticated and encrypted")
def test_the_same_message_never_looks_the_same_and_shows_nothing_of_itself() -> None:
    sealed = {SEALER.write(CODE, NAME, MESSAGE, BOUND) for _ in range(100)}

    assert len(sealed) == 100
    assert not any(MESSAGE in each for each in sealed)


@pytest.mark.requirement("security 55b: a value opens in its own place only")
@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("name", [NAME, "vk:code:{ab}", ""])
@pytest.mark.parametrize("bound", [BOUND, b"Binding", b""])
def test_a_value_opens_for_its_purpose_name_and_binding_only(purpose: Purpose, name: str, bound: bytes) -> None:
    sealed = SEALER.write(CODE, NAME, MESSAGE, BOUND)

    if (purpose, name, bound) == (CODE, NAME, BOUND):
        assert SEALER.read(purpose, name, sealed, bound) == MESSAGE
    else:
        with pytest.raises(ValueRefused, match="unopened"):
            SEALER.read(purpose, name, sealed, bound)


def test_name_and_binding_cannot_be_shifted_into_each_other() -> None:
    sealed = SEALER.write(CODE, "vk:code:a", MESSAGE, b"b")

    for name, bound in (("vk:code:", b"ab"), ("vk:code:ab", b""), ("vk:code:a", b"\0b")):
        assert refusal_of(SEALER, sealed, name=name, bound=bound) is Refusal.UNOPENED


@pytest.mark.requirement("security 55b: a value that was changed is as if it were not there")
def test_a_value_with_any_bit_flipped_is_refused() -> None:
    sealed = SEALER.write(CODE, NAME, MESSAGE, BOUND)

    refusals = {
        (place, bit): refusal_of(SEALER, sealed[:place] + bytes([sealed[place] ^ 1 << bit]) + sealed[place + 1 :])
        for place, bit in itertools.product(range(len(sealed)), range(8))
    }

    assert {refusal for (place, _), refusal in refusals.items() if place == 0} == {Refusal.PLAIN}
    assert {refusal for (place, _), refusal in refusals.items() if place} == {Refusal.UNOPENED}


@pytest.mark.parametrize("more", [b"", b"\x01", b"\x00", b"\x01\x00\x00\x00\x00", b"\x01\xff\xff\xff\xff", b"\n\x10"])
def test_a_value_of_any_other_length_is_refused(more: bytes) -> None:
    sealed = SEALER.write(CODE, NAME, MESSAGE, BOUND)

    # The last byte of a tag may be the very one that is put in its place.
    others = {sealed[:length] + more for length in range(len(sealed))} - {sealed}

    assert all(refusal_of(SEALER, other) is not None for other in others)
    assert (refusal_of(SEALER, sealed + more) is None) == (more == b"")


def test_what_is_appended_follows_the_message() -> None:
    sealed = SEALER.write(CODE, NAME, MESSAGE, BOUND)
    appended = [SEALER.seal(ABANDONED, NAME, text) for text in (b" 1", b" 2")]

    assert SEALER.read(CODE, NAME, sealed + b"".join(appended), BOUND, appended=ABANDONED) == MESSAGE + b" 1 2"
    with pytest.raises(ValueRefused):
        SEALER.read(CODE, NAME, sealed + appended[0], BOUND)


@pytest.mark.parametrize(
    "appended",
    [
        SEALER.seal(ABANDONED, "vk:code:{ab}", b"of another code"),
        SEALER.seal(CODE, NAME, b"of the wrong purpose"),
        SEALER.seal(CODE, NAME, b"of the wrong purpose", BOUND),
        sealer_of("k2").seal(ABANDONED, NAME, b"under another key"),
        b"as it is",
    ],
    ids=["another name", "another purpose", "bound", "another key", "plain"],
)
def test_nothing_else_can_be_appended(appended: bytes) -> None:
    sealed = SEALER.write(CODE, NAME, MESSAGE, BOUND)

    assert refusal_of(SEALER, sealed + appended) is Refusal.UNOPENED
    assert refusal_of(SEALER, appended + sealed) is not None


STATES = ["plain", "plain,k1", "k1,plain", "k1", "k1,k2", "k2,k1", "k2", "plain,k1,k2", "k2,plain,k1"]


@pytest.mark.requirement("operations: sealing keys are exchanged without losing what is under way")
@pytest.mark.parametrize("writes", STATES)
@pytest.mark.parametrize("reads", STATES)
def test_what_the_first_entry_of_a_list_writes_every_list_that_has_it_reads(writes: str, reads: str) -> None:
    kept = sealer_of(writes).write(CODE, NAME, MESSAGE, BOUND)

    refusal = refusal_of(sealer_of(reads), kept)

    first = writes.partition(",")[0]
    if first in reads.split(","):
        assert refusal is None
    else:
        assert refusal is (Refusal.PLAIN if first == "plain" else Refusal.UNOPENED)
    assert (kept == MESSAGE) == (first == "plain")


def test_what_is_appended_is_sealed_with_the_first_key_even_where_values_are_written_plain() -> None:
    assert sealer_of("k1").read(ABANDONED, NAME, sealer_of("plain,k1").seal(ABANDONED, NAME, MESSAGE)) == MESSAGE
    assert ValueSealer(PLAIN_ONLY).seal(ABANDONED, NAME, MESSAGE) == b""


# What a release before this one has left in Redis. These bytes never change.
SAMPLE = bytes.fromhex("010000002500112233445566778899aabb640a08bebed2e4bbe009accbe4824f6129a0dbdcac836a985b")


def test_the_form_of_a_sealed_value_is_for_good() -> None:
    key, nonce = keys_of("k1").keys[0], SAMPLE[5:17]

    # As the contract has it, written a second time on purpose.
    derived = hmac.digest(key, b"valetkey sealed value v1\0authorization_code\0vk:code:{aa}", "sha256")
    sealed = AESGCM(derived).encrypt(nonce, MESSAGE, b"\x01authorization_code\0vk:code:{aa}\0binding")

    assert b"\x01" + (len(nonce) + len(sealed)).to_bytes(4, "big") + nonce + sealed == SAMPLE
    assert SEALER.read(CODE, NAME, SAMPLE, BOUND) == MESSAGE


LIFETIME = MINUTE


@pytest.mark.requirement("security 55b: a value is not good for longer than its lifetime, whatever the store says")
@pytest.mark.parametrize(
    ("age", "refusal"),
    [
        (timedelta(0), None),
        (LIFETIME, None),
        (LIFETIME + CLOCK_TOLERANCE, None),
        (LIFETIME + CLOCK_TOLERANCE + TICK, Refusal.EXPIRED),
        (timedelta(days=400), Refusal.EXPIRED),
        (-CLOCK_TOLERANCE, None),
        (-CLOCK_TOLERANCE - TICK, Refusal.FUTURE),
        (NOON - datetime.min.replace(tzinfo=UTC), Refusal.EXPIRED),
        (NOON - datetime.max.replace(tzinfo=UTC), Refusal.FUTURE),
    ],
)
def test_a_value_is_refused_once_it_must_have_expired_on_every_clock(age: timedelta, refusal: Refusal | None) -> None:
    refused: Refusal | None = None
    try:
        require_in_time(NOON - age, LIFETIME, NOON)
    except ValueRefused as error:
        refused = error.refusal

    assert refused is refusal
