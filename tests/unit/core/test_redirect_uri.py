"""What may be registered, what matches, and how an answer is appended."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, unquote, unquote_plus, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.oauth.redirect_uri import (
    append_response,
    is_loopback_literal,
    match_redirect_uri,
    redirect_host,
    redirect_uri_problem,
    response_target,
    uri_problem,
)

Decoder = Callable[[str], list[tuple[str, str]]]

REGISTRABLE = [
    "https://client.example/cb",
    "https://client.example:8443/cb?tenant=7",
    "https://client.example",
    "http://127.0.0.1/cb",
    "http://127.0.0.1:8765/cb",
    "http://[::1]:8765/cb",
    "http://localhost:3000/cb",
    "com.example.app:/oauth2redirect",
]
REFUSED = [
    "http://client.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.2/cb",
    "http://localhost.evil.example/cb",
    "http://2130706433/cb",
    "https://client.example/cb#fragment",
    "https://client.example/cb#",
    "https://user@client.example/cb",
    "https://user:password@client.example/cb",
    "http://127.0.0.1:80@evil.example/cb",
    "https:///cb",
    "https://client.example/a b",
    "https://client.example/a\nb",
    "https://client.example/\x00",
    "https://client.example/\\evil.example",
    "https://client.example/%zz",
    "https://client.example:99999/cb",
    "https://client.example/ü",
    "https://client.example/cb?code=1",
    "https://client.example/cb?a=1&state=2",
    "//client.example/cb",
    "/cb",
    "",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "DATA:text/html,x",
    "vbscript:x",
    "VbScript:x",
    "file:///etc/passwd",
    "myapp:/cb",
    "https://client.example/" + "a" * 2000,
]


@pytest.mark.requirement("security 2: only https, http on loopback, or a reverse-domain scheme may be registered")
@pytest.mark.parametrize("uri", REGISTRABLE)
def test_a_usable_redirect_uri_may_be_registered(uri: str) -> None:
    assert redirect_uri_problem(uri) is None


@pytest.mark.requirement("security 2: only https, http on loopback, or a reverse-domain scheme may be registered")
@pytest.mark.parametrize("uri", REFUSED)
def test_a_dangerous_redirect_uri_is_refused(uri: str) -> None:
    assert redirect_uri_problem(uri)


@pytest.mark.requirement("security 1: exact string comparison with the registered URI")
@pytest.mark.parametrize(
    "presented",
    [
        "https://client.example/cb/",
        "https://client.example/CB",
        "https://CLIENT.example/cb",
        "https://client.example:443/cb",
        "https://client.example/cb?",
        "https://client.example/cb?x=1",
        "https://client.example/cb#",
        "https://client.example/x/../cb",
        "https://client.example/%63b",
        "http://client.example/cb",
        "https://client.example.evil.example/cb",
        "https://client.example/cb ",
        " https://client.example/cb",
        "",
    ],
)
def test_anything_but_the_registered_string_is_refused(presented: str) -> None:
    assert not match_redirect_uri(presented, ["https://client.example/cb"])


@pytest.mark.requirement("security 1: only the port of a loopback IP literal may vary")
@pytest.mark.parametrize(
    ("presented", "registered", "matches"),
    [
        ("http://127.0.0.1:5000/cb", "http://127.0.0.1/cb", True),
        ("http://127.0.0.1:5000/cb", "http://127.0.0.1:9/cb", True),
        ("http://[::1]:5000/cb", "http://[::1]/cb", True),
        ("http://127.0.0.1:5000/cb?x=1", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:5000/other", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:5000/cb#f", "http://127.0.0.1/cb", False),
        ("http://[::1]:5000/cb", "http://127.0.0.1/cb", False),
        ("http://localhost:5000/cb", "http://localhost/cb", False),
        ("http://localhost:5000/cb", "http://127.0.0.1/cb", False),
        ("https://127.0.0.1:5000/cb", "https://127.0.0.1/cb", False),
        ("http://u@127.0.0.1:5000/cb", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:99999/cb", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:/cb", "http://127.0.0.1/cb", True),
    ],
)
def test_the_port_of_a_loopback_literal_may_vary(presented: str, registered: str, matches: bool) -> None:
    assert match_redirect_uri(presented, [registered]) is matches


@pytest.mark.requirement("security 4: a registered query is kept, and code, state and iss appear exactly once")
@pytest.mark.parametrize("uri", ["https://c.example/cb", "https://c.example/cb?a=1", "https://c.example/cb?"])
def test_the_answer_is_added_to_what_was_registered(uri: str) -> None:
    location = append_response(uri, [("code", "a&b"), ("state", "x y=é")])

    assert location.startswith(uri)
    pairs = parse_qsl(urlsplit(location).query, strict_parsing=True)
    assert pairs[-2:] == [("code", "a&b"), ("state", "x y=é")]


RESPONSE_NAMES = [
    *("code", "state", "iss", "error", "error_description", "error_uri", "response"),
    *("access_token", "token_type", "expires_in", "scope", "id_token", "session_state"),
]


def percent(text: str, *, upper: bool = True) -> str:
    return "".join(f"%{ord(each):02X}" if upper else f"%{ord(each):02x}" for each in text)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda name: f"{name}=1",
    "without a value": lambda name: name,
    "with an empty value": lambda name: f"{name}=",
    "second": lambda name: f"a=1&{name}=1",
    "last, without a value": lambda name: f"a=1&{name}",
    "after an empty pair": lambda name: f"&&{name}=1",
    "after a semicolon": lambda name: f"a=1;{name}=1",
    "before a semicolon": lambda name: f"{name};a=1",
    "capitals": lambda name: f"{name.upper()}=1",
    "encoded": lambda name: f"{percent(name)}=1",
    "encoded in small letters": lambda name: f"{percent(name, upper=False)}=1",
    "one letter encoded": lambda name: f"{name[0]}{percent(name[1], upper=False)}{name[2:]}=1",
    "encoded twice": lambda name: f"{quote(percent(name))}=1",
    "encoded five times": lambda name: f"{quote(quote(quote(quote(percent(name)))))}=1",
    "with an encoded equals sign": lambda name: f"{name}%3D1",
    "with a twice encoded equals sign": lambda name: f"{name}%253d1",
    "after an encoded ampersand": lambda name: f"a=1%26{name}=1",
    "after an encoded ampersand, without a value": lambda name: f"a%26{name}",
    "after a twice encoded ampersand": lambda name: f"a=1%2526{name}%253D1",
    "after an encoded semicolon": lambda name: f"a=1%3B{name}=1",
    "after a question mark": lambda name: f"?{name}=1",
    "after an encoded question mark": lambda name: f"%3F{name}=1",
    "after a plus": lambda name: f"+{name}=1",
    "before a plus": lambda name: f"{name}+=1",
    "after an encoded space": lambda name: f"%20{name}%09=1",
    "as a list": lambda name: f"{name}[]=1",
    "as an encoded list": lambda name: f"{name}%5B0%5D=1",
    "before NUL": lambda name: f"{name}%00x=1",
    "with NUL": lambda name: f"{name[0]}%00{name[1:]}=1",
    "with a zero width space": lambda name: f"{name}%E2%80%8B=1",
    "in full width": lambda name: "".join(quote(chr(ord(each) + 0xFEE0)) for each in name) + "=1",
    "with dots": lambda name: f"{name.replace('_', '.')}=1",
    "with plus signs": lambda name: f"{name.replace('_', '+')}=1",
    "with encoded underscores": lambda name: f"{name.replace('_', '%5F')}=1",
}


@pytest.mark.requirement("security 4: exactly one code, state, iss in the result, in whatever encoding")
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", RESPONSE_NAMES)
@pytest.mark.parametrize("base", ["https://client.example/cb", "http://127.0.0.1/cb", "com.example.app:/cb"])
def test_no_response_parameter_may_be_registered(base: str, name: str, spelling: str) -> None:
    query = SPELLINGS[spelling](name)

    assert uri_problem(f"{base}?{query}") is None
    assert "response" in (redirect_uri_problem(f"{base}?{query}") or "")
    assert response_target(f"{base}?{query}") in (base, f"{base}?a=1", f"{base}?&", f"{base}?a=1;")
    assert response_target(f"{base}?b=2&{query}&c=3").startswith(f"{base}?b=2")


@pytest.mark.parametrize(
    "query",
    [
        "tenant=7",
        "encode=1&statement=2&issue=3&errors=4",
        "barcode=1",
        "code_=1",
        "my.code=1",
        "a=code",
        "a=state%3D",
        "a=%C3%A9&b=%25",
        "next=https://x.example/cb",
        "scoped=1",
        "",
        "&",
        ";",
        "a;b",
    ],
)
def test_other_parameters_may_be_registered_and_stay(query: str) -> None:
    uri = f"https://client.example/cb?{query}"

    assert redirect_uri_problem(uri) is None
    assert response_target(uri) == uri


PARTS = st.sampled_from(
    [
        *"&;=?%+[]a1",
        "code",
        "state",
        "iss",
        "c%6fde",
        "%63ode",
        "st%61te",
        "%26",
        "%3B",
        "%3D",
        "%3d",
        "%25",
        "%2526",
        "%2B",
    ]
)
ANSWER = [("code", "a&b"), ("state", "x y"), ("iss", "https://id.example")]
DECODERS: dict[str, Decoder] = {
    "as browsers do": lambda query: parse_qsl(query, keep_blank_values=True),
    "with semicolons": lambda query: [
        pair for part in query.split("&") for pair in parse_qsl(part, keep_blank_values=True, separator=";")
    ],
    "names alone": lambda query: [(unquote_plus(part.split("=")[0]), "") for part in re.split("[&;]", query)],
    "with names twice decoded": lambda query: [
        (unquote(unquote_plus(part.split("=")[0])), "") for part in re.split("[&;]", query)
    ],
}


@pytest.mark.requirement("security 4: exactly one code, state, iss in the result, in whatever encoding")
@pytest.mark.parametrize("decoder", DECODERS.values(), ids=DECODERS)
@given(query=st.lists(PARTS, max_size=12).map("".join))
def test_whatever_was_registered_once_the_answer_has_each_parameter_once(decoder: Decoder, query: str) -> None:
    location = append_response(response_target(f"https://c.example/cb?{query}"), ANSWER)

    names = [name for name, _ in decoder(urlsplit(location).query)]
    assert [names.count(name) for name, _ in ANSWER] == [1, 1, 1]


@given(st.lists(PARTS, max_size=12).map("".join))
def test_what_may_be_registered_is_answered_at_exactly_that(query: str) -> None:
    uri = f"https://c.example/cb?{query}"

    if redirect_uri_problem(uri) is None:
        assert append_response(response_target(uri), ANSWER).startswith(uri)


def test_the_longest_nest_of_escapes_is_unwound_at_once() -> None:
    uri = "https://c.example/cb?" + "%" + "25" * 950 + "63ode=1"

    assert redirect_uri_problem(uri)


@given(st.text(max_size=200))
def test_no_string_breaks_the_checks(uri: str) -> None:
    problem = redirect_uri_problem(uri)

    matched = match_redirect_uri(uri, ["https://client.example/cb", "http://127.0.0.1/cb"])

    assert not (matched and problem)
    assert isinstance(is_loopback_literal(uri), bool)


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("https://client.example/cb", "client.example"),
        ("http://127.0.0.1:3000/cb", "127.0.0.1:3000"),
        ("com.example.app:/cb", "com.example.app:"),
    ],
)
def test_the_consent_page_can_name_the_destination(uri: str, host: str) -> None:
    assert redirect_host(uri) == host
