"""Rules that fit into a few lines each: names, claims, revocations, sealing, registration, logout, metadata."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.authentication.subject import subject_of
from valetkey.core.authentication.user import User, normalize_login_name
from valetkey.core.client.client import AuthenticationMethod, Client
from valetkey.core.client.registration import client_problems, is_like_subject, new_client_problems
from valetkey.core.epoch import TokenEpochs
from valetkey.core.jose.sealed_key import KeySealer, SealedKey, UnsealError
from valetkey.core.oauth.access_token import AccessToken, TokenId
from valetkey.core.oauth.errors import InvalidRequest, InvalidTarget, InvalidToken
from valetkey.core.oauth.resource import Catalog, narrow_resource, parse_resource
from valetkey.core.oauth.revocation import (
    Revocation,
    RevocationKind,
    RevocationTarget,
    client_target,
    everything_target,
    is_revoked,
    subject_target,
    targets_of,
)
from valetkey.core.oauth.server_metadata import authorization_server_metadata
from valetkey.core.oidc.claims.release import userinfo_claims
from valetkey.core.oidc.claims.request import parse_claims_request
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS
from valetkey.core.oidc.logout import LogoutRequest, hinted_client_id, post_logout_location

NOW = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
USER = User(
    uuid4(), "ada", "ada@example.com", email_verified=True, enabled=True, valid_since=NOW, updated_at=NOW,
    claims={
        "name": "Ada", "sub": "root", "iss": "evil", "email": "root@example.com", "preferred_username": "root",
        "admin": 1,
    },
)  # fmt: skip


@pytest.mark.requirement("security 40: every spelling of a name is one account")
@pytest.mark.parametrize("spelling", ["ada", "ADA", " Ada ", "\uff21\uff24\uff21", "ada\u3000", "\tada\n"])
def test_spellings_of_a_name_are_one_name(spelling: str) -> None:
    assert normalize_login_name(spelling) == "ada"


@pytest.mark.parametrize("text", ["", " ", "a b", "a\x00", "a\nb", "a\u200bb", "a\u202eb", "x" * 255, "\ufdfa" * 200])
def test_what_cannot_be_a_name_is_none(text: str) -> None:
    assert normalize_login_name(text) is None


@given(st.text(max_size=260))
def test_normalizing_twice_changes_nothing(text: str) -> None:
    name = normalize_login_name(text)

    assert name is None or normalize_login_name(name) == name


@pytest.mark.requirement("security 35: reserved claims cannot be overridden by user attributes")
def test_attributes_reach_no_reserved_claim() -> None:
    claims = userinfo_claims(GOOD, STANDARD_CLAIMS, USER, ("openid", "profile", "email"), ["sub", "iss", "admin"])

    assert claims["sub"] == str(USER.subject)
    assert (claims["email"], claims["preferred_username"], claims["name"]) == ("ada@example.com", "ada", "Ada")
    assert not claims.keys() & {"iss", "admin"}


@pytest.mark.requirement("OIDC Core §5.4: a scope opens its claims and no others")
@pytest.mark.parametrize(
    ("scope", "requested", "names"),
    [
        (("openid",), (), {"sub"}),
        (("openid", "email"), (), {"sub", "email", "email_verified"}),
        (("openid",), ("name",), {"sub", "name"}),
        (("openid", "profile"), (), {"sub", "name", "preferred_username", "updated_at"}),
    ],
)
def test_claims_follow_scope_and_request(scope: tuple[str, ...], requested: tuple[str, ...], names: set[str]) -> None:
    assert userinfo_claims(GOOD, STANDARD_CLAIMS, USER, scope, requested).keys() == names


@pytest.mark.parametrize(
    ("text", "userinfo", "id_token", "acr"),
    [
        ('{"userinfo": {"email": null, "x": null}}', ("email",), (), ()),
        ('{"id_token": {"name": {"essential": true}, "acr": {"values": ["a", "b"]}}}', (), ("name",), ()),
        ('{"id_token": {"acr": {"essential": true, "values": ["a", "b"]}}}', (), (), ("a", "b")),
        ('{"id_token": null, "more": 1}', (), (), ()),
    ],
)
def test_a_claims_request_is_understood(
    text: str, userinfo: tuple[str, ...], id_token: tuple[str, ...], acr: tuple[str, ...]
) -> None:
    request = parse_claims_request(text, frozenset({"email", "name"}))

    assert (request.userinfo, request.id_token, request.essential_acr) == (userinfo, id_token, acr)


@given(st.text(max_size=100) | st.recursive(st.none() | st.text(), lambda s: st.dictionaries(st.text(), s)).map(str))
def test_no_text_breaks_the_claims_parser(text: str) -> None:
    try:
        request = parse_claims_request(text, frozenset())
    except InvalidRequest:
        return
    assert request.names == frozenset()


@pytest.mark.parametrize(
    "text", ["[" * 4000, '{"userinfo": 1}', '{"userinfo": {"email": 1}}', '"x"', "NaN", "x" * 5000]
)
def test_a_malformed_claims_request_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_claims_request(text, frozenset())


@pytest.mark.requirement("OIDC Core §5.5.1: what is demanded of the login is not skipped because it cannot be read")
@pytest.mark.parametrize("value", ['{"value": 1}', '{"value": null}', '{"value": "\\ud800"}', '{"values": ["a", 1]}'])
@pytest.mark.parametrize("claim", ["sub", "acr"])
def test_a_demand_that_is_no_text_is_refused(claim: str, value: str) -> None:
    text = f'{{"id_token": {{"{claim}": {value[:-1]}, "essential": true}}}}}}'

    with pytest.raises(InvalidRequest):
        parse_claims_request(text, frozenset())


def make_token(issued_at: datetime, epochs: TokenEpochs | None, *, has_user: bool = True) -> AccessToken:
    return AccessToken(
        TokenId.generate(uuid4(), issued_at),
        *("ada" if has_user else "web", "web", frozenset({"https://api"}), ("read",)),
        *(NOW + timedelta(minutes=10), (), has_user, epochs),
    )


@pytest.mark.requirement("security 55a: an ending is told by its epoch, never by a clock")
@pytest.mark.parametrize("clock", [timedelta(days=-1), timedelta(), timedelta(days=1)])
@pytest.mark.parametrize("carried", [4, 5, 6])
@pytest.mark.parametrize("of", ["installation", "client", "user"])
def test_a_token_of_an_earlier_epoch_is_dead_whatever_the_time(of: str, carried: int, clock: timedelta) -> None:
    epochs = TokenEpochs(9, 9, 9)._replace(**{of: carried})
    target = {"installation": everything_target(), "client": client_target("web"), "user": subject_target("ada")}[of]
    revocation = Revocation(target, NOW + clock, NOW + timedelta(hours=1), epoch=5)

    # A later one than the record's is that of an ending which is about to be told.
    assert is_revoked(make_token(NOW, epochs), [revocation]) is (carried < 5)


@pytest.mark.requirement("security 56: what release 0.1.0 has made or ended is compared by time, to the millisecond")
@pytest.mark.parametrize("epochs", [(None, None), (None, 5), (TokenEpochs(0, 0, 0), None)], ids=str)
@pytest.mark.parametrize(
    ("kind", "milliseconds", "dead"),
    [
        (RevocationKind.TOKEN, 10, True),
        (RevocationKind.AUTHORIZATION, 10, True),
        (RevocationKind.CLIENT, -1, True),
        (RevocationKind.CLIENT, 0, True),
        (RevocationKind.CLIENT, 1, False),
        (RevocationKind.SUBJECT, 0, True),
        (RevocationKind.SUBJECT, 1, False),
    ],
)
def test_what_a_revocation_kills_where_there_is_no_epoch_to_compare(
    kind: RevocationKind, milliseconds: int, dead: bool, epochs: tuple[TokenEpochs | None, int | None]
) -> None:
    carried, recorded = epochs
    revocation = Revocation(RevocationTarget(kind, "x"), NOW, NOW + timedelta(minutes=10), recorded)

    assert is_revoked(make_token(NOW + timedelta(milliseconds=milliseconds), carried), [revocation]) is dead


@pytest.mark.parametrize("has_user", [True, False])
def test_a_token_names_everything_that_could_kill_it(has_user: bool) -> None:
    token = make_token(NOW, TokenEpochs(0, 0), has_user=has_user)
    token_id = token.token_id

    targets = [target.target for target in targets_of(token)]

    assert TokenId.parse(str(token_id)) == token_id
    assert targets == [
        str(token_id),
        str(token_id.authorization_id),
        "web",
        "*",
        *([str(subject_of("ada"))] if has_user else []),
    ]


@given(st.text(max_size=60))
def test_no_text_is_taken_for_a_token_id(text: str) -> None:
    with pytest.raises(InvalidToken):
        TokenId.parse(text)


@pytest.mark.requirement("security 58: private keys are sealed, and the key-encryption key can be exchanged")
def test_a_sealed_key_opens_only_for_its_kid_and_key() -> None:
    old, both, new = (
        KeySealer({"a": b"a" * 32}),
        KeySealer({"b": b"b" * 32, "a": b"a" * 32}),
        KeySealer({"b": b"b" * 32}),
    )
    sealed = old.seal("kid", b"private")

    assert both.open("kid", sealed) == b"private"
    assert new.open("kid", both.seal("kid", b"private")) == b"private"
    for sealer, kid, value in (
        (new, "kid", sealed),
        (old, "other", sealed),
        (old, "kid", SealedKey("a", sealed.ciphertext[:-1])),
        (old, "kid", SealedKey("a", b"")),
        (KeySealer({"a": b"x" * 32}), "kid", sealed),
    ):
        with pytest.raises(UnsealError):
            sealer.open(kid, value)


GOOD = Client(
    "web", uuid4(), "Web", AuthenticationMethod.BASIC, frozenset({"authorization_code", "refresh_token"}),
    redirect_uris=("https://c.example/cb",),
)  # fmt: skip


def test_a_good_registration_has_no_problems() -> None:
    assert client_problems(GOOD, Catalog({}, {})) == []


@pytest.mark.requirement("OAuth 2.1 §2: what may not be registered")
@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"client_id": "a b"}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"client_name": " "}, "client_name"),
        ({"client_name": "a\u202eb"}, "client_name"),
        ({"grant_types": frozenset({"password"})}, "password"),
        ({"grant_types": frozenset({"implicit", "authorization_code"})}, "implicit"),
        ({"redirect_uris": ()}, "redirect_uris"),
        ({"redirect_uris": ("http://c.example",)}, "https"),
        ({"post_logout_redirect_uris": ("javascript:x",)}, "scheme"),
        ({"grant_types": frozenset({"client_credentials"})}, "redirect_uris"),
        ({"grant_types": frozenset({"refresh_token"}), "redirect_uris": ()}, "refresh_token"),
        ({"token_endpoint_auth_method": AuthenticationMethod.NONE, "resource": "https://api.example"}, "resource"),
        ({"id_token_signed_response_alg": "HS256"}, "id_token_signed_response_alg"),
        ({"policy_uri": "javascript:x"}, "policy_uri"),
        ({"tos_uri": "com.example.app:/x"}, "tos_uri"),
        ({"scope": ("nothing",)}, "scope"),
        ({"resources": frozenset({"https://unknown.example"})}, "resources"),
        ({"resource": "not a uri"}, "resource"),
    ],
)
def test_a_bad_registration_says_what_is_wrong(changes: dict[str, object], word: str) -> None:
    problems = client_problems(replace(GOOD, **changes), Catalog({}, {}))  # type: ignore[arg-type]

    assert any(word in problem for problem in problems)


SUBJECT = "8b5b7b6e-6a6c-4a51-9d5f-5a0e7f2d6c11"


@pytest.mark.requirement("RFC 9700 §4.15: no client is called like a user")
@pytest.mark.parametrize(
    "client_id",
    [
        SUBJECT,
        SUBJECT.upper(),
        SUBJECT.title(),
        SUBJECT.replace("-", ""),
        SUBJECT.replace("-", "_"),
        SUBJECT.replace("-", "."),
        SUBJECT.replace("-", "~"),
        f"{{{SUBJECT}}}",
        f"urn:uuid:{SUBJECT}",
        f"URN:UUID:{SUBJECT.upper()}",
        f"-{SUBJECT}-",
        "8b5b-7b6e-6a6c-4a51-9d5f-5a0e-7f2d-6c11",
        "0" * 32,
        str(UUID(int=0)),
    ],
)
def test_no_new_client_is_called_like_a_user(client_id: str) -> None:
    assert is_like_subject(client_id)
    assert new_client_problems(client_id)


@pytest.mark.parametrize(
    "client_id",
    ["web", SUBJECT[:-1], f"{SUBJECT}0", f"web-{SUBJECT}", "g" + SUBJECT[1:], "9f6e3e2dbfa1d4c4", "0" * 31, ""],
)
def test_any_other_name_is_for_clients(client_id: str) -> None:
    assert not is_like_subject(client_id)
    assert not new_client_problems(client_id)


@given(st.uuids(), st.text("-._~ :{}", max_size=5))
def test_a_subject_is_recognised_however_it_is_spelled(subject: UUID, separator: str) -> None:
    assert is_like_subject(separator.join(str(subject).split("-")))


@pytest.mark.requirement("security 44: logout never redirects to an unregistered URI")
@pytest.mark.parametrize(
    ("uri", "client", "location"),
    [
        (None, None, None),
        ("https://c.example/out", "registered", "https://c.example/out?state=s"),
        ("https://c.example/out/", "registered", "refused"),
        ("https://c.example/out", None, "refused"),
        ("//evil.example", "registered", "refused"),
        ("/\\evil.example", "registered", "refused"),
        ("https://c.example/cb", "registered", "refused"),
    ],
)
def test_where_logout_may_lead(uri: str | None, client: str | None, location: str | None) -> None:
    registration = replace(GOOD, post_logout_redirect_uris=("https://c.example/out",)) if client else None
    request = LogoutRequest(None, None, uri, "s")

    if location == "refused":
        with pytest.raises(InvalidRequest):
            post_logout_location(request, registration)
    else:
        assert post_logout_location(request, registration) == location


@pytest.mark.requirement("security 4: exactly one state in the result, in whatever encoding it was registered")
@pytest.mark.parametrize(
    ("registered", "location"),
    [
        ("https://c.example/out?st%61te=x", "https://c.example/out"),
        ("https://c.example/out?a=1;STATE", "https://c.example/out?a=1"),
        ("https://c.example/out?a=1&b=2", "https://c.example/out?a=1&b=2"),
    ],
)
def test_the_end_of_a_logout_has_one_state(registered: str, location: str) -> None:
    client = replace(GOOD, post_logout_redirect_uris=(registered,))
    separator = "&" if "?" in location else "?"

    with_state = post_logout_location(LogoutRequest(None, None, registered, "s"), client)
    without = post_logout_location(LogoutRequest(None, None, registered, None), client)

    assert with_state == f"{location}{separator}state=s"
    assert without == location


def test_a_hint_of_another_client_is_refused() -> None:
    assert hinted_client_id({"aud": "web"}, "web") == "web"
    for claims, client_id in (({"aud": "web"}, "other"), ({"aud": ["web"]}, None), ({}, None)):
        with pytest.raises(InvalidRequest):
            hinted_client_id(claims, client_id)


@pytest.mark.requirement("OAuth 2.1: metadata offers code with S256 and neither implicit nor password")
def test_metadata_offers_what_is_served() -> None:
    document = authorization_server_metadata("https://id.example", ["openid"])

    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert set(document["grant_types_supported"]) == {"authorization_code", "refresh_token", "client_credentials"}  # type: ignore[call-overload]
    assert "none" in document["token_endpoint_auth_methods_supported"]  # type: ignore[operator]


@pytest.mark.parametrize(
    "value",
    ["", "api", "/api", "https://", "https://a#f", "https://a b", "https://a/\n", "x" * 600, "é://a", "https://[::1"],
)
def test_a_malformed_resource_is_an_invalid_target(value: str) -> None:
    with pytest.raises(InvalidTarget):
        parse_resource([value])


@pytest.mark.requirement("security 19: resources are never widened")
def test_resources_narrow_and_never_widen() -> None:
    assert narrow_resource(("https://a", "https://b"), ()) == ("https://a", "https://b")
    assert narrow_resource(("https://a", "https://b"), ("https://b",)) == ("https://b",)
    with pytest.raises(InvalidTarget):
        narrow_resource(("https://a",), ("https://a", "https://c"))
