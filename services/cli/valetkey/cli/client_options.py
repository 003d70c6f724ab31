"""The options that describe a client, shared by ``client create`` and ``client update``; named as in RFC 7591 §2."""

from __future__ import annotations

from collections.abc import Mapping

import click

from valetkey.cli.option import Decorated, scope_option
from valetkey.core.client.client import AuthenticationMethod, GrantType
from valetkey.core.client.registration import MAX_SECONDS
from valetkey.core.jose.keys import SUPPORTED_ALGORITHMS

# Options that may be repeated, by the field that they fill.
_LISTS = {
    "grant_types": click.option(
        "--grant-type",
        "grant_types",
        multiple=True,
        type=click.Choice([grant.value for grant in GrantType]),
        help="Grant it may use; may be repeated.",
    ),
    "redirect_uris": click.option(
        "--redirect-uri", "redirect_uris", multiple=True, metavar="URI", help="Redirect URI; may be repeated."
    ),
    "post_logout_redirect_uris": click.option(
        "--post-logout-redirect-uri",
        "post_logout_redirect_uris",
        multiple=True,
        metavar="URI",
        help="Where a logout may lead; may be repeated.",
    ),
    "scope": scope_option("Scope it may ask for"),
    "resources": click.option(
        "--allow-resource",
        "resources",
        multiple=True,
        metavar="URI",
        help="Resource server it may ask tokens for, beside those of its scopes; may be repeated.",
    ),
}
_VALUES = {
    "client_name": click.option("--name", "client_name", help="Name that the consent page shows."),
    "token_endpoint_auth_method": click.option(
        "--auth-method",
        "token_endpoint_auth_method",
        type=click.Choice([method.value for method in AuthenticationMethod]),
        help="How it authenticates; none for a public client.",
    ),
    "resource": click.option(
        "--resource", metavar="URI", help="The client is this resource server, and may introspect its tokens."
    ),
    "id_token_signed_response_alg": click.option(
        "--id-token-alg",
        "id_token_signed_response_alg",
        type=click.Choice(SUPPORTED_ALGORITHMS),
        help="How its ID tokens are signed.",
    ),
    "default_max_age": click.option(
        "--default-max-age", type=click.IntRange(0, MAX_SECONDS), metavar="SECONDS", help="Oldest login it accepts."
    ),
    "client_uri": click.option("--client-uri", metavar="URL", help="Its home page."),
    "policy_uri": click.option("--policy-uri", metavar="URL", help="How it treats data."),
    "tos_uri": click.option("--tos-uri", metavar="URL", help="Its terms of service."),
}
_EMPTY_LIST: tuple[str, ...] = ()
EMPTY_VALUES: dict[str, object] = {
    "grant_types": _EMPTY_LIST,
    "redirect_uris": _EMPTY_LIST,
    "post_logout_redirect_uris": _EMPTY_LIST,
    "scope": _EMPTY_LIST,
    "resources": _EMPTY_LIST,
    "resource": None,
    "default_max_age": None,
    "client_uri": None,
    "policy_uri": None,
    "tos_uri": None,
}
"""What a field that may be empty holds when it is."""


def client_field_options(command: Decorated) -> Decorated:
    """Every field of a registration as an option; the command is handed them as ``fields``."""
    for option in reversed((*_VALUES.values(), *_LISTS.values())):
        command = option(command)
    return command


def given_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields that were given, as types of ``Client``."""
    given: dict[str, object] = {name: fields[name] for name in _VALUES if fields[name] is not None}
    for name in _LISTS:
        values = fields[name]
        if isinstance(values, tuple) and values:
            given[name] = tuple(dict.fromkeys(values))
    return given
