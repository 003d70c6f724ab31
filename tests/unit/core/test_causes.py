"""The causes that clients are told: each is raised somewhere, and can be an ``error_description``."""

import re

import pytest

from support.refusal import CAUSES
from support.repository import ROOT
from valetkey.core.oauth import causes
from valetkey.core.oauth.errors import InvalidGrant, InvalidRequest, InvalidToken
from valetkey.core.oauth.params import Params

SOURCES = "".join(
    path.read_text(encoding="utf-8")
    for path in (ROOT / "services").rglob("*.py")
    if path.name != "causes.py" and "valetkey" in path.parts
)
MADE = (
    causes.missing("scope"),
    causes.too_long("state", 4096),
    causes.no_object("userinfo"),
    causes.holds_no_objects("id_token"),
    causes.other_method("client_secret_basic", "client_secret_post"),
)


@pytest.mark.requirement("RFC 6749 Appendix A.8: error_description has no quotes, backslashes or other alphabets")
@pytest.mark.parametrize("cause", [*CAUSES.values(), *MADE], ids=lambda cause: cause.sentence)
def test_a_cause_can_be_sent(cause: causes.Cause) -> None:
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", cause.sentence)
    assert not cause.sentence.endswith(".")


@pytest.mark.parametrize("name", sorted(CAUSES))
def test_a_cause_is_raised_somewhere(name: str) -> None:
    assert f".of(causes.{name})" in SOURCES or name == "PARAMETER_REPEATED"


def test_no_two_causes_have_the_same_sentence() -> None:
    assert len({cause.sentence for cause in CAUSES.values()}) == len(CAUSES)


def test_a_cause_is_told_and_a_reason_is_not_whatever_it_says() -> None:
    told, private = InvalidRequest.of(causes.CODE_CHALLENGE_MISSING), InvalidToken("token is too long")

    assert (told.description, told.is_explained) == ("code_challenge is missing.", True)
    assert (private.description, private.is_explained) == (InvalidToken.description, False)
    assert not InvalidGrant(causes.SCOPE_MALFORMED.sentence).is_explained


@pytest.mark.requirement("security 10: what a client has invented is repeated nowhere")
@pytest.mark.parametrize(("name", "told"), [("scope", "scope is repeated."), ("canary", "a parameter is repeated.")])
def test_a_repeated_parameter_is_named_where_it_is_one_of_ours(name: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Params.parse([(name, "a"), (name, "b")]).reject_repeats()

    assert refused.value.description == told
