"""An attacker who can read and write everything in Redis, and knows our code, but has no key and no PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from valetkey.core.oauth.authorization_code import CodeBinding
from valetkey.core.sealed_value import Purpose, SealingKeys, ValueSealer
from valetkey.storage.redis.kept.keyspace import CODE, INTERACTION, code_key
from valetkey.storage.redis.messages import authorization_code_message, interaction_message

if TYPE_CHECKING:
    from valetkey.core.oauth.authorization_code import AuthorizationCode
    from valetkey.core.oidc.interaction import Interaction

_OUTSIDE = 65  # bytes of a code that are not sealed: F or S, and the binding


@dataclass(frozen=True, slots=True)
class RedisWriter:
    """Knows where things are."""

    redis: Redis

    async def read(self, key: str) -> bytes:
        """What is there."""
        raw = await self.redis.get(key)
        assert isinstance(raw, bytes)
        return raw

    async def write(self, key: str, raw: bytes) -> None:
        """Put this there, for a minute."""
        await self.redis.set(key, raw, px=60_000)

    async def forge_code(self, value: str, code: AuthorizationCode, sealer: ValueSealer | None = None) -> None:
        """Put a code of one's own making where codes are: plain, or sealed with a key that is not ours."""
        binding = CodeBinding(code.client_uid, code.code_challenge, code.redirect_uri)
        bound, key = binding.holder_digest + (binding.redirect_uri_digest or b""), code_key(value)
        message = authorization_code_message.to_bytes(code)
        if sealer is not None:
            message = sealer.seal(Purpose.AUTHORIZATION_CODE, key, message, bound)
        await self.write(key, b"F" + bound + message)


@asynccontextmanager
async def redis_writer(url: str) -> AsyncIterator[RedisWriter]:
    """As long as the context lasts."""
    async with Redis.from_url(url) as redis:
        yield RedisWriter(redis)


def a_key_of_their_own() -> ValueSealer:
    """Seals as we do, with a key that we do not have."""
    return ValueSealer(SealingKeys((secrets.token_bytes(32),)))


@dataclass(frozen=True, slots=True)
class Scene:
    """A value in Redis with its key, another of its kind, one of the other kind, and what its message would be."""

    key: str
    raw: bytes
    another: bytes
    foreign: bytes
    message: bytes

    @property
    def outside(self) -> bytes:
        """What stands before the sealed part."""
        return self.raw[:_OUTSIDE] if self.key.startswith(CODE.prefix) else b""

    @property
    def sealed(self) -> bytes:
        """The sealed part."""
        return self.raw[len(self.outside) :]

    def flip(self, place: int) -> bytes:
        """With one bit of the sealed part changed."""
        changed = bytearray(self.sealed)
        changed[place] ^= 1
        return self.outside + bytes(changed)

    @property
    def sealed_anew(self) -> bytes:
        """The same message, sealed with a key of their own."""
        purpose = Purpose.AUTHORIZATION_CODE if self.outside else Purpose.INTERACTION
        return self.outside + a_key_of_their_own().seal(purpose, self.key, self.message, self.outside[1:])


def scene_of_code(value: str, raw: bytes, another: bytes, foreign: bytes, code: AuthorizationCode) -> Scene:
    """A code."""
    return Scene(code_key(value), raw, another, foreign, authorization_code_message.to_bytes(code))


def scene_of_interaction(key: str, raw: bytes, another: bytes, foreign: bytes, interaction: Interaction) -> Scene:
    """A login that was begun."""
    assert key.startswith(INTERACTION.prefix)
    return Scene(key, raw, another, foreign, interaction_message.to_bytes(interaction))


# None of them is to leave anything that is believed; ``list`` is written as one.
TAMPERINGS: dict[str, Callable[[Scene], bytes]] = {
    "version": lambda scene: scene.flip(0),
    "length": lambda scene: scene.flip(4),
    "nonce": lambda scene: scene.flip(5),
    "ciphertext": lambda scene: scene.flip(40),
    "tag": lambda scene: scene.flip(-1),
    "cut off": lambda scene: scene.raw[:-1],
    "cut in half": lambda scene: scene.raw[: len(scene.raw) // 2],
    "nothing but the outside": lambda scene: scene.outside or b"\x01",
    "something appended": lambda scene: scene.raw + b"\n\x00",
    "twice": lambda scene: scene.raw + scene.sealed,
    "another of its kind": lambda scene: scene.outside + scene.another[len(scene.outside) :],
    "another kind": lambda scene: scene.outside + scene.foreign,
    "another kind as it is": lambda scene: scene.foreign,
    "plain": lambda scene: scene.outside + scene.message,
    "a key of their own": lambda scene: scene.sealed_anew,
    "random": lambda scene: scene.outside + secrets.token_bytes(400),
    "text": lambda _: b"hello",
}
