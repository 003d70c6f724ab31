"""What may be asked of the demo, and what it says where it will not do it."""

from __future__ import annotations

import pytest

from valetkey.demo.demo_error import DemoError
from valetkey.demo.options import DemoOptions, chosen_port, issuer_at, option_problems, require_options


def test_the_defaults_have_no_problem() -> None:
    assert not option_problems(DemoOptions())


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:3000/callback",
        "http://[::1]/cb",
        "http://localhost:9/",
        "https://app.example/cb",
        "com.example.app:/cb",
    ],
)
def test_a_redirect_uri_that_core_allows_is_taken(uri: str) -> None:
    assert not option_problems(DemoOptions(redirect_uris=(uri,)))


@pytest.mark.requirement("security 2: http only on loopback, no fragments, no user information, no script schemes")
@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/callback",
        "https://app.example/callback#fragment",
        "https://user@app.example/callback",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "app:/callback",
        "/callback",
        "https://app.example/callback?code=1",
        "https://app.example/call back",
        "",
    ],
)
def test_a_redirect_uri_that_core_refuses_is_refused_by_name(uri: str) -> None:
    problems = option_problems(DemoOptions(redirect_uris=("http://127.0.0.1/ok", uri)))

    assert len(problems) == 1
    assert f"--redirect-uri {uri} " in problems[0]


@pytest.mark.parametrize("issuer", ["https://id.example.com", "http://192.168.1.5:8080", "http://0.0.0.0:8080"])
def test_an_issuer_that_is_not_loopback_is_refused(issuer: str) -> None:
    with pytest.raises(DemoError, match=r"loopback"):
        require_options(DemoOptions(issuer=issuer))


@pytest.mark.parametrize(
    "issuer",
    [
        "https://localhost:8080",
        "http://127.0.0.2:8080",
        "http://[::1]:8080",
        "https://[::1]:8080",
        "http://127.0.0.1:8080/",
        "8080",
    ],
)
def test_an_issuer_that_is_not_where_the_demo_listens_is_refused(issuer: str) -> None:
    assert option_problems(DemoOptions(issuer=issuer))


@pytest.mark.parametrize(
    ("issuer", "port"),
    [
        ("http://127.0.0.1:9000", 9000),
        ("http://localhost:9001/tenant", 9001),
        ("http://127.0.0.1", 80),
        ("https://127.0.0.1:9002", 9002),
        ("https://127.0.0.1/tenant", 443),
    ],
)
def test_an_issuer_says_its_port_itself(issuer: str, port: int) -> None:
    options = DemoOptions(issuer=issuer, issuer_port=1)

    assert not option_problems(options)
    assert (chosen_port(options), issuer_at(options, port)) == (port, issuer)


@pytest.mark.parametrize(("port", "issuer"), [(8080, "http://localhost:8080"), (80, "http://localhost")])
def test_the_issuer_follows_the_port_and_never_spells_out_the_default_one(port: int, issuer: str) -> None:
    assert issuer_at(DemoOptions(issuer_port=port), port) == issuer


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    assert option_problems(DemoOptions(issuer_port=port))


def test_every_problem_is_told_at_once() -> None:
    options = DemoOptions(issuer_port=-1, issuer="https://id.example.com", redirect_uris=("app:/x", "data:x"))

    with pytest.raises(DemoError) as refused:
        require_options(options)

    assert len(str(refused.value).splitlines()) == 4
