import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from support.http_request import make_request
from valetkey.runtime.http.cookies import Cookies, scope_of

SECURE = Cookies(https=True)
PLAIN = Cookies(https=False)
OCTETS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '",;\\')


def sent(*headers: str) -> web.Request:
    return make_request(headers=[("Cookie", header) for header in headers])


@pytest.mark.requirement("security 38: __Host- cookies, HttpOnly, Secure, SameSite=Lax")
def test_a_cookie_over_https_is_bound_to_the_host_and_out_of_reach_of_scripts() -> None:
    response = web.Response()

    SECURE.write(sent(), response, "session", "v1", max_age=60)

    assert response.headers["Set-Cookie"] == ("__Host-session=v1; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure")


def test_a_cookie_over_loopback_http_goes_without_secure_and_its_prefix() -> None:
    response = web.Response()

    PLAIN.write(sent(), response, "session", "v1")

    assert response.headers["Set-Cookie"] == "session=v1; Path=/; HttpOnly; SameSite=Lax"


def test_several_cookies_are_set_side_by_side() -> None:
    response = web.Response()

    SECURE.write(sent(), response, "a", "1")
    SECURE.clear(sent(), response, "b")

    assert [value.split(";")[0] for value in response.headers.getall("Set-Cookie")] == ["__Host-a=1", "__Host-b="]
    assert "Max-Age=0" in response.headers.getall("Set-Cookie")[1]


def test_a_cookie_is_read_by_its_plain_name() -> None:
    assert SECURE.read(sent("other=x; __Host-session=abc"), "session") == "abc"
    assert PLAIN.read(sent("session=abc"), "session") == "abc"


@pytest.mark.requirement("security 38: several same-named cookies are refused")
@pytest.mark.parametrize(
    "headers",
    [
        ["__Host-session=a; __Host-session=b"],
        ["__Host-session=a; __Host-session=a"],
        ["__Host-session=a", "__Host-session=b"],
        ["__Host-session=a; __Host-session="],
        ["__Host-session; __Host-session=a"],
    ],
)
def test_a_cookie_sent_twice_is_no_cookie(headers: list[str]) -> None:
    assert SECURE.read(sent(*headers), "session") is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "session=a",
        "__host-session=a",
        "x__Host-session=a",
        "__Host-session",
        "__Host-session=",
        '__Host-session="a"',
        "__Host-session=a b",
        "__Host-session=a,b",
        "__Host-session=a\\b",
        "__Host-session=é",
        f"__Host-session={'a' * 3501}",
    ],
)
def test_anything_but_one_wellformed_cookie_is_none(header: str) -> None:
    assert SECURE.read(sent(header), "session") is None


def test_a_value_with_an_equals_sign_is_kept_whole() -> None:
    assert SECURE.read(sent("__Host-session=a=b=="), "session") == "a=b=="


@pytest.mark.parametrize(
    ("name", "value"), [("a", "x; Domain=evil"), ("a", "x\r\nSet-Cookie: y=z"), ("a b", "x"), ("a", "")]
)
def test_a_value_that_would_forge_attributes_is_never_written(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="cookie"):
        SECURE.write(sent(), web.Response(), name, value)


@given(st.text(OCTETS, min_size=1, max_size=200))
def test_what_is_written_is_what_is_read(value: str) -> None:
    response = web.Response()
    SECURE.write(sent(), response, "session", value)

    back = SECURE.read(sent(response.headers["Set-Cookie"].split(";")[0]), "session")

    assert back == value


@given(
    st.lists(
        st.sampled_from(["session", "=", "; ", ";", " ", '"', "a", "Session=", "other=1"])
        | st.text(st.characters(exclude_characters="\r\n\x00", exclude_categories=["Cs"]), max_size=5),
        max_size=12,
    ).map("".join)
)
def test_no_header_yields_more_than_a_wellformed_value_or_nothing(header: str) -> None:
    value = PLAIN.read(sent(header), "session")

    assert value is None or (set(value) <= set(OCTETS) and f"session={value}" in map(str.strip, header.split(";")))


@pytest.mark.requirement("RFC 6265 §8.5: cookies know neither ports nor, with __Host-, paths: names tell issuers apart")
@pytest.mark.parametrize(
    ("issuer", "is_scoped"),
    [
        ("https://id.example", False),
        ("https://id.example/", False),
        ("https://id.example:8443", True),
        ("https://id.example/a", True),
        ("https://id.example/b", True),
        ("https://id.example:8443/a", True),
        ("http://127.0.0.1:9000", True),
        ("http://127.0.0.1:9001", True),
    ],
)
def test_issuers_of_one_host_have_names_of_their_own(issuer: str, is_scoped: bool) -> None:
    others = {"https://id.example:1", "https://id.example/c", "http://127.0.0.1:2"}

    assert bool(scope_of(issuer)) is is_scoped
    assert scope_of(issuer) not in {scope_of(other) for other in others}


SCOPED = Cookies(https=True, scope="-0a1b2c3d")


def pairs(response: web.Response) -> list[str]:
    return [header.partition(";")[0] for header in response.headers.getall("Set-Cookie", [])]


def test_another_issuer_s_cookie_is_neither_replaced_nor_cleared() -> None:
    response = web.Response()
    request = sent("__Host-session=theirs; __Host-session-0a1b2c3d=ours")

    SCOPED.write(request, response, "session", "new")
    SCOPED.clear(request, response, "session")

    assert SCOPED.read(request, "session") == "ours"
    assert pairs(response) == ["__Host-session-0a1b2c3d=new", "__Host-session-0a1b2c3d="]


def test_the_previous_release_and_this_one_find_each_other_s_cookies() -> None:
    response = web.Response()

    SCOPED.write(sent(), response, "session", "v")
    SCOPED.clear(sent("__Host-session=v; __Host-session-0a1b2c3d=v"), response, "session")

    assert SCOPED.read(sent("__Host-session=v"), "session") == "v"
    assert pairs(response) == [
        "__Host-session-0a1b2c3d=v", "__Host-session=v", "__Host-session-0a1b2c3d=", "__Host-session=",
    ]  # fmt: skip


@pytest.mark.requirement("security 38: several same-named cookies are refused")
@pytest.mark.parametrize("name", ["session-0a1b2c3d", "session-0a1b2c3d_aa"])
def test_a_scoped_cookie_sent_twice_is_no_cookie(name: str) -> None:
    request = sent(f"__Host-session=v; __Host-{name}=a; __Host-{name}=b")

    assert SCOPED.read_tagged(request, "session") == {}
    assert SCOPED.read(request, "session") == (None if name == "session-0a1b2c3d" else "v")


def test_tags_tell_cookies_of_one_name_apart() -> None:
    response = web.Response()
    request = sent("__Host-session-0a1b2c3d_aa=1; __Host-session-0a1b2c3d_bb=2; __Host-session_cc=3; __Host-session=1")

    SCOPED.write(request, response, "session", "4", tag="dd")
    SCOPED.clear(request, response, "session")

    assert SCOPED.read_tagged(request, "session") == {"aa": "1", "bb": "2"}
    assert pairs(response) == [
        "__Host-session-0a1b2c3d_dd=4", "__Host-session-0a1b2c3d=",
        "__Host-session-0a1b2c3d_aa=", "__Host-session-0a1b2c3d_bb=", "__Host-session=",
    ]  # fmt: skip


def test_the_previous_release_finds_the_session_that_took_the_place_of_another() -> None:
    response, of_another_issuer = web.Response(), web.Response()

    SCOPED.write(sent("__Host-session-0a1b2c3d=1; __Host-session=1"), response, "session", "2")
    SCOPED.write(sent("__Host-session-0a1b2c3d=1; __Host-session=9"), of_another_issuer, "session", "2")

    assert pairs(response) == ["__Host-session-0a1b2c3d=2", "__Host-session=2"]
    assert pairs(of_another_issuer) == ["__Host-session-0a1b2c3d=2"]
