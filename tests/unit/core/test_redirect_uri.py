"""What may be registered, what matches, and how an answer is appended."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.redirect_uri import (
    append_response,
    is_loopback_literal,
    match_redirect_uri,
    redirect_host,
    redirect_uri_problem,
)

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
