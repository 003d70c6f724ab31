"""The demo's API: notes, protected with ``valetkey.resource_server`` as any other API would be."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from ssl import SSLContext

from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web

from valetkey.core.json_text import find_json_object
from valetkey.core.routes import TOKEN
from valetkey.demo.web_page import render_page, static_routes
from valetkey.resource_server import (
    ACCESS_TOKEN,
    AccessToken,
    AuthorizationServer,
    Introspector,
    Protection,
    Verifier,
    protect,
    public,
    requires,
)

READ = "api:read"
WRITE = "api:write"
# The group whose members may clear their notes.
CLEARS_NOTES = "platform"
_MOST_NOTES = 20
_MOST_OWNERS = 100
_LONGEST_NOTE = 200
_MOST_BYTES = 16_384
_FIRST_NOTE = "The car is in the second row, by the old oak."

# By subject, and whether that is a person: a client may be called like one. RFC 9700 §4.15.
_Notes = defaultdict[tuple[bool, str], deque[str]]
_NOTES = web.AppKey("notes", _Notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceServerConfig:
    """What the API was given when it was registered. ``resource`` is its identifier, the audience of its tokens."""

    issuer: str
    resource: str
    client_id: str
    client_secret: str = field(repr=False)
    tour_url: str


def create_resource_server(config: ResourceServerConfig, trust: SSLContext | None = None) -> web.Application:
    """The API. Tokens are checked here; the careful route asks the issuer too. RFC 6750, RFC 9068, RFC 7662.

    ``trust`` is for an issuer with a certificate of its own.
    """
    http = ClientSession(connector=TCPConnector(ssl=trust or True), cookie_jar=DummyCookieJar(), auto_decompress=False)
    server = AuthorizationServer(config.issuer, session=http)
    introspector = Introspector(
        server, audience=config.resource, client_id=config.client_id, client_secret=config.client_secret
    )
    app = web.Application(client_max_size=_MOST_BYTES)
    protect(app, Protection("jwt", verifier=Verifier(server, audience=config.resource), introspector=introspector))
    app.on_cleanup.append(lambda _app: http.close())
    app[_NOTES] = _Notes(lambda: deque([_FIRST_NOTE], maxlen=_MOST_NOTES))

    @public
    async def page(_request: web.Request) -> web.Response:
        context = {"resource": config.resource, "tour_url": config.tour_url, "commands": _commands(config)}
        return render_page("api.html", context)

    app.add_routes(
        [
            web.get("/", page),
            *static_routes(),
            web.get("/api/notes", read_notes),
            web.post("/api/notes", add_note),
            web.delete("/api/notes", clear_notes),
            web.get("/api/careful", read_carefully),
        ]
    )
    return app


@requires(READ)
async def read_notes(request: web.Request) -> web.Response:
    """The notes of the token's subject."""
    return _notes_response(request)


@requires(READ, introspect=True)
async def read_carefully(request: web.Request) -> web.Response:
    """The same, after asking the issuer whether the token still counts."""
    return _notes_response(request)


@requires(WRITE)
async def add_note(request: web.Request) -> web.Response:
    """Add ``{"text": "..."}``, up to 200 characters; the oldest of more than 20 notes goes."""
    # Not request.json(), which believes any charset, and raises what a number or a depth beyond all measure makes.
    try:
        body = find_json_object(await request.read())
    except web.RequestPayloadError:
        body = None
    text = None if body is None else body.get("text")
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST_NOTE:
        return web.json_response({"error": 'send {"text": "..."} with 1 to 200 characters'}, status=400)
    notes, owner = request.app[_NOTES], _owner(request[ACCESS_TOKEN])
    if owner not in notes and len(notes) >= _MOST_OWNERS:
        notes.pop(next(iter(notes)))
    notes[owner].append(text.strip())
    return _notes_response(request, status=201)


@requires(WRITE)
async def clear_notes(request: web.Request) -> web.Response:
    """Forget the notes of the token's subject, whom the token has to place in the group."""
    token = request[ACCESS_TOKEN]
    if CLEARS_NOTES not in token.claims.get("groups", ()):
        refused = {"error": "forbidden", "error_description": f"only members of {CLEARS_NOTES} may do this"}
        return web.json_response(refused, status=403, headers={"Cache-Control": "no-store"})
    request.app[_NOTES][_owner(token)].clear()
    return _notes_response(request)


def _owner(token: AccessToken) -> tuple[bool, str]:
    return token.is_user, token.subject


def _notes_response(request: web.Request, status: int = 200) -> web.Response:
    token = request[ACCESS_TOKEN]
    notes = request.app[_NOTES].get(_owner(token), [_FIRST_NOTE])
    content = {"notes": list(notes), "subject": token.subject, "client_id": token.client_id}
    return web.json_response(content, status=status, headers={"Cache-Control": "no-store"})


def _commands(config: ResourceServerConfig) -> str:
    return (
        f"TOKEN=$(curl -s -u machine:SECRET {config.issuer}{TOKEN.path} \\\n"
        f"  -d grant_type=client_credentials -d scope={READ} | python3 -c 'import json, sys;"
        ' print(json.load(sys.stdin)["access_token"])\')\n'
        f'curl -i -H "Authorization: Bearer $TOKEN" {config.resource}api/notes'
    )
