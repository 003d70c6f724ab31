"""Where forms may lead, as browsers enforce it."""

import pytest

from support.sample_pages import NO_PICTURES
from valetkey.authorize.pages.csp import form_action, form_post_policy, page_policy


@pytest.mark.parametrize(
    ("redirect_uri", "directive"),
    [
        (None, "form-action 'self'"),
        ("https://app.example/cb", "form-action 'self' https:"),
        ("http://127.0.0.1:49152/cb", "form-action 'self' https: http://127.0.0.1:49152"),
        ("http://localhost/cb", "form-action 'self' https: http://localhost"),
        ("http://[::1]:8000/cb", "form-action 'self' https: http:"),
        ("com.example.app:/cb", "form-action 'self' https: com.example.app:"),
        ("com.example.app://host/cb", "form-action 'self' https: com.example.app:"),
    ],
)
def test_a_form_may_lead_to_its_client_and_nowhere_else_without_tls(redirect_uri: str | None, directive: str) -> None:
    assert form_action(redirect_uri) == directive


@pytest.mark.requirement("security 9: CSP without unsafe-inline, frame-ancestors 'none'")
@pytest.mark.parametrize("redirect_uri", ["http://127.0.0.1;script-src%20*/cb", "http://127.0.0.1,x/cb"])
def test_a_redirect_uri_cannot_add_a_directive(redirect_uri: str) -> None:
    policy = page_policy(redirect_uri)

    assert policy.endswith("form-action 'self' https: http:")
    assert "script-src" not in policy


def test_only_the_page_that_posts_by_itself_runs_a_script() -> None:
    assert "script-src 'self'" in form_post_policy("https://app.example/cb")
    assert "script-src" not in page_policy("https://app.example/cb")
    for policy in (form_post_policy("https://app.example/cb"), page_policy(None)):
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.requirement(
    "security 9: a page shows pictures from one origin besides ours, and only where a client has a logo"
)
@pytest.mark.parametrize(
    ("uri", "sources"),
    [
        (None, "'self'"),
        ("https://cdn.example/logo.png", "'self' https://cdn.example"),
        ("https://cdn.example:8443/a/logo.png?b=c", "'self' https://cdn.example:8443"),
        *((uri, "'self'") for uri in NO_PICTURES),
    ],
)
def test_a_page_shows_pictures_from_exactly_the_origin_of_the_logo(uri: str | None, sources: str) -> None:
    directives = page_policy("https://app.example/cb", uri).split("; ")

    assert f"img-src {sources}" in directives
    assert len(directives) == len(page_policy("https://app.example/cb").split("; "))
    assert [each for each in directives if not each.startswith("img-src")] == [
        each for each in page_policy("https://app.example/cb").split("; ") if not each.startswith("img-src")
    ]
