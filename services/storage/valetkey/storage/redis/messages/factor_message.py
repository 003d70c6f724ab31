"""``Factor``, as a message."""

from valetkey.core.authentication.factor import Factor, Method
from valetkey.storage.redis.messages.wire import UnreadableMessage, to_datetime, to_microseconds
from valetkey.wire.v1 import factor_pb2


def to_message(factor: Factor) -> factor_pb2.Factor:
    """What is written."""
    return factor_pb2.Factor(
        method=factor.method, at=to_microseconds(factor.at), is_device_bound=factor.is_device_bound
    )


def from_message(message: factor_pb2.Factor) -> Factor:
    """What is read; ``UnreadableMessage`` if it cannot be, or is of a method that another release has."""
    try:
        method = Method(message.method)
    except ValueError as error:
        raise UnreadableMessage("a method of another release") from error
    return Factor(method, to_datetime(message.at), message.is_device_bound)
