import pytest

from valetkey.runtime.http.security_headers import page_headers


@pytest.mark.requirement("security 9: pages allow nothing from elsewhere, no inline code, no frames, no storing")
def test_a_page_allows_nothing_from_elsewhere() -> None:
    headers = page_headers()

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["Cache-Control"] == "no-store"


def test_a_page_may_name_where_its_form_ends_up_and_its_one_script() -> None:
    policy = page_headers(form_action=["https://app.example", "com.example.app:"], script_nonce="n0nce_-A")[
        "Content-Security-Policy"
    ]

    assert "form-action 'self' https://app.example com.example.app:;" in policy
    assert "script-src 'self' 'nonce-n0nce_-A';" in policy


@pytest.mark.parametrize(
    "source", ["https://a; script-src *", "https://a https://b", "'unsafe-inline'", "", "a,b", "a\nb"]
)
def test_a_source_cannot_end_its_directive(source: str) -> None:
    with pytest.raises(ValueError, match="source"):
        page_headers(form_action=[source])
    with pytest.raises(ValueError, match="source"):
        page_headers(script_nonce=source or " ")
