import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.http_request import make_request
from valetkey.core.oauth.errors import InvalidRequest
from valetkey.core.oauth.params import Params
from valetkey.runtime.http.bearer import bearer_token

EMPTY = Params.parse([])
FORM = Params.parse([("access_token", "from-form")])


def header(value: str) -> tuple[str, str]:
    return ("Authorization", value)


@pytest.mark.requirement("RFC 6750 §2.1: the token in the Authorization header")
@pytest.mark.parametrize("value", ["Bearer abc.def", "bearer abc.def", "BEARER  abc.def"])
def test_a_token_is_taken_from_the_header(value: str) -> None:
    assert bearer_token(make_request(headers=[header(value)])) == "abc.def"


@pytest.mark.requirement("RFC 6750 §2.2: the token in a form body")
def test_a_token_is_taken_from_the_form_where_one_is_allowed() -> None:
    assert bearer_token(make_request(method="POST"), FORM) == "from-form"


@pytest.mark.parametrize("headers", [[], [header("Basic eDp5")], [header("DPoP abc")]])
def test_a_request_without_a_token_has_none(headers: list[tuple[str, str]]) -> None:
    assert bearer_token(make_request(headers=headers), EMPTY) is None


@pytest.mark.requirement("security 36: no access token in the query")
@pytest.mark.parametrize(
    "path", ["/userinfo?access_token=x", "/userinfo?a=1&%61ccess_token=x", "/u?access_token=x&access_token=y"]
)
def test_a_token_in_the_query_is_refused_even_beside_a_good_one(path: str) -> None:
    with pytest.raises(InvalidRequest, match="query"):
        bearer_token(make_request(path, headers=[header("Bearer abc")]))


@pytest.mark.requirement("RFC 6750 §2: one method per request")
@pytest.mark.parametrize("value", ["Bearer abc", "Basic eDp5"])
def test_two_methods_at_once_are_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match="two ways"):
        bearer_token(make_request(method="POST", headers=[header(value)]), FORM)


def test_a_repeated_authorization_header_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="repeated"):
        bearer_token(make_request(headers=[header("Bearer a"), header("Bearer a")]))


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer é", "Bearer =", "Bearer " + "a" * 8193]
)
def test_a_malformed_token_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match="malformed"):
        bearer_token(make_request(headers=[header(value)]))


@given(
    st.sampled_from(["Bearer ", "bearer\t", "Bearer", "Basic ", ""]),
    st.text(st.characters(exclude_characters="\r\n\x00", exclude_categories=["Cs"]), max_size=60),
)
def test_no_header_yields_anything_but_a_token_nothing_or_a_refusal(scheme: str, rest: str) -> None:
    value = scheme + rest
    try:
        token = bearer_token(make_request(headers=[header(value)]))
    except InvalidRequest:
        return

    assert token is None or (token.isascii() and token in value)
