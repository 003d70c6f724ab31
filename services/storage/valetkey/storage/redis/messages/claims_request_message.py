"""``ClaimsRequest``, as a message."""

from valetkey.core.oidc.claims.request import ClaimsRequest
from valetkey.wire.v1 import claims_request_pb2


def to_message(claims: ClaimsRequest) -> claims_request_pb2.ClaimsRequest:
    """What is written."""
    return claims_request_pb2.ClaimsRequest(
        userinfo=claims.userinfo,
        id_token=claims.id_token,
        essential_acr=claims.essential_acr,
        subject=claims.subject,
        essential_auth_time=claims.essential_auth_time,
    )


def from_message(message: claims_request_pb2.ClaimsRequest) -> ClaimsRequest:
    """What is read."""
    return ClaimsRequest(
        userinfo=tuple(message.userinfo),
        id_token=tuple(message.id_token),
        essential_acr=tuple(message.essential_acr),
        subject=message.subject if message.HasField("subject") else None,
        essential_auth_time=message.essential_auth_time,
    )
