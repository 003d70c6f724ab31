"""The table of routes: where a route is, and which service answers it."""

import pytest

from valetkey.core.oauth.server_metadata import authorization_server_metadata
from valetkey.core.routes import (
    CHANGE_PASSWORD,
    HOME,
    INTROSPECT,
    OPENID_CONFIGURATION,
    PASSKEY_ENDPOINTS,
    ROUTES,
    TOKEN,
    Route,
    issuer_path,
    service_of,
)

EVERY_ROUTE = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)


def test_no_two_rows_are_the_same_route() -> None:
    assert len({route.path for route in ROUTES}) == len(ROUTES)
    members = [route.metadata for route in ROUTES if route.metadata is not None]
    assert len(set(members)) == len(members)


def test_a_segment_belongs_to_one_service() -> None:
    assert len({(route.segment, route.service) for route in ROUTES}) == len({route.segment for route in ROUTES})


@pytest.mark.requirement("RFC 8414 §3.1: metadata is found by insertion and by appending")
def test_where_metadata_is_found() -> None:
    assert OPENID_CONFIGURATION.paths("") == ("/.well-known/openid-configuration",)
    assert OPENID_CONFIGURATION.paths("/a/b") == (
        "/.well-known/openid-configuration/a/b", "/a/b/.well-known/openid-configuration",
    )  # fmt: skip


@pytest.mark.requirement("RFC 8615 §3: what is well known of a host is at its root")
@pytest.mark.parametrize("base", ["", "/a/b"])
def test_what_is_of_the_host_is_at_its_root(base: str) -> None:
    assert CHANGE_PASSWORD.paths(base) == ("/.well-known/change-password",)
    assert PASSKEY_ENDPOINTS.paths(base) == ("/.well-known/passkey-endpoints",)


def test_every_other_route_is_below_the_path_of_the_issuer() -> None:
    assert TOKEN.paths("") == ("/token",)
    assert TOKEN.paths("/a/b") == ("/a/b/token",)
    assert (HOME.paths(""), HOME.paths("/a/b")) == (("/",), ("/a/b", "/a/b/"))


@pytest.mark.parametrize(
    ("issuer", "path"),
    [("https://id.example", ""), ("https://id.example/", ""), ("https://id.example/a/b", "/a/b")],
)
def test_the_path_of_an_issuer_has_no_trailing_slash(issuer: str, path: str) -> None:
    assert issuer_path(issuer) == path


@pytest.mark.parametrize("base", ["", "/tenant", "/token"])
@EVERY_ROUTE
def test_every_place_of_a_route_leads_to_its_service(route: Route, base: str) -> None:
    for path in route.paths(base):
        for target in (path, f"{path}?a=/token", f"{path}/below"):
            assert service_of(target, base) == route.service


@pytest.mark.parametrize("target", ["/", "", "/nowhere", "/tokens", "/?/token", "/tenant"])
def test_what_is_no_route_is_for_the_pages(target: str) -> None:
    assert service_of(target, "/tenant") == "authorize"


@pytest.mark.requirement("RFC 8414 §2: the metadata names every endpoint")
@pytest.mark.parametrize("issuer", ["https://id.example", "https://id.example/tenant"])
def test_the_metadata_names_the_routes_that_have_a_member(issuer: str) -> None:
    document = authorization_server_metadata(issuer, ["openid"])

    named = {name: value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))}

    # The order is part of the bytes, and so of the entity tag, which replicas of two releases share.
    assert list(named.items()) == [
        ("authorization_endpoint", f"{issuer}/authorize"),
        ("token_endpoint", f"{issuer}/token"),
        ("revocation_endpoint", f"{issuer}/revoke"),
        ("introspection_endpoint", f"{issuer}/introspect"),
        ("userinfo_endpoint", f"{issuer}/userinfo"),
        ("jwks_uri", f"{issuer}/jwks"),
        ("end_session_endpoint", f"{issuer}/logout"),
    ]


@pytest.mark.requirement("security 8: no CORS on anything that talks to browsers, none where a secret is needed")
def test_scripts_of_any_origin_call_neither_pages_nor_introspection() -> None:
    closed = {route.path for route in ROUTES if not route.cross_origin}

    apart = {INTROSPECT.path, PASSKEY_ENDPOINTS.path, CHANGE_PASSWORD.path, "/static/{name}"}
    assert closed == apart | {*(route.path for route in ROUTES if route.is_page)}


@pytest.mark.requirement("security 8: no CORS on anything that talks to browsers, none where a secret is needed")
def test_a_page_that_scripts_of_any_origin_may_call_is_refused() -> None:
    with pytest.raises(ValueError, match="/page is a page"):
        Route("authorize", "/page", ("GET",), is_page=True, cross_origin=True)


@pytest.mark.requirement("RFC 9110 §9.3.2: HEAD is answered wherever GET is")
@EVERY_ROUTE
def test_what_answers_get_answers_head(route: Route) -> None:
    assert ("GET" in route.methods) == ("HEAD" in route.methods)
