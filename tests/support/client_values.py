"""For each field of a client: a value that is not the default, and values that are refused, as a file has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from valetkey.administration.registration import new_client
from valetkey.core.client.client import Client
from valetkey.core.client.metadata import FIELD
from valetkey.core.client.metadata_field import Kind
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer

API = "https://reports.example"
BEYOND_BMP = "\N{MUSICAL SYMBOL G CLEF}"


@dataclass(frozen=True, slots=True)
class Refused:
    """A value that is refused, and a part of the sentence that says why.

    ``by_chart`` where the chart's schema refuses it too, ``only_in_file`` where the command line cannot say it or has
    words of its own, ``of_file`` where the file is refused before there is a client.
    """

    value: object
    words: str
    by_chart: bool = False
    only_in_file: bool = False
    of_file: bool = False


@dataclass(frozen=True, slots=True)
class Values:
    """``good`` is taken; ``shown`` is how commands print it, where that differs."""

    good: object
    refused: tuple[Refused, ...]
    shown: object = None


NOT_TEXT = Refused(7, "must be text; put it in quotes", by_chart=True, only_in_file=True, of_file=True)
NOT_A_LIST = Refused("word", "must be a list", by_chart=True, only_in_file=True, of_file=True)
NOT_TEXTS = Refused([1], "must be a list of texts; put them in quotes", by_chart=True, only_in_file=True, of_file=True)
TWICE = Refused(["https://a.example/", "https://a.example/"], "has something twice", only_in_file=True, of_file=True)
REDIRECTS = (
    NOT_A_LIST,
    NOT_TEXTS,
    TWICE,
    Refused(["http://web.example/"], "must use https; http is only for the loopback interface"),
    Refused(["https://web.example/?code=1"], "must not have a query parameter that an authorization response uses"),
    Refused(["javascript:alert(1)"], "must not use the scheme javascript"),
    Refused(["https://web.example/*"], "must not have *"),
)
PAGES = (
    NOT_TEXT,
    *(
        Refused(uri, "must be an https URL")
        for uri in ("javascript:x", "com.example.app:/x", "//web.example", "", "x y")
    ),
)

VALUES: Mapping[str, Values] = {
    "client_name": Values(
        f"Reports {BEYOND_BMP}",
        (
            NOT_TEXT,
            *(Refused(name, "use 1 to 128 printable characters") for name in (" ", "a\u202eb", "x" * 129)),
        ),
    ),
    "token_endpoint_auth_method": Values(
        "client_secret_post",
        (
            NOT_TEXT,
            Refused(
                "private_key_jwt",
                "must be one of client_secret_basic, client_secret_post, none",
                by_chart=True,
                only_in_file=True,
                of_file=True,
            ),
        ),
    ),
    "grant_types": Values(
        ["authorization_code", "refresh_token"],
        (
            NOT_A_LIST,
            NOT_TEXTS,
            Refused(
                ["authorization_code", "implicit"],
                "grant_types: implicit is not offered; choose from authorization_code, ",
                by_chart=True,
                only_in_file=True,
            ),
        ),
    ),
    "redirect_uris": Values(["https://web.example/cb", "http://127.0.0.1/cb?a=1"], REDIRECTS),
    "post_logout_redirect_uris": Values(["https://web.example/bye"], REDIRECTS),
    "scope": Values(
        ["openid", "reports:read"],
        (
            Refused(3, "must be a list", by_chart=True, only_in_file=True, of_file=True),
            NOT_TEXTS,
            Refused(["nothing"], "scope: nothing is not registered"),
        ),
        shown="openid reports:read",
    ),
    "resources": Values(
        [API],
        (
            NOT_A_LIST,
            NOT_TEXTS,
            Refused(["https://other.example"], "resources: https://other.example is no registered resource server"),
            Refused(["not a uri"], "resource: not a uri must be an absolute URI without a fragment (RFC 8707 §2)"),
        ),
    ),
    "resource": Values(
        "https://web.example/api", (NOT_TEXT, Refused("not a uri", "must be an absolute URI without a fragment"))
    ),
    "id_token_signed_response_alg": Values(
        "RS256", (NOT_TEXT, Refused("HS256", "choose one of ES256, RS256", by_chart=True, only_in_file=True))
    ),
    "access_token_typ": Values(
        "JWT",
        (
            NOT_TEXT,
            Refused("at+JWT", "must be one of at+jwt, JWT", by_chart=True, only_in_file=True, of_file=True),
        ),
    ),
    "application_type": Values(
        "native",
        (
            NOT_TEXT,
            Refused("mobile", "must be one of web, native", by_chart=True, only_in_file=True, of_file=True),
        ),
    ),
    "audience_parameter": Values(
        "resource",
        (
            NOT_TEXT,
            Refused("allow", "must be one of refuse, resource", by_chart=True, only_in_file=True, of_file=True),
        ),
    ),
    "pkce": Values(
        "optional",
        (
            NOT_TEXT,
            Refused(
                "never",
                "must be one of required, optional, optional_without_nonce",
                by_chart=True,
                only_in_file=True,
                of_file=True,
            ),
        ),
    ),
    "consent": Values(
        "trusted",
        (
            NOT_TEXT,
            Refused("never", "must be one of ask, remember, trusted", by_chart=True, only_in_file=True, of_file=True),
        ),
    ),
    "default_max_age": Values(
        60,
        (
            Refused("60", "must be a whole number", by_chart=True, only_in_file=True, of_file=True),
            Refused(
                True, "must be a whole number from 0 to 2147483647", by_chart=True, only_in_file=True, of_file=True
            ),
            Refused(-1, "must be a whole number from 0 to 2147483647", by_chart=True, only_in_file=True, of_file=True),
            Refused(
                2**31, "must be a whole number from 0 to 2147483647", by_chart=True, only_in_file=True, of_file=True
            ),
        ),
    ),
    "client_uri": Values("https://web.example/", PAGES),
    "policy_uri": Values("https://web.example/privacy?a=1&b=2", PAGES),
    "tos_uri": Values("http://127.0.0.1/terms", PAGES),
    "logo_uri": Values(
        "https://cdn.example:8443/logo.png?a=1",
        (
            NOT_TEXT,
            *(Refused(uri, "must be an https URL with a host name") for uri in ("https://", "https://[::1]/logo.png")),
            *(
                Refused(uri, "must be an https URL with a host name", by_chart=True)
                for uri in ("http://127.0.0.1/logo.png", "data:image/png,x", "//cdn.example/logo.png", "")
            ),
            Refused("https://cdn.example;x/logo.png", "must be an https URL with a host name"),
        ),
    ),
    "contacts": Values(
        ["ada@example.com", "+1 202 555 0100"],
        (
            NOT_A_LIST,
            NOT_TEXTS,
            TWICE,
            Refused(["a\nb"], "contacts: use 1 to 128 printable characters"),
            Refused([str(number) for number in range(21)], "contacts: give at most 20"),
        ),
    ),
    "software_id": Values(
        "4NRB1-0XZABZI9E6-5SM3R", (NOT_TEXT, *(Refused(text, "use 1 to 128 printable") for text in ("", "a\nb")))
    ),
    "allowed_groups": Values(
        ["ops", "staff"],
        (
            NOT_A_LIST,
            NOT_TEXTS,
            Refused(["a,b"], "is no name of a group; use no comma"),
            Refused([""], "is no name of a group; use 1 to 128"),
            Refused([f"g{number}" for number in range(101)], "give at most 100"),
        ),
    ),
    "required_acr": Values(
        "phr",
        (
            NOT_TEXT,
            Refused("all", "must be one of", by_chart=True, only_in_file=True, of_file=True),
            Refused("urn:valetkey:acr:password", "must be one of", by_chart=True, only_in_file=True, of_file=True),
        ),
    ),
    "id_token_claims": Values(
        "none",
        (
            NOT_TEXT,
            Refused("all", "must be one of scopes, requested, none", by_chart=True, only_in_file=True, of_file=True),
        ),
    ),
    "claim_policy": Values(
        {
            "roles": {"from": "name", "in": ["id_token", API]},
            "tenant": {"value": ["a", "b"], "match": "a*", "prefix": "x:", "in": ["access_token"]},
            "number": {"value": 7},
            "email": {"in": []},
            "https://claims.example/picture": {"attribute": "picture"},
            "name": None,
        },
        (
            Refused("name", "must be a mapping", by_chart=True, only_in_file=True, of_file=True),
            Refused([], "must be a mapping", by_chart=True, only_in_file=True, of_file=True),
            Refused({"name": 1}, "name: write a mapping with some of in, from, value, attribute", by_chart=True),
            Refused({"sub": {"value": "root"}}, "sub: is reserved; the protocol sets it and no policy can"),
            Refused({"x": {"from": "y"}}, "x: from: y is no claim about users"),
            Refused({"name": {"in": ["https://other.example"]}}, "name: in: https://other.example is no registered"),
            Refused({"email_verified": {"value": "yes"}}, "email_verified: value: write true or false"),
            Refused({f"x{number}": {"value": 1} for number in range(65)}, "is too large; 64 claims and 4096 bytes"),
        ),
    ),
    "enabled": Values(
        False, (Refused("maybe", "must be true or false", by_chart=True, only_in_file=True, of_file=True),)
    ),
}
REFUSED = [(name, refused) for name, values in VALUES.items() for refused in values.refused]
REFUSED_IDS = [f"{name}-{refused.value!r}"[:60] for name, refused in REFUSED]
CATALOG = Catalog(
    {name: RegisteredScope(name, name, None) for name in ("openid", "profile")}
    | {"reports:read": RegisteredScope("reports:read", "Read your reports", API)},
    {API: ResourceServer(API, "Reports")},
)


def declared(name: str, value: object) -> dict[str, object]:
    """A registration in which this field has this value, and every other what it needs beside it."""
    # Only a resource server has tokens of a typ.
    beside = {"resource": "https://web.example/api"} if name == "access_token_typ" else {}
    return {"client_id": "web", "redirect_uris": ["https://web.example/cb"], **beside, name: value}


def client_with(name: str, value: object) -> Client:
    """A client whose registration says this of one field, and has all defaults elsewhere."""
    fields = declared(name, value)
    return new_client(f"{name}-{uuid4().hex[:8]}", {name: fields[name] for name in fields if name != "client_id"})


def shown(name: str) -> object:
    """How commands print the good value."""
    values = VALUES[name]
    return values.good if values.shown is None else values.shown


def arguments(name: str, value: object) -> list[str]:
    """The command line that says the same."""
    field = FIELD[name]
    if field.kind is Kind.FLAG:
        return ["--enable" if value else "--disable"]
    listed = value if isinstance(value, list) else [value]
    texts = (json.dumps(each) if field.kind is Kind.MAPPING else str(each) for each in listed)
    return [word for text in texts for word in (field.option, text)]
