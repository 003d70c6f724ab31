"""People of another system sign in here as they did there: with their old passwords, as the same subjects."""

import asyncio
import base64
import json
from pathlib import Path

import bcrypt
import pytest

from support.administration import FULL_SCOPE, Administration
from support.operator_cli import Operator, Outcome, environment_of
from support.relying_party import Person, RelyingParty
from support.repository import ROOT
from support.system import System
from support.systems import MakeParty
from support.tokens import claims_of
from valetkey.storage.postgres.tables.users import Users

REALM = ROOT / "tests" / "integration" / "cli" / "keycloak" / "staff-realm.json"
# Name, password there, subject there, groups.
PEOPLE = {
    "kc-ada": ("ada's old password", "01", ["/kc-engineering", "/kc-engineering/backend"]),
    "kc-grace": (
        "grace's old pässword",
        "02",
        ["/kc-engineering", "/kc-engineering/backend", "/kc-engineering/backend/on call", "/kc-finance"],
    ),
    "kc-edsger": ("edsger's old password", "03", ["/kc-engineering", "/kc-engineering/frontend"]),
}
DEX_SUBJECT = "CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBWxvY2Fs"


async def bring(system: System, *arguments: str, stdin: str = "") -> Outcome:
    operator = Operator(environment_of(system.settings_of("operator")))
    return await asyncio.to_thread(operator.succeed, "user", "import", *arguments, "-o", "json", stdin=stdin)


async def stored_hash(administration: Administration, name: str) -> str:
    async with administration.database() as database:
        found = await Users(database).find_by_login_name(name)
    assert found is not None
    assert found[1] is not None
    return found[1]


async def sign_in(make_party: MakeParty, administration: Administration, person: Person) -> RelyingParty:
    client = await administration.create_web_client(scope=(*FULL_SCOPE, "groups"))
    return await make_party(client, person)


@pytest.mark.requirement("import: people of a Keycloak realm sign in with their old passwords and the same sub")
async def test_people_of_a_keycloak_realm_sign_in_as_they_did(
    system: System, make_party: MakeParty, administration: Administration
) -> None:
    outcome = await bring(system, "--format", "keycloak", str(REALM))
    assert outcome.json["imported"] + outcome.json["unchanged"] == 5

    for name, (password, number, groups) in PEOPLE.items():
        before = await stored_hash(administration, name)
        subject = f"4f0c1a52-7d{number}-4e0b-9d3a-5a61c0a7b0{number}"
        party = await sign_in(make_party, administration, Person(name, password))

        first = await party.log_in(scope="openid groups offline_access")
        second = await party.refresh(first.refresh_token)
        claims = (await party.userinfo(second.access_token)).body
        again = await sign_in(make_party, administration, Person(f"{name}@STAFF.example", password))

        assert not before.startswith("$argon2id$v=19$m=8192,t=1,p=1$")
        assert claims_of(first.body["id_token"])["sub"] == claims["sub"] == subject
        assert claims["groups"] == groups
        assert (await stored_hash(administration, name)).startswith("$argon2id$v=19$m=8192,t=1,p=1$")
        assert claims_of((await again.log_in()).body["id_token"])["sub"] == subject


async def test_a_wrong_password_of_an_imported_person_is_refused_and_changes_nothing(
    system: System, make_party: MakeParty, administration: Administration
) -> None:
    line = {"username": "wrong-once", "password_hash": bcrypt.hashpw(b"right password", bcrypt.gensalt(4)).decode()}
    await bring(system, "-", stdin=json.dumps(line))
    before = await stored_hash(administration, "wrong-once")

    party = await sign_in(make_party, administration, Person("wrong-once", "another password"))
    answer = await party.sign_in(await party.start())

    assert answer.status == 403
    assert await stored_hash(administration, "wrong-once") == before


@pytest.mark.requirement("OIDC Core §2: a sub is at most 255 ASCII characters, and stays the user's")
@pytest.mark.parametrize(
    ("name", "sub"),
    [
        ("dex-admin", "CgVhZG1pbhIFbG9jYWw"),
        ("auth0-ada", "auth0|507f1f77bcf86cd799439020"),
        ("long-sub", "x" * 255),
        ("odd-sub", 'Ada <ada@example.org>, "quoted" & \\more/%00 ~'),
        ("upper-uuid", "4F0C1A52-7D99-4E0B-9D3A-5A61C0A7B099"),
    ],
)
async def test_a_given_subject_is_the_same_in_every_token_and_ends_with_the_user(
    system: System, make_party: MakeParty, administration: Administration, api: RelyingParty, name: str, sub: str
) -> None:
    password = "the old password"
    made = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
    line = {"username": name, "sub": sub, "password_hash": made, "claims": {"name": "Ada"}}
    await bring(system, "-", stdin=json.dumps(line))
    party = await sign_in(make_party, administration, Person(name, password))

    tokens = await party.log_in(scope="openid api:read offline_access")
    refreshed = await party.refresh(tokens.refresh_token)
    said = [
        *(claims_of(each.body["id_token"])["sub"] for each in (tokens, refreshed)),
        *(claims_of(each.access_token)["sub"] for each in (tokens, refreshed)),
        (await party.userinfo(refreshed.access_token)).body["sub"],
        (await api.introspect(refreshed.access_token)).body["sub"],
    ]
    assert said == [sub] * 6
    hinted = await party.start(prompt="none", id_token_hint=tokens.body["id_token"])
    assert "code=" in hinted.location
    demanded = await party.start(prompt="none", claims=json.dumps({"id_token": {"sub": {"value": sub}}}))
    assert "code=" in demanded.location

    operator = Operator(environment_of(system.settings_of("operator")))
    await asyncio.to_thread(operator.succeed, "user", "disable", sub)

    assert not (await api.introspect(refreshed.access_token)).active
    assert (await party.userinfo(refreshed.access_token)).status == 401
    assert (await party.refresh(refreshed.refresh_token)).error == "invalid_grant"


@pytest.mark.requirement("security 60: deleting and re-creating a user inherits nothing")
async def test_who_is_imported_again_after_a_deletion_inherits_no_token(
    system: System, make_party: MakeParty, administration: Administration, api: RelyingParty
) -> None:
    password = "the old password"
    line = json.dumps(
        {
            "username": "twice",
            "sub": "legacy|twice",
            "password_hash": bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode(),
        }
    )
    operator = Operator(environment_of(system.settings_of("operator")))
    await bring(system, "-", stdin=line)
    party = await sign_in(make_party, administration, Person("twice", password))
    old = await party.log_in(scope="openid api:read offline_access")

    await asyncio.to_thread(operator.succeed, "user", "delete", "twice", "--yes")
    await bring(system, "-", stdin=line)
    new = await (await sign_in(make_party, administration, Person("twice", password))).log_in(scope="openid api:read")

    assert not (await api.introspect(old.access_token)).active
    assert (await party.refresh(old.refresh_token)).error == "invalid_grant"
    assert (await api.introspect(new.access_token)).active
    assert (await party.userinfo(new.access_token)).body["sub"] == "legacy|twice"


async def test_a_person_of_dex_signs_in_with_the_same_subject(
    system: System, make_party: MakeParty, administration: Administration, tmp_path: Path
) -> None:
    made = bcrypt.hashpw(b"dex password", bcrypt.gensalt(10, prefix=b"2a")).decode()
    config = tmp_path / "dex.yaml"
    config.write_text(
        "issuer: http://127.0.0.1:5556/dex\nenablePasswordDB: true\nstaticPasswords:\n"
        f"- email: dex-person@example.com\n  hash: '{made}'\n  username: dex-person\n"
        "  userID: 08a8684b-db88-4b73-90a9-3cd1661f5466\n"
    )
    secret = base64.b64encode(made.encode()).decode()
    objects = {"kind": "List", "items": [{"kind": "Password", "email": "k@d.example", "hash": secret, "userID": "7"}]}

    first = await bring(system, "--format", "dex", str(config))
    second = await bring(system, "--format", "dex", "-", stdin=json.dumps(objects))
    party = await sign_in(make_party, administration, Person("dex-person@example.com", "dex password"))
    other = await sign_in(make_party, administration, Person("k@d.example", "dex password"))

    assert (first.json["imported"], second.json["imported"]) == (1, 1)
    assert claims_of((await party.log_in()).body["id_token"])["sub"] == DEX_SUBJECT
    assert claims_of((await other.log_in()).body["id_token"])["sub"] == "CgE3EgVsb2NhbA"
