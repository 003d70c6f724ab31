"""``Authentication``, as a message."""

from valetkey.core.authentication.result import Authentication
from valetkey.storage.redis.messages.wire import to_datetime, to_microseconds, to_uuid
from valetkey.wire.v1 import authentication_pb2


def to_message(authentication: Authentication) -> authentication_pb2.Authentication:
    """What is written."""
    return authentication_pb2.Authentication(
        subject=authentication.subject.bytes,
        auth_time=to_microseconds(authentication.auth_time),
        acr=authentication.acr,
        amr=authentication.amr,
        session_id=authentication.session_id.bytes,
    )


def from_message(message: authentication_pb2.Authentication) -> Authentication:
    """What is read; ``UnreadableMessage`` if it cannot be."""
    return Authentication(
        subject=to_uuid(message.subject),
        auth_time=to_datetime(message.auth_time),
        acr=message.acr,
        amr=tuple(message.amr),
        session_id=to_uuid(message.session_id),
    )
