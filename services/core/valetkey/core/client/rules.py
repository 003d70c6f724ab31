"""Which rules a client is held to, and why, in words for its operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.core.client.client import Client, ConsentPolicy, PkcePolicy

if TYPE_CHECKING:
    from valetkey.core.client.installation_rules import InstallationRules


_CONSENT = {
    ConsentPolicy.ASK: "asked for every time",
    ConsentPolicy.REMEMBER: "remembered",
    ConsentPolicy.TRUSTED: "never asked for",
}
_LET_OFF = {
    PkcePolicy.OPTIONAL: "pkce: a nonce will do (OAuth 2.1 §7.5.1), because its registration says pkce: optional",
    PkcePolicy.OPTIONAL_WITHOUT_NONCE: "pkce: not required, because its registration says pkce: optional_without_nonce",
}


def client_rules(client: Client, installation: InstallationRules) -> list[str]:
    """One sentence for each rule that a registration or the installation may change."""
    return [
        _authentication(client),
        _redirect_uris(client),
        _pkce(client, installation),
        _consent(client),
        _id_token_alg(client, installation),
        _audience(client, installation),
    ]


def _authentication(client: Client) -> str:
    if client.is_public:
        return "authentication: none, because it is registered as a public client"
    methods = " or ".join(client.authentication_methods)
    if client.token_endpoint_auth_method is None:
        return f"authentication: {methods}, because its registration names neither"
    return f"authentication: {methods} and no other, because its registration says so"


def _redirect_uris(client: Client) -> str:
    ports = "127.0.0.1, [::1] and, because it is native, localhost" if client.is_native else "127.0.0.1 and [::1]"
    return f"redirect URIs: compared exactly, but for the port of {ports}"


def _audience(client: Client, installation: InstallationRules) -> str:
    taken = "another name of resource" if client.takes_audience(installation) else "refused"
    why = "the installation (VALETKEY_AUDIENCE_PARAMETER)" if client.audience_parameter is None else "its registration"
    return f"audience: {taken}, because {why} says so"


def _id_token_alg(client: Client, installation: InstallationRules) -> str:
    if client.id_token_signed_response_alg is not None:
        return f"ID tokens: {client.id_token_signed_response_alg}, because its registration says so"
    return f"ID tokens: {installation.id_token_alg}, the default of the installation (VALETKEY_ID_TOKEN_SIGNING_ALG)"


def _consent(client: Client) -> str:
    if client.consent is None:
        kept = "asked for every time, as of every public client" if client.is_public else "remembered"
        return f"consent: {kept}, because its registration does not say otherwise"
    told = f"consent: {_CONSENT[client.consent]}, because its registration says consent: {client.consent}"
    if all(client.is_proven_by(uri) for uri in client.redirect_uris) or client.consent is ConsentPolicy.ASK:
        return told
    return f"{told}; asked for every time where its redirect URI is not https (RFC 8252 §8.6)"


def _pkce(client: Client, installation: InstallationRules) -> str:
    if client.pkce is PkcePolicy.REQUIRED:
        return "pkce: required, as of every client unless its registration says otherwise"
    if client.is_public:
        return "pkce: required, because it is a public client"
    if not installation.pkce_exceptions:
        return "pkce: required, because the installation permits no exceptions (VALETKEY_PKCE_EXCEPTIONS)"
    return _LET_OFF[client.pkce]
