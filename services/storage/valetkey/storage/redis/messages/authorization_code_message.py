"""``AuthorizationCode``, as a message."""

from datetime import datetime

from valetkey.core.epoch import GrantEpochs
from valetkey.core.oauth.authorization_code import AuthorizationCode
from valetkey.runtime.telemetry.tracing import continue_trace, current_traceparent
from valetkey.storage.redis.messages import authentication_message, claims_request_message
from valetkey.storage.redis.messages.wire import parse, to_datetime, to_microseconds, to_uuid
from valetkey.wire.v1 import authorization_code_pb2


def to_bytes(code: AuthorizationCode) -> bytes:
    """What is written."""
    return authorization_code_pb2.AuthorizationCode(
        authorization_id=code.authorization_id.bytes,
        client_uid=code.client_uid.bytes,
        redirect_uri=code.redirect_uri,
        code_challenge=code.code_challenge,
        scope=code.scope,
        resources=code.resources,
        authentication=authentication_message.to_message(code.authentication),
        issued_at=to_microseconds(code.issued_at),
        nonce=code.nonce,
        claims=claims_request_message.to_message(code.claims),
        traceparent=current_traceparent(),
        unconfirmed_at=map(to_microseconds, code.unconfirmed_at),
        epochs=None if code.epochs is None else authorization_code_pb2.GrantEpochs(**code.epochs._asdict()),
    ).SerializeToString()


def abandoned(at: datetime) -> bytes:
    """What is appended to a code that is there already: one more redemption that was abandoned."""
    return authorization_code_pb2.AuthorizationCode(unconfirmed_at=[to_microseconds(at)]).SerializeToString()


def from_bytes(data: bytes, *, continues_trace: bool = True) -> AuthorizationCode:
    """What is read; ``UnreadableMessage`` if it cannot be. The trace that it was left in goes on, unless told."""
    message = parse(authorization_code_pb2.AuthorizationCode(), data)
    if message.traceparent and continues_trace:
        continue_trace(message.traceparent)
    return AuthorizationCode(
        authorization_id=to_uuid(message.authorization_id),
        client_uid=to_uuid(message.client_uid),
        redirect_uri=message.redirect_uri,
        code_challenge=message.code_challenge,
        scope=tuple(message.scope),
        resources=tuple(message.resources),
        authentication=authentication_message.from_message(message.authentication),
        issued_at=to_datetime(message.issued_at),
        nonce=message.nonce if message.HasField("nonce") else None,
        claims=claims_request_message.from_message(message.claims),
        unconfirmed_at=tuple(map(to_datetime, message.unconfirmed_at)),
        epochs=_epochs(message.epochs) if message.HasField("epochs") else None,
    )


def _epochs(message: authorization_code_pb2.GrantEpochs) -> GrantEpochs:
    return GrantEpochs(message.installation, message.client, message.user, message.consent)
