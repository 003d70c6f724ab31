from urllib.parse import quote_plus, urlencode

import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st

from support.http_request import FORM, make_form_request, make_request
from valetkey.core.oauth.errors import InvalidRequest
from valetkey.runtime.http.forms import MAX_FIELDS, read_form, read_query, refuse_query_credentials

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)


async def test_a_form_is_decoded() -> None:
    params = await read_form(make_form_request(b"scope=openid+profile&state=%C3%A9%2B%26&empty=&&flag"))

    assert params.get("scope") == "openid profile"
    assert params.get("state") == "é+&"
    assert params.get("empty") is None
    assert params.get("flag") is None


@pytest.mark.requirement("security 46: only application/x-www-form-urlencoded, charset UTF-8")
@pytest.mark.parametrize(
    "content_type",
    [
        FORM,
        f"{FORM};charset=UTF-8",
        f'{FORM}; charset="utf-8"',
        "Application/X-WWW-Form-Urlencoded; Charset=utf-8",
    ],
)
async def test_a_form_in_utf8_is_read(content_type: str) -> None:
    params = await read_form(make_form_request(b"a=1", headers=[("Content-Type", content_type)]))

    assert params.get("a") == "1"


@pytest.mark.requirement("security 46: only application/x-www-form-urlencoded, charset UTF-8")
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Content-Type", "")],
        [("Content-Type", "application/json")],
        [("Content-Type", "multipart/form-data; boundary=x")],
        [("Content-Type", "text/plain")],
        [("Content-Type", f"{FORM}; charset=iso-8859-1")],
        [("Content-Type", f"{FORM}; charset=utf-7")],
        [("Content-Type", f"{FORM}; boundary=x")],
        [("Content-Type", f"{FORM}, {FORM}")],
        [("Content-Type", f"{FORM}x")],
    ],
)
async def test_any_other_media_type_or_charset_is_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidRequest):
        await read_form(make_form_request(b"a=1", headers=headers))


@pytest.mark.requirement("security 47: Content-Encoding on requests is refused")
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "identity", ""])
async def test_a_content_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(InvalidRequest, match="content encoding"):
        await read_form(make_form_request(b"a=1", headers=[("Content-Type", FORM), ("Content-Encoding", encoding)]))


@pytest.mark.requirement("security 46: forms are strict UTF-8")
@pytest.mark.parametrize(
    "body",
    [
        b"a=%",
        b"a=%4",
        b"a=%zz",
        b"a=%u0041",
        b"%=1",
        b"a=%ff",
        b"a=%C3",
        b"a=%ED%A0%80",
        b"a=\xff",
        b"a=%00",
        b"a=\x00",
    ],
)
async def test_malformed_escapes_bytes_and_nul_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await read_form(make_form_request(body))


@pytest.mark.requirement("security 46: repeats are refused")
@pytest.mark.parametrize("body", [b"a=1&a=2", b"a=1&%61=1", b"unknown=1&unknown=1"])
async def test_repeats_are_refused_even_of_unknown_parameters(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="repeated"):
        await read_form(make_form_request(body))


async def test_repeats_may_be_kept_for_a_caller_that_must_first_find_where_to_answer() -> None:
    params = await read_form(make_form_request(b"a=1&a=2&state=x"), keep_repeats=True)

    assert params.get("state") == "x"
    with pytest.raises(InvalidRequest):
        params.get("a")


@pytest.mark.requirement("security 47: bodies are bounded")
async def test_the_number_of_fields_is_bounded() -> None:
    most = "&".join(f"n{number}=1" for number in range(MAX_FIELDS))

    assert (await read_form(make_form_request(most.encode()))).get("n1") == "1"
    with pytest.raises(InvalidRequest, match="too many"):
        await read_form(make_form_request(f"{most}&one=more".encode()))


@pytest.mark.requirement("security 47: bodies are bounded")
@pytest.mark.parametrize("announced", [True, False])
async def test_the_size_of_the_body_is_bounded(announced: bool) -> None:
    body = b"a=" + b"1" * 100
    length = [("Content-Length", str(len(body)))] if announced else []

    with pytest.raises(web.HTTPRequestEntityTooLarge):
        await read_form(make_form_request(body, headers=[("Content-Type", FORM), *length], max_size=50))


@pytest.mark.requirement("RFC 6749 §3.2: parameters of the token endpoint come from the body")
async def test_the_query_is_not_mixed_into_the_form() -> None:
    params = await read_form(make_form_request(b"a=1", path="/token?b=2"))

    assert "b" not in params


@pytest.mark.requirement("security 36: credentials in the query are refused")
@pytest.mark.parametrize(
    "query",
    [
        "client_secret=x",
        "access_token=x",
        "token=x",
        "code=x",
        "code_verifier=x",
        "refresh_token=x",
        "client%5Fsecret=x",
        "a=1&%74oken=x",
        "token=a&token=b",
        "a=%zz",
    ],
)
def test_credentials_in_the_query_are_refused(query: str) -> None:
    with pytest.raises(InvalidRequest):
        refuse_query_credentials(make_request(f"/token?{query}", method="POST"))


@pytest.mark.parametrize("path", ["/token", "/token?", "/token?tenant=1", "/token?token="])
def test_a_query_without_credentials_is_let_be(path: str) -> None:
    request = make_request(path, method="POST")

    refuse_query_credentials(request)

    assert "token" not in read_query(request)


def test_a_query_is_decoded_as_strictly_as_a_form() -> None:
    assert read_query(make_request("/authorize?scope=a+b&state=%E2%82%AC#fragment")).get("state") == "€"
    for bad in ("state=%ff", "a=%zz", "a=%00", "a=1&a=2", "state=é"):
        with pytest.raises(InvalidRequest):
            read_query(make_request(f"/authorize?{bad}"))


@given(st.dictionaries(TEXT.filter(bool), TEXT.filter(bool), max_size=20))
@example({"+": "+", "%": "%41", "&": "="})
async def test_every_form_that_a_library_encodes_comes_back_unchanged(fields: dict[str, str]) -> None:
    params = await read_form(make_form_request(urlencode(fields).encode()))

    assert {name: params.get(name) for name in fields} == fields


@given(st.binary(max_size=200))
async def test_no_body_does_anything_but_be_read_or_be_refused(body: bytes) -> None:
    try:
        params = await read_form(make_form_request(body), keep_repeats=True)
    except InvalidRequest:
        return

    text = body.decode()
    assert "\x00" not in text
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if value and not set(name + value) & {"%", "+"}:
            assert value in params.all(name)


@given(TEXT.filter(bool))
async def test_a_query_and_a_form_agree(value: str) -> None:
    encoded = f"state={quote_plus(value)}"

    form = await read_form(make_form_request(encoded.encode()))

    assert read_query(make_request(f"/?{encoded}")).get("state") == form.get("state") == value
