"""What is known of tokens that are not kept whole any more: that their signature held, and nothing else."""

import hashlib

import pytest

from support.introspection import World
from support.rfc9068 import NOW, signer
from valetkey.core.jose.verify_own import KeySet
from valetkey.core.oauth.access_token import verify_access_token
from valetkey.core.oauth.errors import InvalidToken
from valetkey.introspection import verified_tokens
from valetkey.introspection.signature_cache import SignatureCache

TOKENS = 100_000


def digest(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def test_of_a_hundred_thousand_tokens_nearly_all_are_remembered() -> None:
    held = SignatureCache()
    for number in range(TOKENS):
        held.add(digest(number))

    assert sum(digest(number) in held for number in range(TOKENS)) > 0.97 * TOKENS
    assert not any(digest(number) in held for number in range(TOKENS, 3 * TOKENS))


def test_in_a_bucket_the_newest_four_are_remembered() -> None:
    held = SignatureCache()
    alike = [bytes([number]) * 16 + b"\x12\x34" + bytes(14) for number in range(1, 7)]

    for each in (*alike, alike[-1]):
        held.add(each)

    assert [each in held for each in alike] == [False, False, True, True, True, True]


def test_another_digest_is_never_taken_for_one_that_was_kept() -> None:
    held = SignatureCache()
    held.add(digest(1))

    for position in range(18):
        changed = bytearray(digest(1))
        changed[position] ^= 1
        assert bytes(changed) not in held


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every token whose signature was checked."""
    seen: list[str] = []

    def spy(token: str, key_set: KeySet) -> dict[str, object]:
        seen.append(token)
        return verify_access_token(token, key_set)

    monkeypatch.setattr(verified_tokens, "verify_access_token", spy)
    return seen


def forget(world: World) -> None:
    """Ask about another token, in a world that keeps one."""
    world.verified.verify(world.token(), NOW)


def test_the_signature_of_a_token_that_is_not_kept_any_more_is_not_checked_again(verifications: list[str]) -> None:
    world = World(size=1)
    token = world.token()
    first = world.verified.verify(token, NOW)
    forget(world)

    again = world.verified.verify(token, NOW)

    assert again == first
    assert again is not first
    assert verifications.count(token) == 1


def test_a_signature_that_is_remembered_speaks_for_no_other_token() -> None:
    world = World(size=1)
    token = world.token()
    world.verified.verify(token, NOW)
    forget(world)
    header, payload, signature = token.split(".")
    other_payload = world.token(scope="everything").split(".")[1]

    for forged in (f"{header}.{other_payload}.{signature}", f"{header}.{payload}.{signature[:-4]}AAAA", token + "."):
        with pytest.raises(InvalidToken):
            world.verified.verify(forged, NOW)


def test_a_token_that_is_remembered_expires_all_the_same() -> None:
    world = World(size=1)
    token = world.token()
    expires_at = world.verified.verify(token, NOW).token.expires_at
    forget(world)

    with pytest.raises(InvalidToken, match="expired"):
        world.verified.verify(token, expires_at)


@pytest.mark.requirement("security 28: a key that is no longer published verifies nothing")
def test_a_key_that_is_gone_takes_what_it_signed_with_it() -> None:
    world = World(size=1)
    token = world.token()
    world.verified.verify(token, NOW)
    forget(world)

    world.keys.publish(signer("ES256", "successor"))

    with pytest.raises(InvalidToken):
        world.verified.verify(token, NOW)
