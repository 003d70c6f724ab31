"""The reasons that clients are told: each is raised somewhere, and can be an ``error_description``."""

import re

import pytest

from support.repository import ROOT
from valetkey.core.oauth.errors import InvalidGrant, InvalidRequest
from valetkey.core.oauth.params import Params
from valetkey.core.oauth.public_reasons import PARAMETERS, PUBLIC_REASONS

SOURCES = "".join(
    path.read_text(encoding="utf-8")
    for path in (ROOT / "services").rglob("*.py")
    if path.name != "public_reasons.py" and "valetkey" in path.parts
)
# Reasons that are put together; what varies is ours.
VARIES = (
    re.compile(rf"({'|'.join(PARAMETERS)}) is (missing|repeated|too long)"),
    re.compile(r"claims\.(id_token|userinfo) (is not an object|holds something that is neither null nor an object)"),
    re.compile(r"this client is registered for \w+ and used \w+"),
    re.compile(r"client_secret without client_id"),
)


@pytest.mark.requirement("RFC 6749 Appendix A.8: error_description has no quotes, backslashes or other alphabets")
@pytest.mark.parametrize("reason", sorted(PUBLIC_REASONS))
def test_a_public_reason_is_raised_and_can_be_sent(reason: str) -> None:
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", reason)
    assert not reason.endswith(".")
    assert f'"{reason}"' in SOURCES or any(pattern.fullmatch(reason) for pattern in VARIES)


def test_a_reason_that_is_listed_is_told_and_another_is_not() -> None:
    told, private = InvalidRequest("code_challenge is missing"), InvalidRequest("canary")

    assert (told.description, told.is_explained) == ("code_challenge is missing.", True)
    assert (private.description, private.is_explained) == (InvalidRequest.description, False)
    assert not InvalidGrant("code was issued to another client").is_explained


@pytest.mark.requirement("security 10: what a client has invented is repeated nowhere")
@pytest.mark.parametrize(("name", "told"), [("scope", "scope is repeated."), ("canary", "a parameter is repeated.")])
def test_a_repeated_parameter_is_named_where_it_is_one_of_ours(name: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Params.parse([(name, "a"), (name, "b")]).reject_repeats()

    assert refused.value.description == told
