"""One login through all services, as an independent collector sees it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from support.browser import query_of
from support.relying_party import RelyingParty
from support.rotel import Rotel, Span
from support.secret_search import Secrets
from support.systems import running_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.system import System
    from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

CALLERS_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SCOPE = "openid profile offline_access api:read"


@dataclass(frozen=True)
class Collected:
    """What the collector has got of a login, and what it must not have got."""

    spans: list[Span]
    text: str
    secrets: Secrets
    trace_id: str

    def server(self, name: str) -> Span:
        """The one server span of the login by this name."""
        (found,) = [span for span in self.login if span.name == name]
        return found

    @property
    def login(self) -> list[Span]:
        """The spans of the login's trace."""
        return [span for span in self.spans if span.trace_id == self.trace_id]

    def children(self, parent: Span, system: str) -> set[str]:
        """What this span did in PostgreSQL or Redis."""
        return {
            span.name
            for span in self.login
            if span.parent_id == parent.span_id and span.attributes.get("db.system.name") == system
        }


@pytest.fixture(scope="module")
def collected(
    postgres_server: EmbeddedPostgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Collected]:
    with Rotel(tmp_path_factory.mktemp("rotel")) as collector:
        changes = {"otlp_endpoint": f"{collector.endpoint}/v1/traces"}
        secrets = Secrets()
        with running_system(postgres_server, migrated_template, changes=changes) as system:
            trace_id = asyncio.run(log_in(system, secrets))
        collector.wait_for("POST /token")
        yield Collected(collector.spans, collector.text, secrets, trace_id)


async def log_in(system: System, secrets: Secrets) -> str:
    """A whole login, whatever is secret in it, and the trace id that the first answer told."""
    administration = system.administration
    await asyncio.to_thread(system.run, administration.create_catalog())
    client = await administration.create_web_client()
    person = await administration.create_user()
    party = RelyingParty(system.issuer, client, person)
    # A caller that tries to choose our trace.
    party.browser.headers["traceparent"] = CALLERS_TRACE
    secrets.add("client secret", client.client_secret or "")
    secrets.add("password", person.password)
    try:
        verifier, state = "v3r1f1er-c4n4ry-" * 3, "st4te-c4n4ry-" * 2
        params = party.request_params(verifier, state=state, scope=SCOPE)
        first = await party.browser.get(f"{system.issuer}/authorize", params)
        page = await party.browser.follow(first, within=system.issuer)
        secrets.add("interaction", query_of(first.location)["interaction"])
        wrong = await party.browser.submit(page, username=person.username, password="wr0ng-passw0rd-c4n4ry")
        secrets.add("wrong password", "wr0ng-passw0rd-c4n4ry")
        answer = await party.walk(await party.sign_in(wrong))
        params_back = query_of(answer.location)
        tokens = await party.token(
            "authorization_code", code=params_back["code"], code_verifier=verifier, redirect_uri=client.redirect_uri
        )
        assert tokens.status == 200, tokens.body
        assert (await party.introspect(tokens.access_token)).active
        assert (await party.refresh(tokens.refresh_token)).status == 200
    finally:
        await party.browser.close()
    secrets.add("verifier", verifier)
    secrets.add("state", state)
    secrets.add("code", params_back["code"])
    for name in ("access_token", "refresh_token", "id_token"):
        secrets.add(name, tokens.body[name])
    for name, value in party.browser.cookies.items():
        secrets.add(f"cookie {name}", value)
    assert tokens.headers["X-Trace-Id"] == first.headers["X-Trace-Id"]
    return first.headers["X-Trace-Id"]


def test_a_login_is_one_trace_from_authorize_to_token(collected: Collected) -> None:
    servers = [span for span in collected.login if span.fields["Kind"] == "SPAN_KIND_SERVER"]

    told = sorted((span.service, span.name) for span in servers)
    assert told == [
        ("valetkey-authorize", "GET /authorize"),
        ("valetkey-authorize", "GET /consent"),
        ("valetkey-authorize", "GET /login"),
        ("valetkey-authorize", "POST /consent"),
        ("valetkey-authorize", "POST /login"),
        ("valetkey-authorize", "POST /login"),
        ("valetkey-token", "POST /token"),
    ]


def test_each_step_is_the_child_of_the_one_that_left_it(collected: Collected) -> None:
    authorize, token = collected.server("GET /authorize"), collected.server("POST /token")
    logins = {span.span_id for span in collected.login if span.name == "POST /login"}

    assert authorize.parent_id == ""
    assert collected.server("GET /login").parent_id == authorize.span_id
    assert {span.parent_id for span in collected.login if span.name == "POST /login"} == {authorize.span_id}
    assert collected.server("GET /consent").parent_id in logins
    assert collected.server("POST /consent").parent_id in logins
    assert token.parent_id == collected.server("POST /consent").span_id


def test_the_trace_reaches_postgresql_and_redis(collected: Collected) -> None:
    authorize, token = collected.server("GET /authorize"), collected.server("POST /token")

    assert "interactions.put" in collected.children(authorize, "redis")
    assert "interactions.find" in collected.children(collected.server("GET /login"), "redis")
    assert {"interactions.take", "codes.put"} <= collected.children(collected.server("POST /consent"), "redis")
    assert "consents.add" in collected.children(collected.server("POST /consent"), "postgresql")
    assert "codes.consume" in collected.children(token, "redis")
    assert "authorizations.insert" in collected.children(token, "postgresql")


def test_spans_bear_the_stable_names(collected: Collected) -> None:
    token = collected.server("POST /token")
    statement = next(span for span in collected.login if span.name == "authorizations.insert")

    assert token.attributes == {
        "http.request.method": "POST",
        "http.route": "/token",
        "http.response.status_code": "200",
    }
    assert statement.fields["Kind"] == "SPAN_KIND_CLIENT"
    assert statement.attributes["db.system.name"] == "postgresql"
    assert statement.attributes["db.operation.name"] == "authorizations.insert"
    assert statement.attributes["db.namespace"].startswith("system_")
    assert statement.attributes["server.address"]
    assert {"service.version", "service.namespace", "service.instance.id"} <= set(token.resource)


@pytest.mark.requirement("security 48: nothing that a caller sends becomes our trace")
def test_the_callers_span_is_linked_and_chooses_nothing(collected: Collected) -> None:
    callers_trace = CALLERS_TRACE.split("-")[1]

    assert all(span.trace_id != callers_trace for span in collected.spans)
    assert {tuple(span.linked_traces) for span in collected.login if span.service == "valetkey-authorize"} >= {
        (callers_trace,)
    }


def test_what_is_no_login_is_a_trace_of_its_own(collected: Collected) -> None:
    others = [span for span in collected.spans if span.trace_id != collected.trace_id and not span.parent_id]

    assert {"POST /introspect", "POST /token"} <= {span.name for span in others}


@pytest.mark.requirement("security 51: no secret in spans")
def test_no_secret_reaches_the_collector(collected: Collected) -> None:
    assert len(collected.secrets.values) >= 12
    assert len(collected.spans) > 20

    assert collected.secrets.found_in(collected.text) == set()
