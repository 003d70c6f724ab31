"""Values that travel in messages: one of each, and strategies for all of them."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import strategies as st

from valetkey.core.authentication.factor import Factor, Method
from valetkey.core.authentication.result import Authentication
from valetkey.core.epoch import GrantEpochs
from valetkey.core.oauth.authorization_code import AuthorizationCode
from valetkey.core.oauth.authorization_request import AuthorizationRequest, TrustedRedirect
from valetkey.core.oauth.revocation import Revocation, RevocationKind, RevocationTarget
from valetkey.core.oidc.claims.request import ClaimsRequest
from valetkey.core.oidc.interaction import Interaction, Proofs

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

CLAIMS = ClaimsRequest(
    userinfo=("name",),
    id_token=("email", "email_verified"),
    essential_acr=("urn:valetkey:acr:password",),
    subject="4a1f0c1e-0000-4000-8000-000000000003",
    essential_auth_time=True,
)
CODE = AuthorizationCode(
    authorization_id=UUID(int=1),
    client_uid=UUID(int=2),
    redirect_uri="https://client.example/cb?tenant=1",
    code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    scope=("openid", "profile"),
    resources=("https://api.example/",),
    authentication=Authentication(
        subject=UUID(int=3),
        auth_time=NOON,
        acr="urn:valetkey:acr:password",
        amr=("pwd",),
        session_id=UUID(int=4),
    ),
    issued_at=NOON,
    nonce="n-0S6_WzA2Mj",
    claims=CLAIMS,
    epochs=GrantEpochs(installation=1, client=2, user=3, consent=4),
)
INTERACTION = Interaction(
    request=AuthorizationRequest(
        client_id="web",
        redirect=TrustedRedirect("https://client.example/cb", "form_post", "af0ifjsldkj"),
        scope=("openid", "email"),
        resources=("https://api.example/",),
        code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        nonce="n-0S6_WzA2Mj",
        prompt=frozenset({"login", "consent"}),
        max_age=0,
        login_hint="ada@example.com",
        claims=CLAIMS,
    ),
    client_uid=UUID(int=2),
    browser=bytes(range(32)),
    created_at=NOON,
    login=UUID(int=5),
    selected=UUID(int=6),
    hinted_subject=UUID(int=7),
    installation_epoch=1,
    client_epoch=2,
    proofs=Proofs(
        UUID(int=3),
        3,
        1,
        (Factor(Method.PASSWORD, NOON), Factor(Method.PASSKEY, NOON, is_device_bound=True)),
        is_login=True,
        is_kept=True,
    ),
)
REVOCATION = Revocation(
    RevocationTarget(RevocationKind.SUBJECT, "4a1f0c1e-0000-4000-8000-000000000003"),
    revoked_at=NOON,
    expires_at=NOON.replace(day=2),
    epoch=3,
)

_texts = st.text(max_size=20)
_tuples = st.lists(_texts, max_size=3).map(tuple)
_maybe_text = st.none() | _texts
_times = st.datetimes(timezones=st.just(UTC))
_epochs = st.integers(0, 2**63 - 1)
_claims = st.builds(ClaimsRequest, _tuples, _tuples, _tuples, _maybe_text, st.booleans(), st.just(()))
_factors = st.builds(Factor, st.sampled_from(Method), _times, st.booleans())
_proofs = st.builds(
    Proofs, st.uuids(), _epochs, _epochs, st.lists(_factors, max_size=3).map(tuple), st.booleans(), st.booleans()
)
_authentications = st.builds(Authentication, st.uuids(), _times, _texts, _tuples, st.uuids())

authorization_codes = st.builds(
    AuthorizationCode,
    st.uuids(),
    st.uuids(),
    _texts,
    _texts,
    _tuples,
    _tuples,
    _authentications,
    _times,
    _maybe_text,
    _claims,
    st.lists(_times).map(tuple),
    st.none() | st.builds(GrantEpochs, _epochs, _epochs, _epochs, _epochs),
)
interactions = st.builds(
    Interaction,
    st.builds(
        AuthorizationRequest,
        client_id=_texts,
        redirect=st.builds(TrustedRedirect, _texts, _texts, _maybe_text),
        scope=_tuples,
        resources=_tuples,
        code_challenge=_texts,
        nonce=_maybe_text,
        prompt=st.frozensets(_texts, max_size=4),
        max_age=st.none() | st.integers(0, 10**10),
        login_hint=_maybe_text,
        claims=_claims,
        acr_values=_tuples,
    ),
    st.uuids(),
    st.binary(max_size=32),
    _times,
    st.none() | st.uuids(),
    st.none() | st.uuids(),
    st.none() | st.uuids(),
    st.none() | _epochs,
    st.none() | _epochs,
    st.none() | _proofs,
)
revocations = st.builds(
    Revocation,
    st.builds(RevocationTarget, st.sampled_from(RevocationKind), _texts),
    _times,
    _times,
    st.none() | _epochs,
)
