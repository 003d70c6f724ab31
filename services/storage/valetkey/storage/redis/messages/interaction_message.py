"""``Interaction``, as a message."""

from uuid import UUID

from valetkey.core.authentication.acr import SUPPORTED_ACR
from valetkey.core.oauth.authorization_request import AuthorizationRequest, TrustedRedirect
from valetkey.core.oidc.interaction import Interaction, Proofs
from valetkey.runtime.telemetry.tracing import continue_trace, current_traceparent
from valetkey.storage.redis.messages import claims_request_message, factor_message
from valetkey.storage.redis.messages.wire import parse, to_datetime, to_microseconds, to_uuid
from valetkey.wire.v1 import interaction_pb2

# The first reader that knows more levels than one: an older one would answer for any login.
_READER_OF_LEVELS = 2


def to_bytes(interaction: Interaction) -> bytes:
    """What is written. ``id_token_hint`` is not: stores keep no token, and ``hinted_subject`` is what it proved."""
    return interaction_pb2.Interaction(
        request=_request_to_message(interaction.request),
        client_uid=interaction.client_uid.bytes,
        browser=interaction.browser,
        created_at=to_microseconds(interaction.created_at),
        login=_bytes(interaction.login),
        selected=_bytes(interaction.selected),
        hinted_subject=_bytes(interaction.hinted_subject),
        traceparent=current_traceparent(),
        installation_epoch=interaction.installation_epoch,
        client_epoch=interaction.client_epoch,
        proofs=None if interaction.proofs is None else _proofs_to_message(interaction.proofs),
        min_reader=_READER_OF_LEVELS if _demands_more(interaction.request) else 0,
    ).SerializeToString()


def from_bytes(data: bytes) -> Interaction:
    """What is read; ``UnreadableMessage`` if it cannot be. The trace that it was left in goes on."""
    message = parse(interaction_pb2.Interaction(), data)
    if message.traceparent:
        continue_trace(message.traceparent)
    return Interaction(
        request=_request_from_message(message.request),
        client_uid=to_uuid(message.client_uid),
        browser=message.browser,
        created_at=to_datetime(message.created_at),
        login=to_uuid(message.login) if message.HasField("login") else None,
        selected=to_uuid(message.selected) if message.HasField("selected") else None,
        hinted_subject=to_uuid(message.hinted_subject) if message.HasField("hinted_subject") else None,
        installation_epoch=message.installation_epoch if message.HasField("installation_epoch") else None,
        client_epoch=message.client_epoch if message.HasField("client_epoch") else None,
        proofs=_proofs_from_message(message.proofs) if message.HasField("proofs") else None,
    )


def _demands_more(request: AuthorizationRequest) -> bool:
    return bool(request.claims.essential_acr) and SUPPORTED_ACR[0] not in request.claims.essential_acr


def _proofs_to_message(proofs: Proofs) -> interaction_pb2.Proofs:
    return interaction_pb2.Proofs(
        subject=proofs.subject.bytes,
        user_epoch=proofs.user_epoch,
        installation_epoch=proofs.installation_epoch,
        factors=[factor_message.to_message(factor) for factor in proofs.factors],
        is_login=proofs.is_login,
        is_kept=proofs.is_kept,
    )


def _proofs_from_message(message: interaction_pb2.Proofs) -> Proofs:
    return Proofs(
        subject=to_uuid(message.subject),
        user_epoch=message.user_epoch,
        installation_epoch=message.installation_epoch,
        factors=tuple(factor_message.from_message(factor) for factor in message.factors),
        is_login=message.is_login,
        is_kept=message.is_kept,
    )


def _request_to_message(request: AuthorizationRequest) -> interaction_pb2.AuthorizationRequest:
    redirect = request.redirect
    return interaction_pb2.AuthorizationRequest(
        client_id=request.client_id,
        redirect=interaction_pb2.TrustedRedirect(
            redirect_uri=redirect.redirect_uri,
            response_mode=redirect.response_mode,
            state=redirect.state,
        ),
        scope=request.scope,
        resources=request.resources,
        code_challenge=request.code_challenge,
        nonce=request.nonce,
        prompt=sorted(request.prompt),
        max_age=request.max_age,
        login_hint=request.login_hint,
        claims=claims_request_message.to_message(request.claims),
        acr_values=request.acr_values,
        ui_locales=request.ui_locales,
    )


def _request_from_message(message: interaction_pb2.AuthorizationRequest) -> AuthorizationRequest:
    redirect = message.redirect
    return AuthorizationRequest(
        client_id=message.client_id,
        redirect=TrustedRedirect(
            redirect_uri=redirect.redirect_uri,
            response_mode=redirect.response_mode,
            state=redirect.state if redirect.HasField("state") else None,
        ),
        scope=tuple(message.scope),
        resources=tuple(message.resources),
        code_challenge=message.code_challenge,
        nonce=message.nonce if message.HasField("nonce") else None,
        prompt=frozenset(message.prompt),
        max_age=message.max_age if message.HasField("max_age") else None,
        login_hint=message.login_hint if message.HasField("login_hint") else None,
        claims=claims_request_message.from_message(message.claims),
        acr_values=tuple(message.acr_values),
        ui_locales=tuple(message.ui_locales),
    )


def _bytes(identifier: UUID | None) -> bytes | None:
    return None if identifier is None else identifier.bytes
