"""The table of claims: what operators may write, what scopes open, and that one row is all that a claim takes."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from valetkey.administration.registration import new_client
from valetkey.core.authentication.user import User
from valetkey.core.oauth.scope import OFFLINE_ACCESS, OPENID, USER_SCOPES
from valetkey.core.oidc.claims.registry import CLAIM, CLAIMS, parse_attribute
from valetkey.core.oidc.claims.release import userinfo_claims
from valetkey.core.oidc.claims.reserved import RESERVED_CLAIMS
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS

ADA = User(
    subject=uuid4(),
    username="ada",
    email="ada@example.com",
    email_verified=True,
    enabled=True,
    valid_since=datetime(2026, 1, 1, tzinfo=UTC),
    updated_at=datetime(2026, 1, 2, tzinfo=UTC),
)
WEB = new_client("web", {})
ADDRESS = {"street_address": "12 Rue de la Paix\n2e étage", "locality": "Paris", "country": "France"}
GOOD: dict[str, list[str]] = {
    "name": ["Ada Lovelace", "7", "null", '"Ada"'],
    "given_name": ["Ada"],
    "family_name": ["Lovelace"],
    "middle_name": ["King"],
    "nickname": ["true"],
    "profile": ["https://ada.example/"],
    "picture": ["https://ada.example/a.png?size=64"],
    "website": ["https://ada.example:8443"],
    "gender": ["female"],
    "birthdate": ["1815-12-10", "0000-02-29", "1815"],
    "zoneinfo": ["Europe/London", "UTC", "America/Argentina/Buenos_Aires"],
    "locale": ["en", "pt-BR", "zh-Hans-CN", "en_GB", "es-419"],
    "address": [json.dumps(ADDRESS), '{"formatted": "a\\r\\nb"}'],
    "phone_number": ["+12025550100", "+442071838750;ext=12"],
    "phone_number_verified": ["true", "false"],
}
NO_TEXT = ["", " ", "a\nb", "x" * 256, "a\u202eb"]
NO_PAGE = ["http://ada.example/", "javascript:x", "ada.example", "", "https://", "https://a b"]
BAD: dict[str, list[str]] = {
    **dict.fromkeys(("name", "given_name", "family_name", "middle_name", "nickname", "gender"), NO_TEXT),
    **dict.fromkeys(("profile", "picture", "website"), NO_PAGE),
    "birthdate": ["1815-13-10", "1815-02-29", "10.12.1815", "0000", "0000-02-30", "15-12-10", "1815-12", ""],
    "zoneinfo": ["Europe/Londn", "+01:00", "", "../etc/passwd"],
    "locale": ["english language", "e", "", "en-", "en--GB"],
    "address": [
        "Paris",
        "[]",
        "{}",
        '{"city": "Paris"}',
        '{"locality": 1}',
        '{"locality": ""}',
        "",
        '{"country": null}',
    ],
    "phone_number": ["2025550100", "+0", "+1 202 555 0100", "+1202555010012345", ""],
    "phone_number_verified": ["yes", "1", "True", "", "null"],
}
WORDS = {"birthdate": "0000-MM-DD", "zoneinfo": "tz database", "locale": "BCP 47", "address": "street_address"}


def test_the_matrix_has_every_attribute() -> None:
    assert set(GOOD) == set(BAD) == set(STANDARD_CLAIMS.attributes)
    assert len(CLAIM) == len(CLAIMS)


@pytest.mark.requirement("OIDC Core §5.1: the types and formats of standard claims")
@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in GOOD.items() for text in texts])
def test_a_good_value_is_taken(name: str, text: str) -> None:
    value = parse_attribute(CLAIM[name], text)

    assert CLAIM[name].check(value) is None
    assert value == (text if isinstance(value, str) else json.loads(text))


@pytest.mark.requirement("OIDC Core §5.1: the types and formats of standard claims")
@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_nonsense_is_refused_with_what_to_write(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: write ") as refusal:
        parse_attribute(CLAIM[name], text)

    assert WORDS.get(name, "") in str(refusal.value)


@pytest.mark.requirement("OIDC Core §5.4: scopes open claims")
@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        ("address", {"address"}),
        ("phone", {"phone_number", "phone_number_verified"}),
        ("email", {"email", "email_verified"}),
        ("groups", {"groups"}),
        ("profile", {"name", "preferred_username", "updated_at"}),
        ("orders", set()),
    ],
)
def test_a_scope_opens_its_claims(scope: str, claims: set[str]) -> None:
    attributes = {"name": "Ada", "address": ADDRESS, "phone_number": "+1", "phone_number_verified": False}

    user = replace(ADA, claims=attributes, groups=("ops",))

    answer = userinfo_claims(WEB, STANDARD_CLAIMS, user, ("openid", scope), ())

    assert set(answer) == claims | {"sub"}
    assert answer.get("address", ADDRESS) == ADDRESS
    assert answer.get("groups", ["ops"]) == ["ops"]
    assert answer.get("updated_at", 1767312000) == 1767312000


def test_what_is_stored_and_would_be_refused_today_is_served_as_before() -> None:
    stored = {"birthdate": "in spring", "zoneinfo": 7, "picture": "http://a.example", "locale": "english language"}

    answer = userinfo_claims(WEB, STANDARD_CLAIMS, replace(ADA, claims=stored), ("openid", "profile"), ())

    assert {name: answer[name] for name in stored} == stored


@pytest.mark.requirement("OIDC Core §5.3.2: a claim without a value is left out")
@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_an_empty_value_is_left_out(empty: object) -> None:
    attributes = {"name": empty, "nickname": "A"}

    answer = userinfo_claims(WEB, STANDARD_CLAIMS, replace(ADA, claims=attributes), ("profile",), ())

    assert "name" not in answer
    assert answer["nickname"] == "A"


@pytest.mark.requirement("security 35: reserved claims cannot be overridden by user attributes")
def test_no_claim_about_users_is_reserved() -> None:
    assert not RESERVED_CLAIMS & set(CLAIM)


def test_every_scope_of_the_table_is_about_the_user() -> None:
    assert {claim.scope for claim in CLAIMS} | {OPENID, OFFLINE_ACCESS} == USER_SCOPES


# A process of its own, in which the table has one line more before anything reads it.
WITH_ONE_LINE_MORE = """
import importlib.util, json, sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

NAME = "valetkey.core.oidc.claims.registry"
FIRST = "CLAIMS: tuple[Claim, ...] = (\\n"
source = Path(importlib.util.find_spec(NAME).origin).read_text(encoding="utf-8")
assert source.count(FIRST) == 1
changed = Path(sys.argv[1])
changed.write_text(source.replace(FIRST, FIRST + sys.argv[2] + "\\n"), encoding="utf-8")
spec = importlib.util.spec_from_file_location(NAME, changed)
registry = sys.modules[NAME] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(registry)

from valetkey.authorize.consent.claim_words import claim_words
from valetkey.administration.user_attributes import parse_attributes
from valetkey.core.authentication.user import User
from valetkey.administration.registration import new_client
from valetkey.core.oauth.server_metadata import authorization_server_metadata
from valetkey.core.oidc.claims.release import userinfo_claims
from valetkey.core.oidc.claims.request import parse_claims_request
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS

now = datetime.now(UTC)
user = User(uuid4(), "ada", None, False, True, now, now, parse_attributes({"shoe_size": "38"}, STANDARD_CLAIMS))
refused = ""
try:
    parse_attributes({"shoe_size": " "}, STANDARD_CLAIMS)
except ValueError as error:
    refused = str(error)
print(json.dumps({
    "words": claim_words("shoe_size"),
    "requested": parse_claims_request('{"id_token": {"shoe_size": null}}', STANDARD_CLAIMS.names).id_token,
    "published": "shoe_size" in authorization_server_metadata("https://id.example", ())["claims_supported"],
    "served": userinfo_claims(new_client("web", {}), STANDARD_CLAIMS, user, ("openid", "profile"), ()).get("shoe_size"),
    "refused": refused,
}))
"""


@pytest.mark.requirement("architecture 1: a claim is one line")
def test_a_claim_is_one_line(tmp_path: Path) -> None:
    line = '    Claim("shoe_size", PROFILE, "Your shoe size"),'

    answer = subprocess.run(
        [sys.executable, "-c", WITH_ONE_LINE_MORE, tmp_path / "registry.py", line],
        capture_output=True,
        check=True,
        text=True,
    )

    assert json.loads(answer.stdout) == {
        "words": "Your shoe size",
        "requested": ["shoe_size"],
        "published": True,
        "served": "38",
        "refused": "shoe_size: write 1 to 255 printable characters",
    }
