"""What the logout form carries."""

import re

import pytest

from valetkey.authorize.logout.form import LogoutForm


@pytest.mark.parametrize(
    "form",
    [
        LogoutForm(None, None, None),
        LogoutForm("web", "https://app.example/bye?a=b", 'st"a\u0000te&<ü>'),
    ],
)
def test_what_is_carried_comes_back_as_it_was(form: LogoutForm) -> None:
    assert LogoutForm.parse(str(form)) == form


def test_what_is_carried_fits_a_hidden_field() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", str(LogoutForm("web", "https://app.example/", '"')))


def test_the_hint_is_not_carried() -> None:
    assert LogoutForm("web", None, "s").request.id_token_hint is None
