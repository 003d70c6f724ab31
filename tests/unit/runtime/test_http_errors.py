import pytest

from valetkey.core.oauth import errors
from valetkey.core.oauth.errors import OAuthError
from valetkey.runtime.http.errors import bearer_challenge, failure_of
from valetkey.runtime.telemetry.tracing import begin_trace

CLASSES = OAuthError.__subclasses__()
REASON = "the reason that stays here"


@pytest.mark.requirement("security 49: errors never carry the reason for the log")
@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.error)
def test_every_refusal_has_a_status_a_reference_and_no_reason(error: type[OAuthError]) -> None:
    trace_id = begin_trace().trace_id

    failure = failure_of(error(REASON))

    assert (failure.error, failure.description, failure.reference) == (error.error, error.description, trace_id)
    assert REASON not in repr(failure)


@pytest.mark.requirement("RFC 6749 §5.2: 401 with a challenge for invalid_client, else 400")
@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (errors.InvalidRequest, 400, None),
        (errors.InvalidGrant, 400, None),
        (errors.UnsupportedGrantType, 400, None),
        (errors.InvalidClient, 401, ("WWW-Authenticate", "Basic realm=")),
        (errors.InvalidToken, 401, ("WWW-Authenticate", 'Bearer realm="valetkey", error="invalid_token"')),
        (errors.InsufficientScope, 403, ("WWW-Authenticate", 'Bearer realm="valetkey", error="insufficient_scope"')),
        (errors.ServerError, 500, None),
        (errors.TemporarilyUnavailable, 503, ("Retry-After", "1")),
    ],
)
def test_the_status_follows_the_code(error: type[OAuthError], status: int, header: tuple[str, str] | None) -> None:
    failure = failure_of(error(REASON))

    assert failure.status == status
    assert bool(failure.headers) is (header is not None)
    if header:
        assert failure.headers[header[0]].startswith(header[1])


@pytest.mark.requirement("RFC 6750 §3.1: no error code where no credentials were sent")
def test_a_challenge_without_credentials_names_no_error() -> None:
    assert bearer_challenge() == 'Bearer realm="valetkey"'


@pytest.mark.requirement("RFC 6750 §3: the scope that is needed")
def test_a_challenge_can_name_the_scope_that_is_needed() -> None:
    challenge = bearer_challenge(errors.InsufficientScope(REASON), scope="openid")

    assert challenge.endswith('scope="openid"')
    assert REASON not in challenge
