"""``Revocation``, as a message. What it names is not in it, but in its key."""

from valetkey.core.oauth.revocation import Revocation, RevocationTarget
from valetkey.storage.redis.messages.wire import parse, to_datetime, to_microseconds
from valetkey.wire.v1 import revocation_pb2


def to_bytes(revocation: Revocation) -> bytes:
    """What is written."""
    return revocation_pb2.Revocation(
        revoked_at=to_microseconds(revocation.revoked_at),
        expires_at=to_microseconds(revocation.expires_at),
        epoch=revocation.epoch,
    ).SerializeToString()


def from_bytes(target: RevocationTarget, data: bytes) -> Revocation:
    """What is read; ``UnreadableMessage`` if it cannot be."""
    message = parse(revocation_pb2.Revocation(), data)
    epoch = message.epoch if message.HasField("epoch") else None
    return Revocation(target, to_datetime(message.revoked_at), to_datetime(message.expires_at), epoch)
