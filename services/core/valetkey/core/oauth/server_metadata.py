"""The discovery documents. RFC 8414 §2, OIDC Discovery §3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.core.authentication.acr import SUPPORTED_ACR
from valetkey.core.client.client import AuthenticationMethod, GrantType
from valetkey.core.jose.keys import SUPPORTED_ALGORITHMS
from valetkey.core.language import SHIPPED
from valetkey.core.oauth.pkce import S256
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS
from valetkey.core.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterable

RESPONSE_MODES = ("query", "fragment", "form_post")
PROMPTS = ("none", "login", "consent", "select_account")
_CONFIDENTIAL = [AuthenticationMethod.BASIC.value, AuthenticationMethod.POST.value]


def authorization_server_metadata(
    issuer: str,
    scopes: Iterable[str],
    claims: frozenset[str] = STANDARD_CLAIMS.names,
    algorithms: Iterable[str] = SUPPORTED_ALGORITHMS,
    languages: Iterable[str] = SHIPPED,
) -> dict[str, object]:
    """Everything a client may rely on. The same members serve as both documents; unknown ones are ignored.

    ``algorithms`` are those that keys are kept ready for, ``languages`` those that pages are in.
    """
    return {
        "issuer": issuer,
        **{route.metadata: f"{issuer}{route.path}" for route in ROUTES if route.metadata is not None},
        "scopes_supported": sorted(scopes),
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": [grant.value for grant in GrantType],
        "token_endpoint_auth_methods_supported": [method.value for method in AuthenticationMethod],
        "revocation_endpoint_auth_methods_supported": [method.value for method in AuthenticationMethod],
        "introspection_endpoint_auth_methods_supported": _CONFIDENTIAL,
        "code_challenge_methods_supported": [S256],
        "authorization_response_iss_parameter_supported": True,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
        "acr_values_supported": list(SUPPORTED_ACR),
        "prompt_values_supported": list(PROMPTS),
        "ui_locales_supported": sorted(languages),
        "claim_types_supported": ["normal"],
        "claims_supported": sorted(
            {"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"} | claims
        ),
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
