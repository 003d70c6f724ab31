"""``valetkey doctor`` about clients that an earlier release has let in with what this one refuses."""

import asyncio
from typing import Any

import pytest

from support.legacy import put_legacy_client
from support.operator_cli import Operator
from valetkey.cli.exit_code import ExitCode

ISSUER = "https://id.example"
SUBJECT = "8b5b7b6e-6a6c-4a51-9d5f-5a0e7f2d6c11"
LEGACY: dict[str, tuple[str, dict[str, object], str]] = {
    "a name like a user's": (SUBJECT, {}, f"{SUBJECT}: client_id: a UUID could be taken"),
    "a redirect URI with a response parameter": (
        "web",
        {"redirect_uris": ["https://web.example/cb?c%6fde=1"], "grant_types": ["authorization_code"]},
        "web: redirect_uris: https://web.example/cb?c%6fde=1 must not have a query parameter",
    ),
    "a post-logout redirect URI with a response parameter": (
        "web",
        {"post_logout_redirect_uris": ["https://web.example/out?a=1;STATE"]},
        "web: post_logout_redirect_uris: https://web.example/out?a=1;STATE must not",
    ),
    "the issuer's name in another spelling": (
        "api",
        {"resource": "HTTPS://ID.example:443/"},
        "api: resource: HTTPS://ID.example:443/ names the issuer",
    ),
}


def findings(operator: Operator) -> dict[str, dict[str, Any]]:
    return {finding["check"]: finding for finding in operator.run("doctor", "-o", "json").json}


@pytest.mark.parametrize("name", LEGACY)
def test_what_would_be_refused_today_is_named(operator: Operator, postgres_dsn: str, name: str) -> None:
    client_id, columns, told = LEGACY[name]
    asyncio.run(put_legacy_client(postgres_dsn, client_id, **columns))

    found = findings(operator)["clients"]

    assert found["status"] == "warning"
    assert told in found["detail"]
    assert found["next_step"]


def test_a_resource_server_that_is_the_issuer_is_a_fault(operator: Operator, postgres_dsn: str) -> None:
    asyncio.run(put_legacy_client(postgres_dsn, "api", resource=ISSUER, client_name="Reports"))

    outcome = operator.run("doctor", "-o", "json")

    found = {finding["check"]: finding for finding in outcome.json}
    assert outcome.exit_code == ExitCode.REFUSED
    assert found["resources"]["status"] == "failed"
    assert "Reports calls itself by the issuer's name" in found["resources"]["detail"]
    assert "--resource" in found["resources"]["next_step"]


def test_what_is_registered_as_it_should_be_is_well(operator: Operator) -> None:
    operator.succeed("client", "create", "api", "--resource", "https://api.example")

    assert findings(operator)["clients"]["status"] == "ok"


@pytest.mark.parametrize("option", ["--disable", "--enable"])
def test_such_a_client_can_be_ended_all_the_same(operator: Operator, postgres_dsn: str, option: str) -> None:
    columns = {"redirect_uris": ["https://web.example/cb?c%6fde=1"], "grant_types": ["authorization_code"]}
    asyncio.run(put_legacy_client(postgres_dsn, "web", **columns))

    ended = operator.run("client", "update", "web", option)
    changed = operator.run("client", "update", "web", "--name", "Shop")

    assert ended.exit_code == ExitCode.OK
    assert changed.exit_code == ExitCode.REFUSED


def test_who_is_let_off_pkce_is_named(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    web = ("client", "create", "web", "--redirect-uri", "https://web.example/cb")
    operator.succeed(*web, "--pkce", "optional")

    found, shown = findings(operator), operator.json("client", "get", "web")
    monkeypatch.setenv("VALETKEY_PKCE_EXCEPTIONS", "false")
    forbidden, held = findings(operator), operator.json("client", "get", "web")
    refused = operator.run("client", "update", "web", "--name", "Shop")
    public = operator.run("client", "create", "spa", "--auth-method", "none", *web[3:], "--pkce", "optional")

    assert (found["pkce"]["status"], found["pkce"]["detail"]) == ("warning", "not required of web")
    assert found["clients"]["status"] == "ok"
    assert [rule for rule in shown["rules"] if rule.startswith("pkce: a nonce will do")]
    assert "pkce" not in forbidden
    assert "web: pkce: this installation permits no exceptions" in forbidden["clients"]["detail"]
    assert [rule for rule in held["rules"] if rule.startswith("pkce: required, because the installation")]
    assert "VALETKEY_PKCE_EXCEPTIONS" in refused.err
    assert "pkce: a public client always needs it" in public.err
