"""What every command prints of hostile text in stores, answers of servers, arguments and variables."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from support.hostile_text import CONTROLS, HOSTILE, PLANTED, STORABLE, hidden_in, write_hostile_exports
from support.kubernetes_api import KubernetesApi
from support.operator_cli import Operator, Outcome
from valetkey.cli.command_table import commands
from valetkey.cli.exit_code import ExitCode
from valetkey.core.jose.sign import generate_private_key, kid_of, public_jwk

# A client_id is ASCII, and what is not is looked for nowhere.
CLIENT_ID = f"web{''.join(filter(str.isascii, CONTROLS))}"
SUBJECT = UUID("8b5b7b6e-6a6c-4a51-9d5f-5a0e7f2d6c11")
SESSION_ID = UUID("5f0c8f0e-6e0e-4b0e-9d8e-0a9d1f6f2c11")
UNDECODABLE = "\udcff"

NOTHING_FROM_OUTSIDE = {
    "valetkey demo": "runs until it is stopped, and shows what it made itself",
    "valetkey serve all": "as serve authorize",
    "valetkey serve authorize": "runs until it is stopped; its log is escaped where it is written",
    "valetkey serve introspection": "as serve authorize",
    "valetkey serve mailer": "as serve authorize",
    "valetkey serve token": "as serve authorize",
    "valetkey completion": "prints a script of our own",
}
SUBJECT_TEXT = str(SUBJECT)
OF_STORES: dict[str, list[tuple[str, ...]]] = {
    "valetkey migrate status": [()],
    "valetkey migrate up": [()],
    "valetkey rotate-keys": [()],
    "valetkey keys list": [()],
    "valetkey keys rotate": [("--early",)],
    "valetkey keys retire": [(STORABLE, "--yes"), (f"x{STORABLE}",), (UNDECODABLE,)],
    "valetkey client apply": [
        ("-f", "{file}", "--yes"),
        ("-f", "{file}", "--owner", STORABLE, "--adopt", "--yes"),
        ("-f", "{file}", "--owner", UNDECODABLE),
        ("-f", "{folder}/" + STORABLE.replace("/", "")),
    ],
    "valetkey client create": [
        (f"y{CLIENT_ID}", "--resource", STORABLE),
        ("new", "--name", STORABLE, "--resource", "https://new.example"),
        ("new", "--scope", STORABLE, "--redirect-uri", STORABLE),
        ("new", "--redirect-uri", UNDECODABLE),
    ],
    "valetkey client delete": [(CLIENT_ID, "--yes"), (CLIENT_ID, "--yes", "--force"), (STORABLE,), (UNDECODABLE,)],
    "valetkey client get": [(CLIENT_ID,), (STORABLE,), (UNDECODABLE,)],
    "valetkey client list": [(), ("--owner", STORABLE), ("--owner", UNDECODABLE)],
    "valetkey client rotate-secret": [(CLIENT_ID,), (CLIENT_ID, "--force"), (STORABLE,)],
    "valetkey client update": [
        (CLIENT_ID,),
        (CLIENT_ID, "--force", "--name", "Shop"),
        (CLIENT_ID, "--force", "--disable"),
    ],
    "valetkey scope create": [
        (STORABLE, "--description", "x"),
        ("new", "--description", STORABLE),
        ("new", "--description", "x", "--resource", STORABLE),
        ("new", "--description", "x", "--resource", UNDECODABLE),
    ],
    "valetkey scope delete": [(STORABLE, "--yes"), (f"x{STORABLE}", "--yes"), (UNDECODABLE, "--yes")],
    "valetkey scope list": [()],
    "valetkey scope update": [(STORABLE, "--resource", STORABLE), (STORABLE, "--description", UNDECODABLE)],
    "valetkey group add": [("staff", "--user", STORABLE), (STORABLE, "--group", "staff"), (UNDECODABLE, "--user", "x")],
    "valetkey group create": [
        (STORABLE,),
        ("new", "--display-name", STORABLE),
        ("newer", "--description", STORABLE),
        (UNDECODABLE,),
    ],
    "valetkey group delete": [(STORABLE, "--yes"), (f"x{STORABLE}", "--yes"), (UNDECODABLE, "--yes")],
    "valetkey group get": [(STORABLE,), ("staff",), (UNDECODABLE,)],
    "valetkey group list": [()],
    "valetkey group remove": [("staff", "--user", STORABLE), (STORABLE, "--group", "staff")],
    "valetkey group update": [("staff", "--description", STORABLE), (STORABLE, "--display-name", "x")],
    "valetkey attribute create": [
        (STORABLE, "--scope", "profile"),
        ("new", "--scope", STORABLE),
        ("new", "--claim", STORABLE, "--scope", "profile"),
        (UNDECODABLE, "--scope", "profile"),
    ],
    "valetkey attribute delete": [(STORABLE, "--yes"), (UNDECODABLE, "--yes")],
    "valetkey attribute list": [()],
    "valetkey mail list": [(), ("--state", STORABLE), ("--state", UNDECODABLE)],
    "valetkey mail retry": [(SUBJECT_TEXT,), (STORABLE,), (UNDECODABLE,)],
    "valetkey mail test": [("--to", STORABLE), ("--to", UNDECODABLE)],
    "valetkey user create": [
        (STORABLE, "--generate-password"),
        ("eve", "--email", STORABLE, "--generate-password"),
        ("eve", "--claim", f"name={STORABLE}", "--generate-password"),
        ("eve", "--claim", f"name={UNDECODABLE}", "--generate-password"),
        ("eve", "--claim", f"{STORABLE}=x"),
        ("ada", "--if-absent", "--generate-password"),
    ],
    "valetkey user credentials list": [(SUBJECT_TEXT,), (STORABLE,), (UNDECODABLE,)],
    "valetkey user credentials remove": [
        (SUBJECT_TEXT, "--method", "totp", "--yes"),
        (STORABLE, SUBJECT_TEXT),
        (UNDECODABLE, "--method", "totp"),
    ],
    "valetkey user delete": [(SUBJECT_TEXT, "--yes"), (STORABLE,), (UNDECODABLE,)],
    "valetkey user disable": [(SUBJECT_TEXT,)],
    "valetkey user enable": [(SUBJECT_TEXT,)],
    "valetkey user get": [(SUBJECT_TEXT,), (STORABLE,), (UNDECODABLE,)],
    "valetkey user import": [
        ("{folder}/hostile.jsonl", "--on-error", "continue"),
        ("{folder}/hostile.json", "--format", "keycloak", "--on-error", "continue"),
        ("{folder}/hostile.json", "--format", "dex", "--on-error", "continue"),
        ("{folder}/hostile.json", "--format", "authentik", "--on-error", "continue"),
        ("{folder}/" + STORABLE.replace("/", ""),),
    ],
    "valetkey user list": [
        (),
        (STORABLE,),
        ("--after", STORABLE),
        ("--limit", "1"),
        ("--group", STORABLE),
        (UNDECODABLE,),
    ],
    "valetkey user set-password": [(SUBJECT_TEXT, "--generate-password")],
    "valetkey user reset-link": [(SUBJECT_TEXT,), (STORABLE,), (UNDECODABLE,)],
    "valetkey user unlock": [(SUBJECT_TEXT,), (STORABLE,), (UNDECODABLE,)],
    "valetkey user update": [
        (SUBJECT_TEXT, "--claim", f"name={STORABLE}"),
        (STORABLE, "--email", UNDECODABLE),
        (SUBJECT_TEXT, "--remove-claim", UNDECODABLE, "--claim", f"zoneinfo={STORABLE}"),
    ],
    "valetkey session list": [
        (),
        ("--user", SUBJECT_TEXT),
        ("--client", CLIENT_ID),
        ("--client", STORABLE),
        ("--after", STORABLE),
    ],
    "valetkey session revoke": [(str(SESSION_ID),), ("--user", SUBJECT_TEXT, "--yes"), (STORABLE,)],
    "valetkey consent list": [(), ("--user", SUBJECT_TEXT, "--client", CLIENT_ID), ("--client", STORABLE)],
    "valetkey consent withdraw": [(SUBJECT_TEXT, CLIENT_ID), (STORABLE, CLIENT_ID), (SUBJECT_TEXT, STORABLE)],
    "valetkey revocation end-all": [("--yes",)],
    "valetkey revocation reload": [()],
    "valetkey config show": [()],
    "valetkey config validate": [()],
    "valetkey doctor": [()],
}
OF_ISSUERS: dict[str, list[tuple[str, ...]]] = {
    "valetkey login": [("--client-id", STORABLE, "--no-browser", "--timeout", "0s")],
    "valetkey token client-credentials": [("--client-id", STORABLE, "--client-secret-file", "{secret}")],
    "valetkey token inspect": [("--token-file", "{token}"), ("--token-file", "{token}", "--issuer", "{issuer}")],
    "valetkey token introspect": [
        ("--client-id", STORABLE, "--client-secret-file", "{secret}", "--token-file", "{token}"),
    ],
    "valetkey token revoke": [("--client-id", "x", "--client-secret-file", "{secret}", "--token-file", "{token}")],
    "valetkey check login": [
        (
            *("--client-id", STORABLE, "--redirect-uri", "http://127.0.0.1/x", "--client-secret-file", "{secret}"),
            *("--username", STORABLE, "--password-file", "{secret}"),
        ),
    ],
}
OF_OTHERS = {"valetkey kubernetes create-secret"}
FORMS = ((), ("-o", "json"))


@pytest.fixture
async def planted(postgres_dsn: str) -> None:
    """An installation in which everything is called what no command would have let in."""
    connection = await asyncpg.connect(postgres_dsn)
    given = (STORABLE, CLIENT_ID, SUBJECT, SESSION_ID)
    for statement in PLANTED:
        used = [n for n in range(1, 5) if f"${n}" in statement]
        text = statement
        for position, number in enumerate(used, 1):
            text = text.replace(f"${number}", f"${position}" + ("::text" if number <= 2 else ""))
        await connection.execute(text, *(given[number - 1] for number in used))
    table = STORABLE.encode()[:40].decode(errors="ignore").replace('"', "")
    await connection.execute(f'CREATE TABLE "{table}" (x integer)')
    await connection.execute(f'GRANT SELECT ON "{table}" TO valetkey_token')
    await connection.close()


def is_harmless(outcome: Outcome) -> bool:
    return not hidden_in(outcome.out) and not hidden_in(outcome.err)


def test_every_command_is_here() -> None:
    known = OF_STORES.keys() | OF_ISSUERS.keys() | OF_OTHERS | NOTHING_FROM_OUTSIDE.keys()

    assert known == {path for path, _ in commands()}


@pytest.mark.requirement("security 10: what came from outside is escaped, names of members included")
@pytest.mark.parametrize("path", OF_STORES)
async def test_nothing_that_is_stored_reaches_the_terminal_unescaped(
    operator: Operator, postgres_dsn: str, planted: None, tmp_path: Path, path: str
) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(json.dumps({"clients": [{"client_id": "web", "client_name": STORABLE}], STORABLE: STORABLE}))
    write_hostile_exports(tmp_path)
    if path.startswith("valetkey migrate"):
        operator = operator.with_variables(postgres_dsn=postgres_dsn)
    for arguments in OF_STORES[path]:
        for form in FORMS if takes_a_form(path) else FORMS[:1]:
            typed = [part.replace("{file}", str(file)).replace("{folder}", str(tmp_path)) for part in arguments]
            outcome = await asyncio.to_thread(operator.run, *path.split()[1:], *typed, *form)

            assert is_harmless(outcome), outcome
            assert outcome.out or outcome.err


def takes_a_form(path: str) -> bool:
    return any("--output" in parameter.opts for parameter in dict(commands())[path].params)


@pytest.mark.parametrize("command", ["show", "validate"])
@pytest.mark.parametrize("form", FORMS)
def test_no_variable_reaches_the_terminal_unescaped(operator: Operator, command: str, form: tuple[str, ...]) -> None:
    name, value = STORABLE.replace("=", ""), STORABLE
    hostile = operator.with_variables(**{name: value, "brand_name": value, "log_level": value, "port": value})

    assert is_harmless(hostile.run("config", command, *form))
    assert is_harmless(hostile.run("client", "list", *form))
    assert is_harmless(hostile.run("doctor", *form))


KEY = generate_private_key("ES256")
KID = kid_of(KEY)
DEEP = '{"error":' + '{"a":' * 50_000 + "1" + "}" * 50_001
ANSWERS = {
    "hostile members": json.dumps(
        {"active": True, HOSTILE: {HOSTILE: [HOSTILE]}, "access_token": HOSTILE, "exp": HOSTILE}
    ),
    "an error": json.dumps({"error": HOSTILE, "error_description": HOSTILE, "reference": HOSTILE}),
    "an error without text": json.dumps({"error": {HOSTILE: 1}, "error_description": [HOSTILE]}),
    "a store away": json.dumps({"error": "temporarily_unavailable", "error_description": HOSTILE}),
    "too deep": DEEP,
    "deep": '{"active":true,"a":' + "[" * 700 + "]" * 700 + "}",
    "a long number": '{"active":true,"exp":' + "9" * 5000 + "}",
    "no number": '{"active":true,"exp":NaN}',
    "not JSON": HOSTILE,
    "a list": "[]",
    "nothing": "",
}
METADATA: dict[str, dict[str, object]] = {
    "as it should be": {},
    "hostile addresses": dict.fromkeys(
        (*("authorization", "token", "introspection", "revocation", "userinfo", "end_session"),), f"https://x/{HOSTILE}"
    ),
    "addresses that are none": dict.fromkeys(("authorization", "token", "introspection", "revocation"), "http://[::1"),
    "addresses of another kind": dict.fromkeys(("authorization", "token", "introspection", "revocation"), 7),
    "another issuer": {"issuer": HOSTILE},
    "no methods": {"code_challenge_methods_supported": 7},
}
KEYS: dict[str, dict[str, object]] = {
    "hostile": {"keys": [{"kty": "EC", "kid": HOSTILE, "alg": HOSTILE, HOSTILE: 1}]},
    "names that are lists": {"keys": [{"kid": [HOSTILE]}]},
    "no list": {"keys": 7},
    "members that are none": {"keys": [7, HOSTILE]},
    "as they should be": {"keys": [public_jwk(KEY) | {"kid": KID, "alg": "ES256"}]},
}


class HostileIssuer:
    """Answers whatever it is asked with what it was given."""

    def __init__(self) -> None:
        self.url = ""
        self.answer = ANSWERS["hostile members"]
        self.status = 200
        self.metadata: dict[str, object] = {}
        self.keys: dict[str, object] = KEYS["as they should be"]
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._server = TestServer(app, host="127.0.0.1")

    async def start(self) -> None:
        await self._server.start_server()
        self.url = str(self._server.make_url("")).rstrip("/")

    async def stop(self) -> None:
        await self._server.close()

    async def _serve(self, request: web.Request) -> web.Response:
        if "well-known" in request.path:
            names = ("authorization", "token", "introspection", "revocation", "userinfo")
            changes = {n if n == "issuer" or "_" in n else f"{n}_endpoint": v for n, v in self.metadata.items()}
            document = {
                "issuer": self.url,
                **{f"{name}_endpoint": f"{self.url}/{name}" for name in names},
                "jwks_uri": f"{self.url}/jwks",
                "code_challenge_methods_supported": ["S256"],
            }
            return web.json_response(document | changes)
        if request.path == "/jwks":
            return web.json_response(self.keys)
        if request.path == "/authorization":
            form = "<form action='http://[::1'><input name=password></form>"
            page = f"<h1>{HOSTILE}</h1><div role=alert>{HOSTILE}</div>{form}"
            return web.Response(body=page.encode(errors="replace"), content_type="text/html")
        body = self.answer.encode(errors="surrogatepass")
        return web.Response(
            status=self.status, body=body, headers={"Set-Cookie": "a b=c", "X-Trace-Id": "\x9b31m\u202e"}
        )


@pytest.fixture
async def issuer() -> AsyncIterator[HostileIssuer]:
    issuer = HostileIssuer()
    await issuer.start()
    yield issuer
    await issuer.stop()


@pytest.mark.requirement("security 10: what came from outside is escaped, names of members included")
@pytest.mark.parametrize("path", [*OF_ISSUERS, "valetkey doctor"])
async def test_no_issuer_reaches_the_terminal_unescaped(
    operator: Operator, issuer: HostileIssuer, tmp_path: Path, path: str
) -> None:
    (tmp_path / "secret").write_text("s" * 43)
    key_id = {"kid": KID, "typ": "at+jwt"}
    claims = {"iss": issuer.url, "exp": 4_000_000_000, "sub": HOSTILE, HOSTILE: HOSTILE}
    (tmp_path / "token").write_text(jwt.encode(claims, KEY, "ES256", key_id))
    places = {"{secret}": tmp_path / "secret", "{token}": tmp_path / "token", "{issuer}": issuer.url}
    operator = operator.with_variables(issuer=issuer.url)

    async def require_harmless() -> None:
        for arguments in OF_ISSUERS.get(path, [()]):
            for form in FORMS if takes_a_form(path) else FORMS[:1]:
                typed = [str(places.get(part, part)) for part in arguments]
                outcome = await asyncio.to_thread(operator.run, *path.split()[1:], *typed, *form)

                assert is_harmless(outcome), outcome
                assert outcome.out or outcome.err

    for issuer.answer in ANSWERS.values():
        for issuer.status in (200, 400, 503):
            await require_harmless()
    issuer.answer, issuer.status = ANSWERS["hostile members"], 200
    for issuer.metadata in METADATA.values():
        await require_harmless()
    issuer.metadata = {}
    for issuer.keys in KEYS.values():
        await require_harmless()


@pytest.mark.parametrize(
    "answer", [*ANSWERS.values(), json.dumps({"kind": "Status", "reason": HOSTILE, "message": HOSTILE})]
)
@pytest.mark.parametrize("status", [201, 400, 403, 409, 500])
async def test_no_api_server_reaches_the_terminal_unescaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, status: int
) -> None:
    api = KubernetesApi(tmp_path)

    async def answers(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=answer.encode(errors="surrogatepass"), content_type="application/json")

    monkeypatch.setattr(api, "_create", answers)
    monkeypatch.setattr(api, "_get", answers)
    server = await api.start()
    command = ("kubernetes", "create-secret", "vk", "--service-account", str(api.directory), "--wait", "0")

    for form in FORMS:
        outcome = await asyncio.to_thread(Operator(api.environment).run, *command, *form)
        assert is_harmless(outcome), outcome
        assert outcome.exit_code != ExitCode.USAGE

    await server.close()
