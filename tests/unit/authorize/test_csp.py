"""What pages may load, and where their forms may lead, as browsers enforce it."""

import pytest

from support.sample_pages import NO_PICTURES
from valetkey.authorize.pages.csp import form_post_policy, page_policy


def test_forms_stay_with_us_unless_they_may_end_at_a_client() -> None:
    assert page_policy().endswith("; form-action 'self'")
    # Browsers would hold the client's own redirects to it, wherever these go.
    assert "form-action" not in page_policy(leads_to_client=True)
    assert "form-action" not in form_post_policy()


@pytest.mark.requirement("security 9: CSP without unsafe-inline, frame-ancestors 'none'")
@pytest.mark.parametrize("policy", [page_policy(), page_policy(leads_to_client=True), form_post_policy()])
def test_every_page_starts_from_nothing(policy: str) -> None:
    assert policy.startswith("default-src 'none'; ")
    assert "; base-uri 'none'; frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_a_page_runs_a_script_of_ours_where_it_has_one() -> None:
    for policy in (form_post_policy(), page_policy(leads_to_client=True, runs_script=True)):
        assert policy.endswith("; script-src 'self'")
    assert "; script-src 'self'; form-action 'self'" in page_policy(runs_script=True)
    assert "script-src" not in page_policy(leads_to_client=True) + page_policy()


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
    bare = page_policy(leads_to_client=True).split("; ")

    directives = page_policy(leads_to_client=True, picture_uri=uri).split("; ")

    assert f"img-src {sources}" in directives
    assert len(directives) == len(bare)
    assert [each for each in directives if not each.startswith("img-src")] == [
        each for each in bare if not each.startswith("img-src")
    ]
