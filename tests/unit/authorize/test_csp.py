"""Where forms may lead, as browsers enforce it."""

import pytest

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
