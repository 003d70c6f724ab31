"""``valetkey client`` and ``valetkey scope``."""

import stat
from pathlib import Path

import pytest

from support.operator_cli import Operator
from valetkey.cli.exit_code import ExitCode

API = "https://api.example"
WEB = ("client", "create", "web", "--redirect-uri", "https://web.example/cb", "--scope", "openid")


def create_api(operator: Operator) -> None:
    operator.succeed("client", "create", "api", "--resource", API)
    operator.succeed("scope", "create", "api:read", "--description", "Read things", "--resource", API)


def test_a_client_is_registered_as_it_was_described(operator: Operator) -> None:
    create_api(operator)

    operator.succeed(
        *(*WEB, "--name", "The shop", "--scope", "api:read", "--auth-method", "client_secret_post"),
        *("--grant-type", "authorization_code", "--grant-type", "refresh_token", "--allow-resource", API),
        *("--post-logout-redirect-uri", "https://web.example/", "--id-token-alg", "RS256", "--default-max-age", "60"),
        *("--client-uri", "https://web.example", "--policy-uri", "https://web.example/p"),
        *("--tos-uri", "https://web.example/t"),
    )

    client = operator.json("client", "get", "web")
    rules = client.pop("rules")
    times = {name: client.pop(name) for name in ("created_at", "updated_at")}
    assert all(times.values())
    assert "pkce: required, as of every client unless its registration says otherwise" in rules
    assert client == {
        "client_id": "web",
        "client_name": "The shop",
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://web.example/cb"],
        "post_logout_redirect_uris": ["https://web.example/"],
        "scope": "openid api:read",
        "resources": [API],
        "resource": None,
        "id_token_signed_response_alg": "RS256",
        "default_max_age": 60,
        "client_uri": "https://web.example",
        "policy_uri": "https://web.example/p",
        "tos_uri": "https://web.example/t",
        "logo_uri": None,
        "contacts": [],
        "software_id": None,
        "access_token_typ": "at+jwt",
        "application_type": "web",
        "audience_parameter": None,
        "pkce": "required",
        "consent": None,
        "allowed_groups": [],
        "required_acr": None,
        "id_token_claims": "scopes",
        "claim_policy": None,
        "enabled": True,
        "secrets": [{"expires_at": None}],
        "managed_by": None,
    }


def test_a_client_without_a_name_gets_one(operator: Operator) -> None:
    first = operator.json("client", "create", "--resource", "https://a.example")["client_id"]
    second = operator.json("client", "create", "--resource", "https://b.example")["client_id"]

    assert len(first) == 16
    assert first != second


@pytest.mark.requirement("security 51: a secret is shown once")
def test_a_secret_is_shown_once(operator: Operator) -> None:
    created = operator.json(*WEB)["client_secret"]

    everything = [operator.succeed("client", "get", "web"), operator.succeed("client", "list", "-o", "json")]

    assert len(created) == 43
    assert all(created not in outcome.out + outcome.err for outcome in everything)


def test_a_secret_goes_to_a_file_and_nowhere_else(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "web.secret"

    created = operator.succeed(*WEB, "--secret-file", str(path), "-o", "json")

    assert created.json["client_secret_file"] == str(path)
    assert "client_secret" not in created.json
    assert path.read_text() not in created.out + created.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_public_client_has_no_secret(operator: Operator, tmp_path: Path) -> None:
    created = operator.json(*WEB, "--auth-method", "none")
    with_file = operator.run(*WEB, "--auth-method", "none", "--secret-file", str(tmp_path / "x"))
    rotated = operator.run("client", "rotate-secret", "web")

    assert "client_secret" not in created
    assert created["secrets"] == []
    assert with_file.exit_code == ExitCode.USAGE
    assert rotated.exit_code == ExitCode.REFUSED


def test_a_name_that_is_taken_is_a_conflict_and_leaves_no_file(operator: Operator, tmp_path: Path) -> None:
    operator.succeed(*WEB)

    again = operator.run(*WEB, "--secret-file", str(tmp_path / "web.secret"))

    assert again.exit_code == ExitCode.CONFLICT
    assert again.out == ""
    assert not list(tmp_path.iterdir())
    assert [event["outcome"] for event in again.events] == ["failure"]


def test_every_problem_is_reported_at_once(operator: Operator) -> None:
    refused = operator.run(
        *("client", "create", "bad id", "--redirect-uri", "http://a.example", "--scope", "nope"),
        *("--auth-method", "none", "--grant-type", "client_credentials"),
    )

    assert refused.exit_code == ExitCode.REFUSED
    for word in ("client_id:", "redirect_uris:", "scope:", "grant_types:"):
        assert word in refused.err
    assert operator.json("client", "list") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("client", "get", "unknown"),
        ("client", "update", "unknown", "--name", "x"),
        ("client", "delete", "unknown", "--yes"),
        ("client", "rotate-secret", "unknown"),
        ("scope", "delete", "nothing", "--yes"),
    ],
)
def test_what_is_not_there_is_not_found(operator: Operator, arguments: tuple[str, ...]) -> None:
    outcome = operator.run(*arguments)

    assert outcome.exit_code == ExitCode.NOT_FOUND
    assert "list" in outcome.err


def test_an_update_changes_what_is_given_and_nothing_else(operator: Operator) -> None:
    operator.succeed(*WEB, "--policy-uri", "https://web.example/p")
    before = operator.json("client", "get", "web")

    after = operator.json(
        *("client", "update", "web", "--redirect-uri", "https://web.example/new", "--clear", "policy_uri"),
    )

    changed = {name for name in after if after[name] != before[name]}
    assert changed - {"updated_at"} == {"redirect_uris", "policy_uri"}
    assert after["redirect_uris"] == ["https://web.example/new"]


def test_a_new_client_is_shown_with_its_rules_as_it_is_later(operator: Operator) -> None:
    created = operator.json("client", "create", "web", "--redirect-uri", "https://web.example/callback")

    assert created["rules"] == operator.json("client", "get", "web")["rules"]
    assert created["rules"]


def test_an_update_that_would_break_the_rules_is_refused(operator: Operator) -> None:
    operator.succeed(*WEB)

    refused = operator.run("client", "update", "web", "--clear", "redirect_uris")
    public = operator.run("client", "update", "web", "--auth-method", "none")
    both = operator.run("client", "update", "web", "--scope", "openid", "--clear", "scope")

    assert refused.exit_code == public.exit_code == ExitCode.REFUSED
    assert both.exit_code == ExitCode.USAGE
    assert operator.json("client", "get", "web")["redirect_uris"] == ["https://web.example/cb"]


def test_a_client_is_disabled_and_enabled(operator: Operator) -> None:
    operator.succeed(*WEB)

    disabled = operator.succeed("client", "update", "web", "--disable", "-o", "json")
    enabled = operator.succeed("client", "update", "web", "--enable", "-o", "json")

    assert (disabled.json["enabled"], enabled.json["enabled"]) == (False, True)
    assert [event["type"] for event in disabled.events + enabled.events] == ["client.disabled", "client.enabled"]


def test_rotation_overlaps_and_shows_the_new_secret_once(operator: Operator) -> None:
    first = operator.json(*WEB)["client_secret"]

    rotated = operator.json("client", "rotate-secret", "web", "--overlap", "2h")
    held = operator.json("client", "get", "web")["secrets"]

    assert rotated["client_secret"] not in (first, None)
    assert [secret["expires_at"] for secret in held] == [None, rotated["previous_secret_expires_at"]]


def test_a_leaked_secret_stops_counting_at_once(operator: Operator) -> None:
    operator.succeed(*WEB)

    operator.succeed("client", "rotate-secret", "web", "--overlap", "0")

    assert operator.json("client", "get", "web")["secrets"] == [{"expires_at": None}]


def test_deleting_asks_first(operator: Operator) -> None:
    operator.succeed(*WEB)

    refused = operator.run("client", "delete", "web", stdin="n\n")
    kept = operator.run("client", "get", "web")
    deleted = operator.run("client", "delete", "web", stdin="y\n")
    gone = operator.run("client", "get", "web")

    assert (refused.exit_code, kept.exit_code) == (ExitCode.REFUSED, ExitCode.OK)
    assert (deleted.exit_code, gone.exit_code) == (ExitCode.OK, ExitCode.NOT_FOUND)


def test_a_scope_is_registered_once_and_belongs_to_a_resource_server(operator: Operator) -> None:
    create_api(operator)

    again = operator.run("scope", "create", "api:read", "--description", "x")
    homeless = operator.run("scope", "create", "s", "--description", "x", "--resource", "https://nowhere.example")
    mine = operator.run("scope", "create", "openid2", "--description", "\x1b[2J")
    listed = {scope["name"]: scope for scope in operator.json("scope", "list")}

    assert again.exit_code == homeless.exit_code == ExitCode.CONFLICT
    assert mine.exit_code == ExitCode.REFUSED
    assert listed["api:read"] == {"name": "api:read", "description": "Read things", "translations": {}, "resource": API}
    assert {"openid", "profile", "email", "offline_access"} < set(listed)


def test_a_scope_is_deleted_and_those_of_openid_connect_stay(operator: Operator) -> None:
    create_api(operator)
    operator.succeed(*WEB, "--scope", "api:read")

    deleted = operator.run("scope", "delete", "api:read", stdin="y\n")
    refused = operator.run("scope", "delete", "openid", "--yes")

    assert deleted.exit_code == ExitCode.OK
    assert "web" in deleted.err
    assert refused.exit_code == ExitCode.REFUSED
    assert "api:read" not in {scope["name"] for scope in operator.json("scope", "list")}


def test_a_redis_that_is_away_ends_nothing(operator: Operator) -> None:
    operator.succeed(*WEB)

    away = operator.with_variables(redis_url="redis://127.0.0.1:1").run("client", "delete", "web", "--yes")
    unset = operator.with_variables(redis_url="").run("client", "delete", "web", "--yes")

    assert away.exit_code == ExitCode.UNAVAILABLE
    assert unset.exit_code == ExitCode.CONFIGURATION
    assert operator.json("client", "get", "web")["enabled"] is True


def test_operators_are_named_in_the_audit_events(operator: Operator) -> None:
    (event,) = operator.succeed(*WEB).events

    assert (event["type"], event["outcome"], event["client_id"]) == ("client.created", "success", "web")
    assert event["actor"]
    assert event["service"] == "cli"


ISSUER = "https://id.example"


@pytest.mark.requirement("RFC 9068 §3: the issuer as the audience means no resource server")
@pytest.mark.parametrize("resource", [ISSUER, f"{ISSUER}/", "HTTPS://ID.example:443/./", "https://id%2Eexample"])
def test_no_client_is_registered_by_the_issuers_name(operator: Operator, tmp_path: Path, resource: str) -> None:
    create_api(operator)
    file = tmp_path / "clients.yaml"
    file.write_text(f"clients: [{{client_id: api, resource: '{resource}', client_name: API}}]")

    created = operator.run("client", "create", "other", "--resource", resource)
    updated = operator.run("client", "update", "api", "--resource", resource)
    applied = operator.run("client", "apply", "-f", str(file), "--adopt", "--yes")
    elsewhere = operator.with_variables(issuer="").run("client", "create", "other", "--resource", resource)

    for outcome in (created, updated, applied):
        assert outcome.exit_code == ExitCode.REFUSED
        assert "names the issuer" in outcome.err
    assert elsewhere.exit_code == ExitCode.OK


@pytest.mark.requirement("security 4: exactly one code, state, iss in the result, in whatever encoding")
@pytest.mark.parametrize("option", ["--redirect-uri", "--post-logout-redirect-uri"])
@pytest.mark.parametrize("query", ["c%6fde=1", "a=1;STATE", "st%2561te"])
def test_no_redirect_uri_holds_a_parameter_of_a_response(operator: Operator, option: str, query: str) -> None:
    operator.succeed(*WEB)
    uri = f"https://web.example/cb?{query}"

    created = operator.run("client", "create", "other", "--redirect-uri", "https://web.example/cb", option, uri)
    updated = operator.run("client", "update", "web", option, uri)

    for outcome in (created, updated):
        assert outcome.exit_code == ExitCode.REFUSED
        assert "an authorization response uses" in outcome.err


SUBJECT = "8b5b7b6e-6a6c-4a51-9d5f-5a0e7f2d6c11"


@pytest.mark.requirement("RFC 9700 §4.15: no client is called like a user")
@pytest.mark.parametrize("client_id", [SUBJECT, SUBJECT.upper(), SUBJECT.replace("-", ""), SUBJECT.replace("-", "_")])
def test_no_new_client_is_called_like_a_user(operator: Operator, tmp_path: Path, client_id: str) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(f"clients: [{{client_id: '{client_id}', resource: '{API}'}}]")

    created = operator.run("client", "create", client_id, "--resource", API)
    applied = operator.run("client", "apply", "-f", str(file), "--secrets-directory", str(tmp_path), "--yes")

    for outcome in (created, applied):
        assert outcome.exit_code == ExitCode.REFUSED
        assert "client_id: a UUID could be taken for the subject of a user" in outcome.err
    assert operator.json("client", "list") == []


def test_a_scope_is_given_other_words_and_another_resource_server(operator: Operator) -> None:
    operator.succeed("client", "create", "api", "--resource", API)
    operator.succeed("scope", "create", "read", "--description", "Read things")

    described = operator.json("scope", "update", "read", "--description", "Read your things")
    moved = operator.json("scope", "update", "read", "--resource", API)
    freed = operator.json("scope", "update", "read", "--remove-resource")

    assert described == {"name": "read", "description": "Read your things", "translations": {}, "resource": None}
    assert moved == {"name": "read", "description": "Read your things", "translations": {}, "resource": API}
    assert freed == described


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("nothing", "--description", "x"), ExitCode.NOT_FOUND, "There is no scope nothing"),
        (("read",), ExitCode.USAGE, "Give --description"),
        (("read", "--resource", "https://a.example", "--remove-resource"), ExitCode.USAGE, "not both"),
        (("read", "--resource", "https://a.example"), ExitCode.CONFLICT, "No client is the resource server"),
        (("read", "--description", " "), ExitCode.REFUSED, "description: use 1 to 200 printable characters"),
        (("openid", "--resource", "https://a.example"), ExitCode.REFUSED, "openid is about the user"),
    ],
)
def test_a_change_of_a_scope_that_cannot_be_is_refused(
    operator: Operator, arguments: tuple[str, ...], exit_code: ExitCode, words: str
) -> None:
    operator.succeed("scope", "create", "read", "--description", "Read things")

    refused = operator.run("scope", "update", *arguments)

    assert refused.exit_code == exit_code
    assert words in " ".join(refused.err.split())
    (kept,) = [scope for scope in operator.json("scope", "list") if scope["name"] == "read"]
    assert kept == {"name": "read", "description": "Read things", "translations": {}, "resource": None}
