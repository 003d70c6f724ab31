"""The table of client metadata: one row per field of a registration. RFC 7591 §2.

Derived from it: what is stored, the options of ``client create`` and ``client update``, the file of ``client apply``,
the chart's ``clients.declarations``, and the documentation. ``Client`` has an attribute for each row, and a test
compares the two: what a request reads is a plain attribute.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from valetkey.core.authentication.acr import ACR_MFA, REQUIRABLE_ACR
from valetkey.core.authentication.group import group_name_problem
from valetkey.core.client.client import (
    AccessTokenTyp,
    ApplicationType,
    AudienceParameter,
    AuthenticationMethod,
    Client,
    ConsentPolicy,
    GrantType,
    IdTokenClaims,
    PkcePolicy,
)
from valetkey.core.client.metadata_field import EMPTY, Audience, Field, Kind, Place
from valetkey.core.jose.keys import SUPPORTED_ALGORITHMS
from valetkey.core.oauth.redirect_uri import redirect_uri_problem, uri_problem
from valetkey.core.oauth.resource import is_resource_identifier
from valetkey.core.oidc.claims.policy.policy import MAX_RULES, ClaimPolicy
from valetkey.core.oidc.claims.policy.rule import MEMBERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_NAME_LENGTH = 128
MAX_CONTACTS = 20
MAX_ALLOWED_GROUPS = 100
MAX_SECONDS = 2**31 - 1  # of default_max_age
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")


def metadata_problems(client: Client, *kinds: Kind) -> list[str]:
    """What is wrong with the fields of these kinds, each by itself."""
    return [
        problem
        for field in FIELDS
        if field.kind in kinds and (value := getattr(client, field.name)) not in EMPTY
        for problem in field.check(field.name, value)
    ]


def typed_metadata(values: Mapping[str, object]) -> dict[str, Any]:
    """The same values with the types that ``Client`` has for them."""
    return {name: FIELD[name].typed(value) for name, value in values.items()}


def metadata_document(client: Client) -> dict[str, object]:
    """What the column ``metadata`` holds: every field that has its place there, empty ones too."""
    return {field.name: field.kind.stored(getattr(client, field.name)) for field in _IN_DOCUMENT}


def document_metadata(document: Mapping[str, object]) -> dict[str, Any]:
    """The fields that only the document has, for ``Client``. Members that this release does not know are ignored."""
    return {
        field.name: field.typed(value) for field in _ONLY_IN_DOCUMENT if (value := document.get(field.name)) is not None
    }


def _check_name(name: str, value: str) -> Iterable[str]:
    if not value.strip() or len(value) > MAX_NAME_LENGTH or not value.isprintable():
        yield f"{name}: use 1 to {MAX_NAME_LENGTH} printable characters"


def _check_algorithm(name: str, value: str) -> Iterable[str]:
    if value not in SUPPORTED_ALGORITHMS:
        yield f"{name}: choose one of {', '.join(SUPPORTED_ALGORITHMS)}"


def _check_acr(name: str, value: str) -> Iterable[str]:
    if value not in REQUIRABLE_ACR:
        yield f"{name}: must be one of {', '.join(REQUIRABLE_ACR)}"


def _check_grants(name: str, value: frozenset[str]) -> Iterable[str]:
    for grant in sorted(value - set(GrantType)):
        yield f"{name}: {grant} is not offered; choose from {', '.join(GrantType)}"


def _check_redirects(name: str, value: tuple[str, ...]) -> Iterable[str]:
    for uri in value:
        if (problem := redirect_uri_problem(uri)) is not None:
            yield f"{name}: {uri} {problem}"


def _check_web_page(name: str, value: str) -> Iterable[str]:
    if uri_problem(value) is not None or urlsplit(value).scheme not in ("https", "http"):
        yield f"{name}: must be an https URL"


def _check_logo(name: str, value: str) -> Iterable[str]:
    # A page shows it, and its Content-Security-Policy has to name the host.
    parts = None if uri_problem(value) is not None else urlsplit(value)
    if parts is None or parts.scheme != "https" or not _HOST.fullmatch(parts.netloc):
        yield f"{name}: must be an https URL with a host name"


def _check_contacts(name: str, value: tuple[str, ...]) -> Iterable[str]:
    if len(value) > MAX_CONTACTS:
        yield f"{name}: give at most {MAX_CONTACTS}"
    for contact in value:
        yield from _check_name(name, contact)


def _check_groups(name: str, value: frozenset[str]) -> Iterable[str]:
    if len(value) > MAX_ALLOWED_GROUPS:
        yield f"{name}: give at most {MAX_ALLOWED_GROUPS}; put groups into one that you allow"
    for group in sorted(value):
        if (problem := group_name_problem(group)) is not None:
            yield f"{name}: {group!r} is no name of a group; {problem}"


def _check_resources(_name: str, value: frozenset[str] | str) -> Iterable[str]:
    for resource in (value,) if isinstance(value, str) else sorted(value):
        if not is_resource_identifier(resource):
            yield f"resource: {resource} must be an absolute URI without a fragment (RFC 8707 §2)"


def _check_policy(name: str, value: ClaimPolicy) -> Iterable[str]:
    return (f"{name}: {problem}" for problem in value.unreadable.values())


FIELDS: tuple[Field, ...] = (
    Field(
        name="client_name",
        kind=Kind.TEXT,
        description="Name that the consent page shows.",
        form=f"1 to {MAX_NAME_LENGTH} printable characters",
        audience=Audience.PUBLIC,
        place=Place.BOTH,
        is_required=True,
        default_words="the `client_id`",
        check=_check_name,
        option_name="name",
    ),
    Field(
        name="token_endpoint_auth_method",
        kind=Kind.CHOICE,
        description="How it authenticates; none for a public client.",
        form="`client_secret_basic` or `client_secret_post` for exactly that one, or `none` for a public client",
        audience=Audience.CLIENT,
        place=Place.BOTH,
        default_words="`client_secret_basic` and `client_secret_post`, as it likes",
        choices=tuple(method.value for method in AuthenticationMethod),
        enumeration=AuthenticationMethod,
        option_name="auth_method",
        in_column=AuthenticationMethod.BASIC.value,
    ),
    Field(
        name="grant_types",
        kind=Kind.CHOICES,
        description="Grant it may use.",
        form="list of `authorization_code`, `refresh_token`, `client_credentials`",
        audience=Audience.CLIENT,
        place=Place.BOTH,
        default=(),
        default_words="`authorization_code` where there are redirect URIs",
        check=_check_grants,
        choices=tuple(grant.value for grant in GrantType),
    ),
    Field(
        name="redirect_uris",
        kind=Kind.URIS,
        description="Redirect URI.",
        form="list; exact, https, or http on loopback; no query parameter of an authorization response",
        audience=Audience.CLIENT,
        place=Place.BOTH,
        default=(),
        check=_check_redirects,
    ),
    Field(
        name="post_logout_redirect_uris",
        kind=Kind.URIS,
        description="Where a logout may lead.",
        form="list; as redirect URIs",
        audience=Audience.CLIENT,
        place=Place.BOTH,
        default=(),
        check=_check_redirects,
    ),
    Field(
        name="scope",
        kind=Kind.WORDS,
        description="Scope it may ask for.",
        form="words between spaces, or a list",
        audience=Audience.CLIENT,
        place=Place.BOTH,
        default=(),
    ),
    Field(
        name="resources",
        kind=Kind.RESOURCES,
        description="Resource server it may ask tokens for, beside those of its scopes.",
        form="list of URIs (RFC 8707)",
        audience=Audience.CLIENT,
        place=Place.BOTH,
        default=(),
        check=_check_resources,
        option_name="allow_resource",
    ),
    Field(
        name="resource",
        kind=Kind.RESOURCE,
        description="The client is this resource server, and may introspect its tokens.",
        form="the `aud` of its tokens: an absolute URI; not the issuer's own name",
        audience=Audience.CLIENT,
        place=Place.COLUMN,
        check=_check_resources,
    ),
    Field(
        name="id_token_signed_response_alg",
        kind=Kind.CHOICE,
        description="How its ID tokens are signed.",
        form=" or ".join(f"`{name}`" for name in SUPPORTED_ALGORITHMS),
        audience=Audience.CLIENT,
        place=Place.BOTH,
        default_words="`VALETKEY_ID_TOKEN_SIGNING_ALG`: `RS256`",
        check=_check_algorithm,
        choices=tuple(SUPPORTED_ALGORITHMS),
        option_name="id_token_alg",
        in_column="RS256",
    ),
    Field(
        name="access_token_typ",
        kind=Kind.CHOICE,
        description="The typ of access tokens for this resource server; JWT for decoders that know no other.",
        form="`at+jwt` (RFC 9068), or `JWT`, which Spring's default decoder wants; with `resource`",
        audience=Audience.CLIENT,
        default=AccessTokenTyp.AT_JWT.value,
        choices=tuple(typ.value for typ in AccessTokenTyp),
        enumeration=AccessTokenTyp,
    ),
    Field(
        name="application_type",
        kind=Kind.CHOICE,
        description="What it is; a native one may use any port of http://localhost (RFC 8252 §8.3 prefers 127.0.0.1).",
        form="`web`, or `native` for an application on its user's device",
        audience=Audience.CLIENT,
        default=ApplicationType.WEB.value,
        choices=tuple(kind.value for kind in ApplicationType),
        enumeration=ApplicationType,
    ),
    Field(
        name="audience_parameter",
        kind=Kind.CHOICE,
        description="Whether audience is another name of resource (RFC 8707) at /authorize and /token, or refused.",
        form="`refuse` or `resource`",
        audience=Audience.OPERATOR,
        default_words="`VALETKEY_AUDIENCE_PARAMETER`: `refuse`",
        choices=tuple(decision.value for decision in AudienceParameter),
        enumeration=AudienceParameter,
    ),
    Field(
        name="pkce",
        kind=Kind.CHOICE,
        description="Whether it has to use PKCE; only a confidential client can be let off (OAuth 2.1 §7.5.1).",
        form="`required`; `optional` where a `nonce` will do; or `optional_without_nonce`",
        audience=Audience.OPERATOR,
        default=PkcePolicy.REQUIRED.value,
        choices=tuple(policy.value for policy in PkcePolicy),
        enumeration=PkcePolicy,
    ),
    Field(
        name="consent",
        kind=Kind.CHOICE,
        description="When users are asked; of public clients, ask counts unless the redirect URI is https.",
        form="`ask` every time, `remember` what was agreed to, or `trusted` (first party) and never asked",
        audience=Audience.OPERATOR,
        default_words="`remember`; `ask` for a public client",
        choices=tuple(policy.value for policy in ConsentPolicy),
        enumeration=ConsentPolicy,
    ),
    Field(
        name="default_max_age",
        kind=Kind.SECONDS,
        description="Oldest login it accepts.",
        form=f"whole seconds, 0 to {MAX_SECONDS}",
        audience=Audience.CLIENT,
        place=Place.BOTH,
    ),
    Field(
        name="client_uri",
        kind=Kind.URL,
        description="Its home page.",
        form="https URL",
        audience=Audience.PUBLIC,
        place=Place.BOTH,
        check=_check_web_page,
    ),
    Field(
        name="policy_uri",
        kind=Kind.URL,
        description="How it treats data.",
        form="https URL",
        audience=Audience.PUBLIC,
        place=Place.BOTH,
        check=_check_web_page,
    ),
    Field(
        name="tos_uri",
        kind=Kind.URL,
        description="Its terms of service.",
        form="https URL",
        audience=Audience.PUBLIC,
        place=Place.BOTH,
        check=_check_web_page,
    ),
    Field(
        name="logo_uri",
        kind=Kind.URL,
        description="Its logo, which the login and consent pages show.",
        form="https URL with a host name",
        audience=Audience.PUBLIC,
        check=_check_logo,
        pattern="^https://",
    ),
    Field(
        name="contacts",
        kind=Kind.TEXTS,
        description="How to reach those who are responsible for it.",
        form=f"list of at most {MAX_CONTACTS} e-mail addresses or other texts of {MAX_NAME_LENGTH} characters",
        audience=Audience.OPERATOR,
        default=(),
        check=_check_contacts,
    ),
    Field(
        name="software_id",
        kind=Kind.TEXT,
        description="Which software it is, the same for all of its installations.",
        form=f"1 to {MAX_NAME_LENGTH} printable characters",
        audience=Audience.OPERATOR,
        check=_check_name,
    ),
    Field(
        name="allowed_groups",
        kind=Kind.GROUPS,
        description="Group whose members may use it; everyone may unless there is one.",
        form=f"list of at most {MAX_ALLOWED_GROUPS} names of groups that exist",
        audience=Audience.OPERATOR,
        default=(),
        check=_check_groups,
    ),
    Field(
        name="required_acr",
        kind=Kind.CHOICE,
        description="How strongly its users have to sign in at least; who lacks the method sets it up on the way.",
        form="a second factor `" + ACR_MFA + "`, a passkey `phr`, or one that stays in its authenticator `phrh`",
        audience=Audience.OPERATOR,
        check=_check_acr,
        choices=REQUIRABLE_ACR,
    ),
    Field(
        name="id_token_claims",
        kind=Kind.CHOICE,
        description="Claims about the user in ID tokens: those of granted scopes, those requested by name, or none.",
        form=" or ".join(f"`{choice}`" for choice in IdTokenClaims),
        audience=Audience.CLIENT,
        default_words="`scopes` for a confidential client, `requested` for a public one or one of release 0.2",
        choices=tuple(choice.value for choice in IdTokenClaims),
        enumeration=IdTokenClaims,
    ),
    Field(
        name="claim_policy",
        kind=Kind.MAPPING,
        description="Which claims it gets where, and under what names.",
        form=f"mapping from at most {MAX_RULES} names of claims to mappings with some of "
        + ", ".join(f"`{name}`" for name in MEMBERS),
        audience=Audience.OPERATOR,
        check=_check_policy,
        read=ClaimPolicy.of,
    ),
    Field(
        name="enabled",
        kind=Kind.FLAG,
        description="False ends everything the client was given.",
        form="`true` or `false`",
        audience=Audience.OPERATOR,
        place=Place.COLUMN,
        default=True,
    ),
)
FIELD: Mapping[str, Field] = {field.name: field for field in FIELDS}
_IN_DOCUMENT = tuple(field for field in FIELDS if field.place is not Place.COLUMN)
_ONLY_IN_DOCUMENT = tuple(field for field in FIELDS if field.place is Place.DOCUMENT)
